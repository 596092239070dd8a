"""What pictures of flows say. Apart from ``ivr.draw``, which loads numpy with its layout: a tenth of a second and 20 MB
that only a process which draws should pay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: How often callers left a node by a way.
Counts = Mapping[tuple[str, str], int]

#: What pictures call types of nodes and ways; pages translate them.
TYPES: Final = {
    "say": "say", "play": "play", "menu": "menu", "gather": "digits", "language": "language", "hours": "hours",
    "lookup": "lookup", "set": "set", "branch": "branch", "enqueue": "queue", "transfer": "transfer",
    "voicemail": "voicemail", "survey": "survey", "flow": "flow", "return": "back", "hang_up": "hang up",
}  # fmt: skip
WAYS: Final = {
    "next": "next", "otherwise": "otherwise", "skip": "skipped", "open": "open", "closed": "closed",
    "holiday": "holiday", "found": "found", "missing": "not found", "failed": "failed", "answered": "answered",
    "timeout": "nobody in time", "empty": "no agent", "full": "full", "unanswered": "not answered",
    "recorded": "recorded", "no message": "no message", "entered": "entered",
}  # fmt: skip
KINDS: Final = {
    "consultation": "consultation", "complaint": "complaint", "service_request": "service request",
}  # fmt: skip
