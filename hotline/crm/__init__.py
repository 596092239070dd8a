"""The records: models, queries (reads), commands (writes), unit of work, audit, leases, migrations."""
