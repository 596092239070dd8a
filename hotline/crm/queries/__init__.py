"""Reads, a file per noun. Each takes the viewer whose scope and masks apply."""
