"""Clicks on links in what was sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.campaigns.clicks import AT_ONCE, most_at_once
from hotline.crm.unit_of_work import UnitOfWork

# The delivery is held, so that of links that are followed at once each sees the others.
_LINK: Final = """
SELECT d.manifest_id, COALESCE(d.sent_at, d.updated_at) AS sent_at, d.locale, d.facts, t.url, c.locale AS language,
    COALESCE(p.customer_id, o.merged_into_id, o.id) AS person_id
FROM delivery d
JOIN tracked_link t ON t.manifest_id = d.manifest_id AND t.n = $2
LEFT JOIN manifest m ON m.id = d.manifest_id
LEFT JOIN customer o ON o.id = d.customer_id
LEFT JOIN contact_point p ON p.id = d.contact_point_id
LEFT JOIN customer c ON c.id = COALESCE(p.customer_id, o.merged_into_id, o.id)
WHERE d.id = $1 AND (m.id IS NULL OR m.content -> 'links' -> t.url = to_jsonb(t.n))
FOR NO KEY UPDATE OF d
"""
# Of a link that is followed again only the first time is kept; a person's counts more than a program's.
_NOTE: Final = """
INSERT INTO link_click AS c (delivery_id, manifest_id, n, at, machine) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (delivery_id, n) DO UPDATE SET at = excluded.at, machine = false WHERE c.machine AND NOT excluded.machine
"""
# Whoever follows one link after the other within moments is a program after all.
_AT_ONCE: Final = """
UPDATE link_click SET machine = true
WHERE delivery_id = $1 AND at > $2 AND NOT machine
  AND $3 <= (SELECT count(*) FROM link_click o WHERE o.delivery_id = $1 AND o.at > $2)
"""
_MARK: Final = """
UPDATE delivery SET
    clicked_at = (SELECT min(at) FROM link_click WHERE delivery_id = $1 AND NOT machine),
    scanned_at = COALESCE(scanned_at, (SELECT min(at) FROM link_click WHERE delivery_id = $1 AND machine))
WHERE id = $1
"""


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a delivery, as its manifest was approved; ``sent_at`` is when that left or began to. ``written`` may
    hold placeholders, whose values are those of ``person_id`` and of what set the delivery off."""

    written: str
    manifest_id: UUID
    sent_at: datetime
    person_id: UUID | None
    locale: str
    facts: dict[str, Any] | None


async def hold_link(uow: UnitOfWork, delivery_id: UUID, n: int) -> Link | None:
    """The ``n``-th link of a delivery; None when it has none. Nobody else notes a click of it until the unit ends."""
    row = await uow.fetchrow(_LINK, delivery_id, n)
    if row is None:
        return None
    return Link(
        str(row["url"]), row["manifest_id"], row["sent_at"], row["person_id"], row["locale"] or row["language"] or "",
        row["facts"],
    )  # fmt: skip


async def note_click(uow: UnitOfWork, delivery_id: UUID, n: int, link: Link, *, machine: bool) -> None:
    """Somebody followed a link that is held; ``machine``: a program."""
    await uow.execute(_NOTE, delivery_id, link.manifest_id, n, uow.now, machine)
    await uow.execute(_AT_ONCE, delivery_id, uow.now - AT_ONCE, most_at_once(link.sent_at, uow.now))
    await uow.execute(_MARK, delivery_id)
