"""Jobs in the background, as their starter sees them; who may read the system's health sees everybody's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound

MOST: Final = 201


@dataclass(frozen=True, slots=True)
class JobView:
    """A job. ``done`` of ``total`` items are gone through, ``failed`` of these in vain; ``rate`` is items a second.

    ``undoing``: it is on its way back. ``cursor`` is where its next step begins, for the job itself.
    """

    id: UUID
    kind: str
    state: str
    undoing: bool
    params: Mapping[str, Any]
    cursor: Mapping[str, Any] | None
    done: int
    total: int | None
    failed: int
    rate: float | None
    result: Mapping[str, Any]
    error: str | None
    created_by: UUID | None
    created_by_login: str | None
    created_by_name: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    undo_until: datetime | None
    version: int

    @property
    def seconds_left(self) -> int | None:
        """Seconds until it is done at the present rate; None when that cannot be told."""
        return seconds_left(self.state, self.done, self.total, self.rate)


def seconds_left(state: str, done: int, total: int | None, rate: float | None) -> int | None:
    """Seconds until a job is done at the present rate; None when that cannot be told."""
    if state != "running" or not rate or total is None:
        return None
    return math.ceil(max(0, total - done) / rate)


_SELECT: Final = """
SELECT j.id, j.kind, j.state, j.undoing, j.params, j.cursor, j.done, j.total, j.failed, j.rate, j.result, j.error,
    j.created_by_id AS created_by, u.login AS created_by_login, u.name AS created_by_name, j.created_at, j.started_at,
    j.ended_at, j.undo_until, j.version
FROM background_job j LEFT JOIN users u ON u.id = j.created_by_id
"""


async def get_job(db: Reader, viewer: Viewer, job_id: UUID) -> JobView:
    """One job. Raises NotFound for who neither started it nor reads the system's health."""
    row = await db.fetchrow(_SELECT + " WHERE j.id = $1 AND ($2 OR j.created_by_id = $3)", job_id, *_seen(viewer))
    if row is None:
        raise NotFound()
    return _job(row)


async def list_jobs(
    db: Reader,
    viewer: Viewer,
    *,
    limit: int,
    after: UUID | None = None,
    kind: str | None = None,
    state: str | None = None,
    everybody: bool = False,
) -> list[JobView]:
    """One's own jobs, the newest first; ``everybody``'s for who may read the system's health."""
    sees_all, user_id = _seen(viewer)
    rows = await db.fetch(
        _SELECT
        + """ WHERE ($1 OR j.created_by_id = $2) AND ($3::uuid IS NULL OR j.id < $3)
              AND ($4::text IS NULL OR j.kind = $4) AND ($5::text IS NULL OR j.state = $5)
              ORDER BY j.id DESC LIMIT $6""",
        *(sees_all and everybody, user_id, after, kind, state, max(0, min(limit, MOST))),
    )
    return [_job(row) for row in rows]


async def open_jobs(db: Reader, viewer: Viewer, kind: str) -> list[JobView]:
    """Every job of a kind that waits, rests or runs, whoever started it: for kinds that run one at a time."""
    rows = await db.fetch(
        _SELECT + " WHERE j.kind = $1 AND j.state IN ('queued', 'running', 'paused') ORDER BY j.id LIMIT 100", kind
    )
    return [_job(row) for row in rows]


def _seen(viewer: Viewer) -> tuple[bool, UUID | None]:
    return viewer.may("system.read"), viewer.user_id


def _job(row: Row) -> JobView:
    return JobView(**dict(row))
