"""The schema, step by step. Each file was reviewed operation by operation; tests run it on a populated database."""
