"""Reads of mail of conversations."""
