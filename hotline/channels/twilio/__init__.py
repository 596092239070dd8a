"""Twilio: signatures, requests, TwiML. The only room that imports the twilio library."""
