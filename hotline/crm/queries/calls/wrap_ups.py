"""Wrap-ups as their agents see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hotline.crm.database import Reader
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound


@dataclass(frozen=True, slots=True)
class WrapUpView:
    """An agent's wrap-up of a call. Not started: the call goes on, and its disposition is kept already."""

    call_id: UUID
    ticket_id: UUID | None
    started_at: datetime | None
    until: datetime | None
    done_at: datetime | None
    disposition: str | None


_SELECT: Final = """SELECT w.call_id, c.ticket_id, w.started_at, w.until, w.done_at, w.disposition
    FROM wrap_up w JOIN call c ON c.id = w.call_id"""


async def get_wrap_up(db: Reader, viewer: Viewer, call_id: UUID) -> WrapUpView:
    """The viewer's own wrap-up of a call. Raises NotFound."""
    row = await db.fetchrow(f"{_SELECT} WHERE w.call_id = $1 AND w.user_id = $2", call_id, viewer.user_id)
    if row is None:
        raise NotFound()
    return WrapUpView(**row)


async def own_wrap_ups(db: Reader, viewer: Viewer) -> list[WrapUpView]:
    """The viewer's wrap-ups that run, and what they said of calls that go on."""
    if viewer.user_id is None:
        return []
    rows = await db.fetch(
        f"{_SELECT} WHERE w.user_id = $1 AND w.done_at IS NULL ORDER BY w.started_at NULLS LAST, w.id LIMIT 20",
        viewer.user_id,
    )
    return [WrapUpView(**row) for row in rows]
