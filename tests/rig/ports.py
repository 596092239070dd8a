"""Free ports on loopback, below the range from which the kernel gives out ports by itself."""

from __future__ import annotations

import contextlib
import os
import random
import socket

_given: set[int] = set()
_random = random.Random(os.getpid())


def free_port(count: int = 1) -> int:
    """The first of ``count`` ports that neither TCP nor UDP uses now and that this process has not given out before."""
    while True:
        first = _random.randrange(12_000, 32_000, 2)
        block = range(first, first + count)
        if not _given.isdisjoint(block):
            continue
        with contextlib.suppress(OSError):
            for port in block:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    with socket.socket(socket.AF_INET, kind) as probe:
                        probe.bind(("127.0.0.1", port))
            _given.update(block)
            return first
