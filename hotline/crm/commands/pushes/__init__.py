"""Writes of how campaigns leave, and what becomes of it."""
