"""Twilio: its calls, its messages, agents whom it rings, and what it says later."""
