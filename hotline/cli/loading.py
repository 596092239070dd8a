"""Loading a large part of the program at once."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_once() -> Iterator[None]:
    """Import without collecting garbage meanwhile, which a quarter of the time would go into: what is loaded stays."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
