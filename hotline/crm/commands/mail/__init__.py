"""Writes of mail of conversations."""
