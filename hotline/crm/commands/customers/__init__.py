"""Writes of customers: records, search, imports and exports, duplicates and merges, erasure."""
