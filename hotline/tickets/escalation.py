"""Escalation: to which priority a ticket rises, and who gets it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from hotline.tickets.policies import Assign
from hotline.tickets.states import PRIORITIES, Priority

SUPERVISOR: Final = "supervisor"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may get a ticket; ``queues`` are theirs, ``open_tickets`` how many they have."""

    id: UUID
    login: str
    role: str
    queues: tuple[str, ...]
    open_tickets: int


def raised(priority: Priority) -> Priority:
    """The next higher priority; the highest stays."""
    return PRIORITIES[min(PRIORITIES.index(priority) + 1, len(PRIORITIES) - 1)]


def chosen(assign: Assign, candidates: Iterable[Candidate], queue: str | None, assignee_id: UUID | None) -> UUID | None:
    """Who gets the ticket; None when nobody can, so that it stays where it is.

    Who has it already keeps it when they are among those meant. Of a role those come first who serve the ticket's
    queue, then who has the fewest open tickets, then who has been there longest.
    """
    if assign.to == "user":
        return next((each.id for each in candidates if each.login == assign.login), None)
    role = SUPERVISOR if assign.to == "supervisor" else assign.role
    meant = [each for each in candidates if each.role == role]
    near = [each for each in meant if queue in each.queues] or meant
    if any(each.id == assignee_id for each in near):
        return assignee_id
    return min(near, key=lambda each: (each.open_tickets, each.id)).id if near else None


def roles_needed(assign: Assign | None, notify: Iterable[str]) -> set[str]:
    """Whose users must be known to apply a rule."""
    roles = set(notify)
    if assign is not None and assign.to != "user":
        roles.add(SUPERVISOR if assign.to == "supervisor" else assign.role or "")
    return roles
