"""The life of a command to a PBX, as a table. Terminal states stick; ``unknown`` may still turn out either way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

CommandState = Literal["pending", "sent", "done", "failed", "expired", "unknown"]
CommandAction = Literal[
    "originate",
    "hangup",
    "blind_transfer",
    "attended_transfer",
    "pause",
    "unpause",
    "sign_in",
    "sign_out",
    "pause_recording",
    "resume_recording",
]

#: From each state, where it may go. ``sent`` is written before the PBX is told, so that nothing is told twice.
NEXT: Final[Mapping[CommandState, frozenset[CommandState]]] = {
    "pending": frozenset({"sent", "failed", "expired"}),
    "sent": frozenset({"done", "failed", "unknown"}),
    "unknown": frozenset({"done", "failed"}),
    "done": frozenset(),
    "failed": frozenset(),
    "expired": frozenset(),
}


def sources(target: CommandState) -> list[str]:
    """The states from which ``target`` may be reached."""
    return sorted(state for state, following in NEXT.items() if target in following)
