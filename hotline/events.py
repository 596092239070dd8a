"""What hotline tells the outside: past-tense events, kept in the outbox and sent to browsers and API clients.

An event carries ids only, never personal data (DESIGN §3): the door that delivers it adds what its viewer may see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

#: Every event type with the sentence that the docs and the API print. A house test compares it with the docs.
EVENT_TYPES: Final[Mapping[str, str]] = {
    "snapshot": "What is now: the viewer's rings, calls and presence; sent first on every stream.",
    "call.offered": "A phone of the agent rings; opens the screen pop.",
    "call.retracted": "The agent's phone stopped ringing without being answered by them; closes the pop.",
    "call.answered": "The agent answered the call.",
    "call.transferred": "The call moved from one agent to another.",
    "call.updated": "Facts about a call changed: its customer, queue or a gap.",
    "call.ended": "The call is over.",
    "call.abandoned": "The caller hung up before anyone answered.",
    "customer.created": "A customer was created.",
    "customer.updated": "A customer's record changed.",
    "presence.changed": "The agent signed in to, out of, or paused on a queue.",
    "command.updated": "A command to the PBX changed its state.",
    "pbx.changed": "The connection to a PBX went up or down.",
}

#: Audience marks. An event reaches a viewer when one of its marks is one of the viewer's.
EVERYONE: Final = "everyone"


def user_mark(user_id: UUID) -> str:
    """The mark of one user's own events."""
    return f"user:{user_id}"


def permission_mark(permission: str) -> str:
    """The mark of those who hold a permission, for example supervisors who watch every call."""
    return f"permission:{permission}"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the outbox. ``data`` holds ids, codes and times as JSON values, never personal data."""

    id: UUID
    type: str
    at: datetime
    audience: tuple[str, ...]
    data: Mapping[str, Any] = field(default_factory=dict)
