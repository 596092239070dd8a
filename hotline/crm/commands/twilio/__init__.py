"""Writes of what Twilio is asked and tells."""
