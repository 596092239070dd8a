"""Customers: records, files, imports and exports, duplicates and merges, purchases, erasure."""
