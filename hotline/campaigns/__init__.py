"""What a push may be and do: segments, content, schedule, limits, consent. Pure."""
