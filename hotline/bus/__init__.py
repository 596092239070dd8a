"""Nudges between processes. The database is the truth; a lost nudge costs time, never a fact."""

from hotline.bus.base import Bus, BusHealth, Message, Resync, Subscription
from hotline.bus.memory import MemoryBus

__all__ = ["Bus", "BusHealth", "MemoryBus", "Message", "Resync", "Subscription"]
