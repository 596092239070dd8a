"""Pages of the telephone: calls, presence, recordings, commands to the PBX."""
