"""Dispatch: what campaigns released leaves over a channel, and what becomes of it."""
