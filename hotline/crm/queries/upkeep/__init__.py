"""Reads of the house's keep: audit, jobs, retention."""
