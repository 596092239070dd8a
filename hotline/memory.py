"""Garbage collection in a process that serves: a full one stops everything for 100 ms."""

from __future__ import annotations

import gc


def settle_memory() -> None:
    """To be called once all is loaded: what exists by now stays for good. It is not searched again, and full
    collections become rare."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 50)
