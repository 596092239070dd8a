"""Reads of campaigns: segments, templates, review, runs, results."""
