"""Free ports on loopback, below the range from which the kernel gives out ports by itself.

A port is taken by another program some time after it was asked for, so each worker of a test run gives out ports of a
range of its own.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
from typing import Final

_ALL: Final = range(12_000, 32_000)
_WORKERS: Final = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_EACH: Final = len(_ALL) // _WORKERS
_OWN: Final = _ALL[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) * _EACH :][:_EACH]
_given: set[int] = set()
_random = random.Random(os.getpid())


def free_port(count: int = 1) -> int:
    """The first of ``count`` ports, an even one, that neither TCP nor UDP uses now; none is given out twice."""
    while True:
        first = _random.randrange(_OWN.start + _OWN.start % 2, _OWN.stop - count, 2)
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
