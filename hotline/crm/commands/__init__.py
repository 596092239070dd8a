"""Writes, a file per noun. Each takes the unit of work in which it happens."""
