"""What hotline tells the outside: past-tense events, kept in the outbox and sent to browsers and API clients.

An event carries ids only, never personal data (DESIGN §3): the door that delivers it adds what its viewer may see.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
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
    "ticket.created": "A ticket was opened, by a call or by hand; `provisional` until the call is answered or missed.",
    "ticket.updated": "A ticket changed: its state, kind, assignee, customer, deadlines or calls.",
    "ticket.discarded": "A provisional ticket turned out to be none: a wrong number, or dropped by rule.",
    "ticket.warned": "A deadline of a ticket comes near.",
    "ticket.breached": "A deadline of a ticket has passed.",
    "ticket.escalated": "A rule raised a ticket to somebody else or to a higher priority.",
    "wrap_up.started": "The agent's call is over and its wrap-up runs; they are paused for it.",
    "wrap_up.ended": "The wrap-up is done, or its time is up.",
    "recording.stored": "A voicemail or a recording of a call arrived.",
    "recording.deleted": "A recording was deleted, by a person or at the end of its retention.",
    "flow.changed": "A flow has a new version, or its file was refused.",
    "prompt.failed": "A prompt could not be made in a language; callers hear another one.",
    "customer.created": "A customer was created.",
    "customer.updated": "A customer's record changed.",
    "customer.merged": "Two customers became one.",
    "customer.separated": "A merge was undone: there are two customers again.",
    "customer.erased": "A customer was erased for good.",
    "job.updated": "Work in the background went on, ended or failed: an import, an export, a batch.",
    "user.updated": "A user's profile, queues or skills changed.",
    "rights.changed": "The rights of users changed; what is shown to them is read anew.",
    "settings.changed": "A setting, a list or a custom field of the company changed.",
    "presence.changed": "The agent signed in to, out of, or paused on a queue.",
    "conversation.created": "A conversation of messages began: a customer wrote, or an agent wrote first.",
    "conversation.updated": "A conversation changed: its state, who has it, its customer, its ticket.",
    "conversation.typing": "Somebody writes a reply, or stopped; not kept, sent live only.",
    "message.received": "A customer wrote: SMS, WhatsApp, email.",
    "message.sent": "A message left for a customer, or waits to leave.",
    "message.updated": "What became of a message: sent, delivered, read, failed.",
    "segment.updated": "A segment was created or changed, or counted anew.",
    "template.updated": "A template was created or changed.",
    "campaign.created": "A campaign was created.",
    "campaign.updated": "A campaign changed: its content, its state, its schedule.",
    "campaign.submitted": "A campaign waits for review.",
    "campaign.approved": "A reviewer approved a campaign.",
    "campaign.rejected": "A reviewer rejected a campaign.",
    "campaign.withdrawn": "An approval was withdrawn, or became void by a change.",
    "campaign.progress": "How far a running campaign is: counts, rate, expected end.",
    "campaign.paused": "A running campaign was paused, by a person or by a limit.",
    "campaign.completed": "A campaign is through.",
    "outbound.stopped": "Everything outbound was stopped.",
    "outbound.resumed": "Outbound messages may leave again.",
    "consent.changed": "A customer's consent or suppression changed.",
    "twilio.changed": "The connection to Twilio went up or down, or one of its numbers changed.",
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


def queue_mark(queue: str) -> str:
    """The mark of a queue's events, for those whose teams it belongs to."""
    return f"queue:{queue}"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the outbox. ``data`` holds ids, codes and times as JSON values, never personal data."""

    id: UUID
    type: str
    at: datetime
    audience: tuple[str, ...]
    data: Mapping[str, Any] = field(default_factory=dict)


#: Bus topics: live events as they commit, and the greatest number that the outbox relay has given out.
TOPIC_EVENTS: Final = "events"
TOPIC_NUMBERED: Final = "numbered"

#: Most bytes of one bus message; PostgreSQL's NOTIFY carries less than 8000.
LARGEST_MESSAGE: Final = 7000
#: Made once: ``json.dumps`` would make one for each event.
_ENCODED: Final = json.JSONEncoder(separators=(",", ":")).encode


def encode(events: Iterable[Event]) -> list[bytes]:
    """The events as bus messages. One that is too large is left out: it arrives by its number, a moment later."""
    messages: list[bytes] = []
    batch: list[str] = []
    size = 2
    for event in events:
        text = _ENCODED(
            {
                "id": str(event.id),
                "type": event.type,
                "at": event.at.isoformat(),
                "audience": event.audience,
                "data": event.data,
            }
        )
        if len(text) + 2 > LARGEST_MESSAGE:
            continue
        if size + len(text) + 1 > LARGEST_MESSAGE:
            messages.append(f"[{','.join(batch)}]".encode())
            batch, size = [], 2
        batch.append(text)
        size += len(text) + 1
    if batch:
        messages.append(f"[{','.join(batch)}]".encode())
    return messages


def decode(message: bytes) -> list[Event]:
    """The events of one bus message of the topic ``events``."""
    return [
        Event(
            UUID(item["id"]),
            item["type"],
            datetime.fromisoformat(item["at"]),
            tuple(item["audience"]),
            item["data"],
        )
        for item in json.loads(message)
    ]
