"""Writes of conversations and messages, their files and macros, and how replies leave."""
