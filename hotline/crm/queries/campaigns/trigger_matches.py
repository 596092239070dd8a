"""Customers to whom something happened that a triggered campaign waits for, with what it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.campaigns.schedule import Birthday, FeeDue, NoContact, Purchased, TicketClosed, Triggered
from hotline.campaigns.triggers import Window, anniversaries
from hotline.crm.database import Reader
from hotline.crm.scopes import Arguments, Bind
from hotline.crm.viewer import Viewer

#: Customers told at once.
MOST: Final = 2_000


@dataclass(frozen=True, slots=True)
class Match:
    """A customer, when it happened, and the record that it happened by, as ids alone."""

    customer_id: UUID
    at: datetime | None
    facts: Mapping[str, str] | None


# Each customer once, the latest happening of the window; who has a delivery of this day is through with it.
_MATCHES: Final = """
SELECT DISTINCT ON (h.customer_id) h.customer_id, h.at, h.source
FROM ({happened}) h JOIN customer c ON c.id = h.customer_id
WHERE c.erased_at IS NULL AND c.merged_into_id IS NULL AND h.customer_id > {after}
  AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.campaign_id = {campaign} AND d.occurrence = {occurrence}
                  AND d.customer_id = h.customer_id)
ORDER BY h.customer_id, h.at DESC LIMIT {most}
"""
_GIVEN: Final = """
SELECT id AS customer_id, NULL::timestamptz AS at, NULL::uuid AS source FROM unnest({ids}) AS given (id)
"""


async def matches(
    db: Reader,
    viewer: Viewer,
    schedule: Triggered,
    window: Window,
    campaign_id: UUID,
    after: UUID | None = None,
    *,
    given: Sequence[UUID] | None = None,
) -> list[Match]:
    """Up to MOST customers of a window without a delivery of its day, in the order of their ids, from after ``after``
    on. ``given``: whose day it is, where the records tell it of nobody, being sealed."""
    viewer.require("campaigns.read")
    bind = Arguments()
    if given is None:
        happened, named = _happened(schedule, window, bind)
    else:
        happened, named = _GIVEN.format(ids=f"{bind(list(given))}::uuid[]"), "customer_id"
    rows = await db.fetch(
        _MATCHES.format(
            happened=happened,
            after=f"{bind(after or UUID(int=0))}::uuid",
            campaign=f"{bind(campaign_id)}::uuid",
            occurrence=f"{bind(window.occurrence)}::int",
            most=f"{bind(MOST)}::int",
        ),
        *bind.values,
    )
    return [
        Match(row["customer_id"], row["at"], None if row["source"] is None else {named: str(row["source"])})
        for row in rows
    ]


def _happened(schedule: Triggered, window: Window, bind: Bind) -> tuple[str, str]:
    """A statement that answers (customer_id, at, source), and what the source's id is called."""
    trigger: Any = schedule.trigger
    match trigger:
        case Birthday():
            days = f"{bind(anniversaries(trigger, window.day))}::text[]"
            return (
                "SELECT id AS customer_id, NULL::timestamptz AS at, NULL::uuid AS source FROM customer"  # noqa: S608
                f" WHERE substr(custom ->> {bind(trigger.field)}::text, 6, 5) = ANY({days})",
                "customer_id",
            )
        case TicketClosed():
            kinds = _words("kind", trigger.kinds, bind)
            return (
                "SELECT customer_id, closed_at AS at, id AS source FROM ticket"  # noqa: S608
                f" WHERE customer_id IS NOT NULL AND state = 'closed' AND {_within('closed_at', window, bind)}{kinds}",
                "ticket_id",
            )
        case Purchased():
            kinds = _words("kind", trigger.kinds, bind)
            return (
                "SELECT customer_id, at, id AS source FROM purchase"  # noqa: S608
                f" WHERE deleted_at IS NULL AND {_within('at', window, bind)}{kinds}",
                "purchase_id",
            )
        case FeeDue():
            return (
                "SELECT customer_id, ends_at AS at, id AS source FROM purchase"  # noqa: S608
                f" WHERE deleted_at IS NULL AND {_within('ends_at', window, bind)}",
                "purchase_id",
            )
        case NoContact():
            return (
                "SELECT customer_id, last_contact_at AS at, NULL::uuid AS source FROM customer_facts"  # noqa: S608
                f" WHERE {_within('last_contact_at', window, bind)}",
                "customer_id",
            )
    raise ValueError(f"nothing happens to single customers by {trigger.on}")


def _within(column: str, window: Window, bind: Bind) -> str:
    return f"{column} >= {bind(window.first)}::timestamptz AND {column} < {bind(window.until)}::timestamptz"


def _words(column: str, words: Sequence[str], bind: Bind) -> str:
    return f" AND {column} = ANY({bind(list(words))}::text[])" if words else ""


async def released_on(db: Reader, viewer: Viewer, campaign_id: UUID, occurrence: int) -> int:
    """How many deliveries a day of a triggered campaign has: they count towards its cap, whatever became of them."""
    viewer.require("campaigns.read")
    found: int = await db.fetchval(
        "SELECT count(*) FROM delivery WHERE campaign_id = $1 AND occurrence = $2", campaign_id, occurrence
    )
    return found
