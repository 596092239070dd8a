"""Tickets: opened, kept, their clocks and what becomes due on these."""
