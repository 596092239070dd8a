"""What runs by itself: the outbox relay, the audit sealer, the upkeep."""
