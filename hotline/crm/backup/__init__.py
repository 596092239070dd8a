"""Backups: a sealed stream, the records in it as PostgreSQL copies them, and the way back."""
