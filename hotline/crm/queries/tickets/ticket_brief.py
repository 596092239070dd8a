"""A ticket in short, as its call carries it: what the screen pop shows, read by the statement that reads the call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.crm.keys import Keyring, PersonalKey, Wrapped
from hotline.crm.viewer import Viewer
from hotline.tickets.states import State, next_states, reference


@dataclass(frozen=True, slots=True)
class Attached:
    """How a call came to its ticket: it ``opened`` it, joined it by ``rule`` or ``hand``, or is a ``callback``."""

    by: str
    rule: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class TicketBrief:
    """A ticket as its call shows it. ``next_states`` are those that the viewer may choose."""

    id: UUID
    number: int
    reference: str
    kind: str
    kind_by: str
    state: State
    next_states: tuple[State, ...]
    provisional: bool
    priority: str
    subject: str
    description: str
    category: str | None
    customer_id: UUID | None
    assignee: str | None
    assignee_id: UUID | None
    queue: str | None
    tier: str | None
    service: str | None
    source: str
    follows_id: UUID | None
    first_response_due: datetime | None
    first_response_at: datetime | None
    resolution_due: datetime | None
    due_at: datetime | None
    waiting_since: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    escalated: int
    callback_due: datetime | None
    callback_done_at: datetime | None
    disposition: str | None
    discarded_as: str | None
    version: int
    created_at: datetime
    updated_at: datetime


#: The columns of a ticket ``t`` with its assignee ``a`` and its key ``k``, in the order of ``brief_of``.
BRIEF: Final = """t.id, t.number, t.kind, t.kind_by, t.state, t.provisional, t.priority, t.subject_cipher,
    t.description_cipher, t.key_id, k.wrapped, k.master, t.category, t.customer_id, a.login, t.assignee_id, t.queue,
    t.tier, t.service, t.source, t.follows_id, t.first_response_due, t.first_response_at, t.resolution_due, t.due_at,
    t.waiting_since, t.resolved_at, t.closed_at, t.escalated, t.callback_due, t.callback_done_at, t.disposition,
    t.discarded_as, t.version, t.created_at, t.updated_at"""
BRIEF_FROM: Final = """ticket t LEFT JOIN users a ON a.id = t.assignee_id
    LEFT JOIN personal_key k ON k.id = t.key_id"""


def brief_of(keyring: Keyring, viewer: Viewer, fields: Sequence[Any]) -> TicketBrief:
    """A ticket out of the columns of BRIEF."""
    return TicketBrief(**brief_fields(keyring, viewer, fields))


def brief_fields(keyring: Keyring, viewer: Viewer, fields: Sequence[Any]) -> dict[str, Any]:
    """The same by the names of TicketBrief."""
    names = (
        "id", "number", "kind", "kind_by", "state", "provisional", "priority", "subject", "description", "key_id",
        "wrapped", "master", "category", "customer_id", "assignee", "assignee_id", "queue", "tier", "service", "source",
        "follows_id", "first_response_due", "first_response_at", "resolution_due", "due_at", "waiting_since",
        "resolved_at", "closed_at", "escalated", "callback_due", "callback_done_at", "disposition", "discarded_as",
        "version", "created_at", "updated_at",
    )  # fmt: skip
    values = dict(zip(names, fields, strict=True))
    key_id, wrapped, master = (values.pop(name) for name in ("key_id", "wrapped", "master"))
    key = keyring.unwrap(key_id, Wrapped(master, wrapped)) if wrapped is not None else None
    for name in ("subject", "description"):
        values[name] = _text(keyring, key, values["id"], name, values[name])
    values["reference"] = reference(values["number"])
    values["next_states"] = next_states_of(viewer, values["state"])
    return values


def next_states_of(viewer: Viewer, state: State) -> tuple[State, ...]:
    """The states that the viewer may choose."""
    return next_states(state, viewer.permissions)


def _text(keyring: Keyring, key: PersonalKey | None, ticket_id: UUID, name: str, sealed: bytes | None) -> str:
    if key is None or sealed is None:
        return ""
    return keyring.decrypt(key, "ticket", f"{name}_cipher", ticket_id, sealed)


def attached(by: str | None, at: datetime | None) -> Attached:
    """How a call came to its ticket."""
    return Attached(by or "opened", "same_customer_and_kind" if by == "rule" else None, at)
