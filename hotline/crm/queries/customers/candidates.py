"""Who may be calling: everything that a screen pop shows about the customers of one number, by one
statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring
from hotline.crm.queries.customers.custom_fields import MOST_FACTS, PopFact, pop_facts
from hotline.crm.queries.customers.customer_views import custom_values
from hotline.crm.queries.customers.customers import (
    MOST_SHARING,
    ContactPointView,
    contact_point_view,
    customer_name,
    customer_reference,
    personal_key,
    tier_of,
)
from hotline.crm.queries.customers.tiers import TierView
from hotline.crm.scopes import Arguments, all_of, customers_seen
from hotline.crm.viewer import Viewer

#: Lines of the timeline that a pop shows.
LINES: Final = 5
#: Calls are counted up to this: "1000 or more" is all that a pop needs to say.
MOST_CALLS: Final = 1000


@dataclass(frozen=True, slots=True)
class InteractionLine:
    """One line of the timeline in short. ``talk_seconds`` is None for what was no answered call."""

    id: UUID
    kind: str
    at: datetime
    direction: str | None
    user_name: str | None
    call_id: UUID | None
    queue: str | None
    disposition: str | None
    talk_seconds: int | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A customer who has the caller's number. ``calls`` counts earlier and present calls, up to MOST_CALLS;
    ``contact_points`` are those of the kinds phone and whatsapp."""

    id: UUID
    number: int
    reference: str
    kind: str
    name: str
    locale: str | None
    tier: TierView | None
    responsible_id: UUID | None
    tags: tuple[str, ...]
    contact_points: tuple[ContactPointView, ...]
    interactions: tuple[InteractionLine, ...]
    calls: int
    last_call_at: datetime | None
    open_call_ids: tuple[UUID, ...]
    erased: bool
    version: int
    facts: tuple[PopFact, ...] = ()


# Calls of the last day only: a call that has been open for longer is a lost one, and nobody's open thing.
_SELECT: Final = f"""
SELECT c.id, c.number, c.kind, c.name_cipher, c.locale, c.responsible_id, c.version, c.key_id, c.custom,
    c.custom_cipher,
    ARRAY(SELECT (f.key, f.names, f.type, f.options, f.private) FROM custom_field f
          WHERE f.shown_in_pop AND f.archived_at IS NULL AND f.record IN ('customer', c.kind)
          ORDER BY f.position, f.key LIMIT {MOST_FACTS}) AS pop_fields,
    k.wrapped, k.master,
    t.id AS tier_id, t.key AS tier_key, t.names AS tier_names, t.rank AS tier_rank,
    t.queue_priority AS tier_priority,
    ARRAY(SELECT g.name FROM customer_tag ct JOIN tag g ON g.id = ct.tag_id
          WHERE ct.customer_id = c.id ORDER BY lower(g.name)) AS tags,
    ARRAY(SELECT (p.id, p.kind, p.value_cipher, p.label, p.country) FROM contact_point p
          WHERE p.customer_id = c.id AND p.kind IN ('phone', 'whatsapp') ORDER BY p.position, p.id
          LIMIT 10) AS contact_points,
    ARRAY(SELECT (i.id, i.kind, i.at, i.direction, u.name, i.call_id, l.queue, l.disposition,
                  CASE WHEN l.answered_at IS NOT NULL
                       THEN extract(epoch FROM l.ended_at - l.answered_at)::int END)
          FROM interaction i LEFT JOIN users u ON u.id = i.user_id LEFT JOIN call l ON l.id = i.call_id
          WHERE i.customer_id = c.id ORDER BY i.at DESC, i.id DESC LIMIT {LINES}) AS lines,
    (SELECT count(*) FROM (SELECT 1 FROM call l WHERE l.customer_id = c.id AND l.merged_into_id IS NULL
                           LIMIT {MOST_CALLS}) AS counted) AS calls,
    (SELECT max(l.offered_at) FROM call l WHERE l.customer_id = c.id) AS last_call_at,
    ARRAY(SELECT l.id FROM call l
          WHERE l.customer_id = c.id AND l.ended_at IS NULL AND l.merged_into_id IS NULL
            AND l.offered_at > now() - interval '1 day' ORDER BY l.offered_at DESC LIMIT 10) AS open_calls
FROM customer c
JOIN personal_key k ON k.id = c.key_id
LEFT JOIN tier t ON t.id = c.tier_id
"""  # noqa: S608
_BY_INDEX: Final = """
WHERE c.id IN (SELECT m.id FROM contact_point p JOIN customer m ON m.id = p.customer_id
               WHERE p.value_index = $1 AND m.merged_into_id IS NULL LIMIT $2)
"""
_BY_CALL: Final = """
WHERE c.id IN (
    SELECT COALESCE(m.merged_into_id, m.id) FROM customer m
    WHERE m.id = ANY(ARRAY(SELECT unnest(r.candidate_ids || r.customer_id) FROM call l
                           JOIN call r ON r.id = COALESCE(l.merged_into_id, l.id) WHERE l.id = $1)) LIMIT $2)
"""
_BY_IDS: Final = """
WHERE c.id IN (SELECT COALESCE(m.merged_into_id, m.id) FROM customer m WHERE m.id = ANY($1::uuid[]) LIMIT $2)
"""
_ORDER: Final = "ORDER BY last_call_at DESC NULLS LAST, c.number"


async def candidates(
    db: Reader,
    keyring: Keyring,
    viewer: Viewer,
    *,
    index: bytes | None = None,
    ids: Sequence[UUID] | None = None,
    call_id: UUID | None = None,
) -> list[Candidate]:
    """The customers whom the viewer sees with a number (by its blind index, kind ``phone``), with these ids, or who may
    be the caller of a call; who called last is first.

    Nobody when the viewer may not see customers: a pop without them is still a pop.
    """
    if not viewer.may("customers.read"):
        return []
    if index is not None:
        which, bind = _BY_INDEX, Arguments(index, MOST_SHARING)
    elif call_id is not None:
        which, bind = _BY_CALL, Arguments(call_id, MOST_SHARING)
    elif ids:
        which, bind = _BY_IDS, Arguments(list(ids), MOST_SHARING)
    else:
        return []
    sql = f"{_SELECT} {which} AND {all_of(customers_seen(viewer, bind))} {_ORDER}"
    rows = await db.fetch(sql, *bind.values)
    return [_candidate(keyring, viewer, row) for row in rows]


def _candidate(keyring: Keyring, viewer: Viewer, row: Row) -> Candidate:
    key = personal_key(keyring, row)
    points: Sequence[Sequence[Any]] = row["contact_points"] if key else ()
    return Candidate(
        id=row["id"],
        number=row["number"],
        reference=customer_reference(row["number"]),
        kind=row["kind"],
        name=customer_name(keyring, key, row),
        locale=row["locale"],
        tier=tier_of(row),
        responsible_id=row["responsible_id"],
        tags=tuple(row["tags"]),
        contact_points=tuple(contact_point_view(keyring, viewer, key, fields) for fields in points if key),
        interactions=tuple(InteractionLine(*fields) for fields in row["lines"]),
        calls=row["calls"],
        last_call_at=row["last_call_at"],
        open_call_ids=tuple(row["open_calls"]),
        erased=key is None,
        version=row["version"],
        facts=pop_facts(viewer, row["pop_fields"], custom_values(keyring, key, "customer", row)),
    )
