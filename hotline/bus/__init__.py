"""Nudges between processes. The database is the truth; a lost nudge costs time, never a fact.

``hotline.bus.postgres`` and ``hotline.bus.redis`` are imported by name: each brings its own library.
"""

from hotline.bus.base import Bus, BusHealth, Message, Resync, Subscription
from hotline.bus.memory import MemoryBus

__all__ = ["Bus", "BusHealth", "MemoryBus", "Message", "Resync", "Subscription"]
