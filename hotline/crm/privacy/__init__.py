"""Where a person is in the records: what their report shows of each table, and what erasing them does to it."""
