"""What the event streams read: numbered events for some marks, and who may still listen."""

from __future__ import annotations

from collections.abc import Iterable

from hotline.crm.database import Reader
from hotline.crm.outbox import event_of
from hotline.events import Event


async def events_between(
    db: Reader, after: int, until: int, marks: Iterable[str], *, limit: int
) -> list[tuple[int, Event]]:
    """The events numbered above ``after`` up to ``until`` that carry one of ``marks``, in order."""
    rows = await db.fetch(
        "SELECT seq, id, type, at, audience, data FROM outbox"
        " WHERE seq > $1 AND seq <= $2 AND audience && $3::text[] ORDER BY seq LIMIT $4",
        after,
        until,
        list(marks),
        limit,
    )
    return [(row["seq"], event_of(row)) for row in rows]
