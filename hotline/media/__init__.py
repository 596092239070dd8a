"""Sound: prompts made by a speech command, and encrypted recordings on disk."""
