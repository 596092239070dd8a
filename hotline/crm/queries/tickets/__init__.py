"""Reads of tickets, their clocks, history and lists."""
