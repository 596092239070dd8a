"""Who of a segment would get something over a channel, who would not and why; and what was frozen of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from hotline.campaigns.consent import REACHED_BY, Channel, Purpose, allows
from hotline.campaigns.facts import BITS, bit
from hotline.campaigns.segment_rules import Rule
from hotline.crm.database import Reader
from hotline.crm.queries.campaigns.segment_sql import Asked, condition, source
from hotline.crm.scopes import Arguments, Bind
from hotline.crm.viewer import Viewer
from hotline.errors import Forbidden

#: Why somebody of a segment gets nothing, in the order in which it is asked.
Reason = Literal[
    "excluded_by_list", "no_contact_point", "suppressed", "consent_withdrawn", "no_consent", "same_address",
    "over_limit",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lists:
    """The lists of a segment at one of its versions."""

    segment_id: UUID
    version: int

    def sql(self, side: Literal["include", "exclude"], bind: Bind) -> str:
        """A statement that answers the ids of who is on one. Whoever was merged into another stands for that one: who
        was never to be written to is not written to by another record."""
        version = bind(self.version)
        return (
            "SELECT coalesce(k.merged_into_id, k.id) FROM segment_member m JOIN customer k ON k.id = m.customer_id"  # noqa: S608
            f" WHERE m.segment_id = {bind(self.segment_id)}::uuid AND m.side = '{side}' AND m.added <= {version}::int"
            f" AND (m.removed IS NULL OR m.removed > {version}::int)"
        )


@dataclass(frozen=True, slots=True)
class Definition:
    """Whom a segment means: its rules, and its lists where it was saved."""

    rule: Rule
    lists: Lists | None = None


def members(definition: Definition, asked: Asked) -> tuple[str, str]:
    """FROM and WHERE of whom a definition means, its list of who is out left aside."""
    wanted = condition(definition.rule, asked)
    if definition.lists is not None:
        wanted = f"({wanted} OR f.customer_id IN ({definition.lists.sql('include', asked.bind)}))"
    return source(definition.rule), wanted


def excluded(definition: Definition, asked: Asked) -> str:
    """The condition that somebody is on the list of who is out."""
    if definition.lists is None:
        return "false"
    return f"f.customer_id IN ({definition.lists.sql('exclude', asked.bind)})"


def held_back(channel: Channel, purpose: Purpose, out: str) -> str:
    """An expression for the reason why somebody gets nothing, by the facts; null: they do."""
    reached, wanted = BITS[channel], bit(channel, purpose)
    cases = [
        f"WHEN {out} THEN 'excluded_by_list'",
        f"WHEN f.reach & {reached} = 0 THEN 'no_contact_point'",
        f"WHEN f.unblocked & {wanted} = 0 THEN 'suppressed'",
    ]
    if not allows(channel, purpose, "withdrawn"):
        cases.append(f"WHEN f.withdrawn & {wanted} <> 0 THEN 'consent_withdrawn'")
    if not allows(channel, purpose, None):
        cases.append(f"WHEN f.granted & {wanted} = 0 THEN 'no_consent'")
    return f"CASE {' '.join(cases)} END"


def kinds(channel: Channel) -> list[str]:
    """The kinds of contact points that a channel goes to, the best first; none: it needs none."""
    return list(REACHED_BY[channel])


@dataclass(frozen=True, slots=True)
class Breakdown:
    """``matched`` are all of the segment; ``recipients`` of them would get it, ``excluded`` by reason would not. That
    several share one address is seen when an audience is frozen only: then each address counts once."""

    matched: int
    recipients: int
    excluded: Mapping[Reason, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Piece:
    """Customers in the order of their ids: those behind ``after``, up to ``last``; None: no bound."""

    after: UUID | None = None
    last: UUID | None = None

    def sql(self, bind: Bind) -> str:
        """The condition on the facts."""
        bounds = [f"f.customer_id {sign} {bind(at)}::uuid" for sign, at in ((">", self.after), ("<=", self.last)) if at]
        return f"({' AND '.join(bounds)})" if bounds else "true"


def require_all(viewer: Viewer) -> None:
    """Raise Forbidden for who may not see segments, or sees only some of the customers: numbers would tell of the
    others."""
    viewer.require("segments.read")
    if viewer.scope_of("customers") != "all":
        raise Forbidden("Segments are of all customers, and your role sees only some of them.")


async def count_customers(db: Reader, viewer: Viewer) -> int:
    """How many customers there are, without those who were merged into others or erased. Raises Forbidden."""
    require_all(viewer)
    found: int = await db.fetchval("SELECT count(*) FROM customer_facts")
    return found


async def next_piece(db: Reader, viewer: Viewer, after: UUID | None, size: int) -> Piece:
    """The next ``size`` customers behind one; its ``last`` is None when they are the last. Raises Forbidden."""
    require_all(viewer)
    last = await db.fetchval(
        """SELECT customer_id FROM customer_facts WHERE $1::uuid IS NULL OR customer_id > $1
           ORDER BY customer_id OFFSET $2 LIMIT 1""",
        *(after, size - 1),
    )
    return Piece(after, last)


async def breakdown(
    db: Reader,
    viewer: Viewer,
    definition: Definition,
    channel: Channel | None,
    purpose: Purpose,
    now: datetime,
    zone: ZoneInfo,
    *,
    among: Piece | None = None,
) -> Breakdown:
    """Count a definition by the facts, by reason where a channel is given; only ``among`` a piece of all customers.
    Raises Forbidden."""
    require_all(viewer)
    bind = Arguments()
    asked = Asked(bind, now, zone)
    found, where = members(definition, asked)
    if among is not None:
        where = f"{among.sql(bind)} AND {where}"
    out = excluded(definition, asked)
    reason = f"CASE WHEN {out} THEN 'excluded_by_list' END" if channel is None else held_back(channel, purpose, out)
    rows = await db.fetch(
        f"SELECT reason, count(*) AS number FROM (SELECT {reason} AS reason FROM {found} WHERE {where}) AS told"  # noqa: S608
        " GROUP BY reason",
        *bind.values,
    )
    counts: dict[Reason | None, int] = {row["reason"]: row["number"] for row in rows}
    recipients = counts.pop(None, 0)
    by_reason = {why: number for why, number in counts.items() if why is not None}
    return Breakdown(recipients + sum(by_reason.values()), recipients, by_reason)
