"""Sound: prompts, files, recordings."""
