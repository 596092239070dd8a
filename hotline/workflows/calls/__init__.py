"""The telephone: a story's lines become rows, agents' presence, recordings."""
