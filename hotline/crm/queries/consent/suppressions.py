"""Who gets nothing over a channel. Addresses are known by their keyed index alone: a list shows none of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.scopes import Arguments
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound

#: However many are asked for, a page holds no more than this.
MOST: Final = 201


@dataclass(frozen=True, slots=True)
class SuppressionView:
    """One reason for which an address gets nothing over a channel. ``user`` is the login of who said so."""

    id: UUID
    channel: str
    reason: str
    purpose: str
    source: str
    code: str | None
    user: str | None
    at: datetime
    lifted_at: datetime | None
    lifted_by: str | None


_SELECT: Final = """
SELECT s.id, s.channel, s.reason, s.purpose, s.source, s.code, u.login AS user, s.at, s.lifted_at, s.lifted_by
FROM suppression s LEFT JOIN users u ON u.id = s.user_id
"""


async def list_suppressions(
    db: Reader,
    viewer: Viewer,
    *,
    limit: int,
    after: UUID | None = None,
    channel: str | None = None,
    address_index: bytes | None = None,
    lifted: bool = False,
) -> list[SuppressionView]:
    """A page, the latest first; those of one address where its index is given; with ``lifted`` also those that hold no
    more."""
    viewer.require("consents.read")
    bind = Arguments()
    conditions = ["true" if lifted else "s.lifted_at IS NULL"]
    if channel is not None:
        conditions.append(f"s.channel = {bind(channel)}")
    if address_index is not None:
        conditions.append(f"s.address_index = {bind(address_index)}")
    if after is not None:
        conditions.append(f"(s.at, s.id) < (SELECT e.at, e.id FROM suppression e WHERE e.id = {bind(after)})")  # noqa: S608
    rows = await db.fetch(
        f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY s.at DESC, s.id DESC"
        f" LIMIT {bind(max(0, min(limit, MOST)))}",
        *bind.values,
    )
    return [_view(row) for row in rows]


async def get_suppression(db: Reader, viewer: Viewer, suppression_id: UUID) -> SuppressionView:
    """One of them. Raises NotFound."""
    viewer.require("consents.read")
    row = await db.fetchrow(f"{_SELECT} WHERE s.id = $1", suppression_id)
    if row is None:
        raise NotFound("There is no such suppression.")
    return _view(row)


def _view(row: Row) -> SuppressionView:
    return SuppressionView(**dict(row))
