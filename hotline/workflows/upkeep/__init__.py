"""The house's keep: audit, backup and restore, retention, support."""
