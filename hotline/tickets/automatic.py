"""Tickets that calls make by themselves: when a call opens one, and how its ticket follows it.

A call opens one ticket, provisional until it is known how the call ended: the caller chose something in the IVR, a
phone rang, or the caller went away unanswered. Everything here is a function of what is known of the call, so that the
order and the number of times in which it became known make no difference. What an agent did by hand stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from hotline.tickets.states import DEFAULT_KIND, AttachedBy, DiscardedAs, Kind, KindBy, State

Outcome = Literal["going", "answered", "missed"]

KINDS: Final[frozenset[str]] = frozenset({"consultation", "complaint", "service_request"})


@dataclass(frozen=True, slots=True)
class Rules:
    """The company's rules (``hotline.crm.company.Tickets``)."""

    attach_days: int = 7
    attach_same_kind: bool = True
    discard_unanswered_seconds: int = 0


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What a ticket follows of its call. ``choice`` is the kind that the caller chose. ``agents`` are all who answered
    it, ``agent`` is who has it now or had it last; ``rang`` and ``queued``: somebody could have answered. ``blind``:
    hotline could not hear the PBX for a part of it, so that more may have happened than is known."""

    id: UUID
    direction: str
    offered_at: datetime
    choice: Kind | None = None
    customer_id: UUID | None = None
    queue: str | None = None
    rang: bool = False
    queued: bool = False
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    disposition: str | None = None
    agent: UUID | None = None
    agents: frozenset[UUID] = frozenset()
    blind: bool = False

    @property
    def outcome(self) -> Outcome:
        """Answered once is answered for good; over without that is missed, voicemail included."""
        if self.answered_at is not None:
            return "answered"
        return "missed" if self.ended_at is not None else "going"

    @property
    def kind(self) -> Kind:
        """What it is about, as far as the call says."""
        return self.choice or DEFAULT_KIND


@dataclass(frozen=True, slots=True)
class Followed:
    """What of a ticket follows its calls."""

    state: State = "new"
    provisional: bool = True
    kind: Kind = DEFAULT_KIND
    kind_by: KindBy = "default"
    customer_id: UUID | None = None
    queue: str | None = None
    assignee_id: UUID | None = None
    assigned_by: str | None = None
    first_response_at: datetime | None = None
    callback_due: datetime | None = None
    callback_call_id: UUID | None = None
    callback_done_at: datetime | None = None
    discarded_as: DiscardedAs | None = None

    @property
    def callback_open(self) -> bool:
        """Whether somebody is to be called back still."""
        return self.callback_due is not None and self.callback_done_at is None


def opens(call: CallFacts) -> bool:
    """Whether a call has a ticket: somebody chose something, could have answered, or was spoken to or missed. Of a call
    that was over while nobody could hear it, it is taken for granted."""
    if call.direction != "in":
        return False
    missed = call.outcome == "missed" and (call.queued or call.disposition == "voicemail" or call.blind)
    return call.choice is not None or call.rang or call.answered_at is not None or missed


def joins(call: CallFacts, rules: Rules) -> tuple[UUID, Kind | None, datetime] | None:
    """Which open tickets a call may join by rule: of this customer, of this kind (None: any), opened since then. None:
    it opens its own."""
    if call.customer_id is None or rules.attach_days == 0 or call.direction != "in":
        return None
    kind = call.kind if rules.attach_same_kind else None
    return call.customer_id, kind, call.offered_at - timedelta(days=rules.attach_days)


def still_joined(call: CallFacts, ticket: Followed, rules: Rules) -> bool:
    """Whether a call that joined a ticket by rule still belongs to it, now that more is known of the call."""
    if ticket.customer_id != call.customer_id:
        return False
    return call.choice is None or not rules.attach_same_kind or ticket.kind == call.choice or ticket.kind_by == "hand"


def follow(
    ticket: Followed, before: CallFacts | None, call: CallFacts, by: AttachedBy, rules: Rules, callback_due: datetime
) -> dict[str, Any]:
    """What changes on a ticket when its call went on from ``before`` (None: nothing of it was told to this ticket).

    ``callback_due`` is when a missed caller is to be called back. Changes are made on the step from one to the other,
    so that what a person did in between stays.
    """
    changes: dict[str, Any] = {}
    if by == "opened":
        changes |= _as_chosen(ticket, call)
    elif ticket.customer_id is None and call.customer_id is not None:
        changes["customer_id"] = call.customer_id
    if ticket.state == "discarded" and ticket.discarded_as != "rule":
        return changes
    earlier = "going" if before is None else before.outcome
    if call.outcome == "answered":
        if earlier != "answered":
            changes |= _answered(ticket, call, by)
        changes |= _assigned(ticket, call)
    elif call.outcome == "missed" and earlier == "going" and by != "callback":
        changes |= _missed(ticket, call, by, rules, callback_due)
    return {name: value for name, value in changes.items() if getattr(ticket, name) != value}


def _as_chosen(ticket: Followed, call: CallFacts) -> dict[str, Any]:
    changes: dict[str, Any] = {"customer_id": call.customer_id, "queue": call.queue or ticket.queue}
    if ticket.kind_by != "hand":
        changes |= {"kind": call.kind, "kind_by": "choice" if call.choice is not None else "default"}
    return {name: value for name, value in changes.items() if getattr(ticket, name) != value}


def _answered(ticket: Followed, call: CallFacts, by: AttachedBy) -> dict[str, Any]:
    changes: dict[str, Any] = {"provisional": False}
    if ticket.state in ("new", "discarded") or (ticket.state == "waiting" and by != "opened"):
        changes |= {"state": "open", "discarded_as": None}
    if ticket.first_response_at is None:
        changes["first_response_at"] = call.answered_at
    if ticket.callback_open:
        if ticket.callback_call_id == call.id and by != "callback":
            # It had been taken for missed: nobody is to be called back for it.
            changes |= {"callback_due": None, "callback_call_id": None}
        else:
            changes["callback_done_at"] = call.answered_at
    return changes


def _assigned(ticket: Followed, call: CallFacts) -> dict[str, Any]:
    """Nobody's ticket goes to who answered; one of an agent who gave the call away goes with it."""
    if call.agent is None or ticket.assignee_id == call.agent:
        return {}
    gave_away = ticket.assigned_by != "hand" and ticket.assignee_id in call.agents
    if (ticket.assignee_id is None and ticket.assigned_by != "hand") or gave_away:
        return {"assignee_id": call.agent, "assigned_by": "call"}
    return {}


def _missed(ticket: Followed, call: CallFacts, by: AttachedBy, rules: Rules, callback_due: datetime) -> dict[str, Any]:
    if by == "opened" and _too_short(call, rules):
        return {"state": "discarded", "discarded_as": "rule"}
    changes: dict[str, Any] = {"provisional": False}
    if not ticket.callback_open:
        changes |= {"callback_due": callback_due, "callback_call_id": call.id, "callback_done_at": None}
    return changes


def _too_short(call: CallFacts, rules: Rules) -> bool:
    """A caller who hung up at once without having chosen anything meant somebody else."""
    if call.choice is not None or call.blind or call.disposition != "abandoned" or call.ended_at is None:
        return False
    return (call.ended_at - call.offered_at).total_seconds() < rules.discard_unanswered_seconds
