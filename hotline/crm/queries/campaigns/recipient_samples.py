"""Some of a manifest's recipients, chosen by its hash: neither author nor reviewer can choose whom a reviewer sees."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from hotline.crm.database import Reader
from hotline.crm.viewer import Viewer

#: More are not chosen at once.
MOST: Final = 1_000


@dataclass(frozen=True, slots=True)
class Chosen:
    """One recipient. ``locale`` is the customer's language now; None for one who was erased."""

    position: int
    customer_id: UUID
    contact_point_id: UUID | None
    locale: str | None


def positions(sha256: bytes, count: int, wanted: int) -> list[int]:
    """``wanted`` different places out of ``count``, drawn by a hash; all of them, in order, where they are as few."""
    wanted = min(wanted, MOST)
    if count <= wanted:
        return list(range(count))
    found: dict[int, None] = {}
    turn = 0
    while len(found) < wanted:
        drawn = hashlib.sha256(sha256 + turn.to_bytes(4, "big")).digest()
        found[int.from_bytes(drawn[:8], "big") % count] = None
        turn += 1
    return list(found)


async def choose(db: Reader, viewer: Viewer, manifest_id: UUID, sha256: bytes, count: int, wanted: int) -> list[Chosen]:
    """Some of the recipients, in the order in which they were drawn."""
    viewer.require("campaigns.read")
    places = positions(sha256, count, wanted)
    rows = await db.fetch(
        """SELECT r.position, r.customer_id, r.contact_point_id, c.locale FROM recipient r
           LEFT JOIN customer o ON o.id = r.customer_id
           LEFT JOIN customer c ON c.id = COALESCE(o.merged_into_id, o.id) AND c.erased_at IS NULL
           WHERE r.manifest_id = $1 AND r.position = ANY($2::int[])""",
        *(manifest_id, places),
    )
    found = {row["position"]: Chosen(**dict(row)) for row in rows}
    return [found[place] for place in places if place in found]


async def among(db: Reader, viewer: Viewer, customer_ids: Sequence[UUID]) -> list[Chosen]:
    """These customers as if they were recipients: for what has no audience before something happens."""
    viewer.require("campaigns.read")
    rows = await db.fetch("SELECT id, locale FROM customer WHERE id = ANY($1::uuid[])", list(customer_ids))
    locales = {row["id"]: row["locale"] for row in rows}
    return [Chosen(place, each, None, locales.get(each)) for place, each in enumerate(customer_ids)]
