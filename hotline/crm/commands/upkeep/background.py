"""Jobs in the background: made, claimed by lease, moved on step by step, ended.

A claim takes a job for some seconds under a token that only grows. Every step's unit of work renews the lease in its
own transaction; whoever lost it, or whose job was stopped meanwhile, writes nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final
from uuid import UUID

from hotline.crm.database import Database
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict, TooMany
from hotline.events import user_mark

#: How long a claim holds without a step or a sign of life.
LEASE: Final = timedelta(seconds=30)
#: Jobs that one person may have waiting or running at once.
MOST_OPEN: Final = 20
#: Claims of a job without a single step in between, after which it is given up: it takes its process down.
MOST_TRIES: Final = 5


class JobStopped(Conflict):
    """This job was stopped, or another process took it over."""

    code: ClassVar[str] = "job_stopped"


class TooManyJobs(TooMany):
    """You have many jobs waiting already; let some of them end first."""

    code: ClassVar[str] = "too_many_jobs"


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that this process works on, as it stood when it was taken."""

    id: UUID
    token: int
    kind: str
    undoing: bool
    params: Mapping[str, Any]
    cursor: Mapping[str, Any] | None
    done: int
    total: int | None
    failed: int
    tries: int
    created_by: UUID | None
    acting: UUID | None
    narrowed_to: frozenset[str] | None


async def create_job(
    uow: UnitOfWork, kind: str, params: Mapping[str, Any], total: int | None = None, job_id: UUID | None = None
) -> UUID:
    """A job that waits for a process. Raises TooManyJobs when its starter has too many open already."""
    creator = uow.viewer.user_id
    if creator is not None:
        # One after the other for one person, else two at once both see room for one more.
        await uow.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"background_job:{creator}")
        waiting = await uow.fetchval(
            "SELECT count(*) FROM background_job WHERE created_by_id = $1 AND state IN ('queued', 'running')", creator
        )
        if waiting >= MOST_OPEN:
            raise TooManyJobs()
    job_id = job_id or uow.new_id()
    await uow.execute(
        """INSERT INTO background_job (id, kind, state, params, total, created_by_id, acting_id, narrowed_to,
                                       created_at, updated_at)
           VALUES ($1, $2, 'queued', $3, $4, $5, $5, $6, $7, $7)""",
        *(job_id, kind, dict(params), total, creator, _narrowed(uow), uow.now),
    )
    uow.audit("job:started", job_id, kind=kind)
    _tell(uow, job_id, kind, "queued", creator, done=0, total=total, failed=0)
    return job_id


async def set_total(uow: UnitOfWork, job_id: UUID, total: int) -> None:
    """Say how much a job that was made just now is about."""
    await uow.execute("UPDATE background_job SET total = $2 WHERE id = $1", job_id, total)


async def claim_job(db: Database, kinds: Sequence[str], now: datetime) -> Claim | None:
    """The next job of one of ``kinds`` that waits, or whose process is gone; None when there is none."""
    row = await db.fetchrow(
        """UPDATE background_job SET state = 'running', lease_token = lease_token + 1, tries = tries + 1,
               lease_until = clock_timestamp() + $2, started_at = COALESCE(started_at, $3), version = version + 1,
               updated_at = $3
           WHERE id = (SELECT id FROM background_job
                       WHERE state IN ('queued', 'running') AND kind = ANY($1)
                         AND (lease_until IS NULL OR lease_until <= clock_timestamp())
                       ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
           RETURNING *""",
        list(kinds),
        LEASE,
        now,
    )
    if row is None:
        return None
    return Claim(
        id=row["id"],
        token=row["lease_token"],
        kind=row["kind"],
        undoing=row["undoing"],
        params=row["params"],
        cursor=row["cursor"],
        done=row["done"],
        total=row["total"],
        failed=row["failed"],
        tries=row["tries"],
        created_by=row["created_by_id"],
        acting=row["acting_id"],
        narrowed_to=None if row["narrowed_to"] is None else frozenset(row["narrowed_to"]),
    )


async def renew_claim(db: Database, claim: Claim) -> bool:
    """A sign of life between two steps; False when the job is stopped or somebody else's."""
    return (
        await db.fetchval(
            """UPDATE background_job SET lease_until = clock_timestamp() + $3
               WHERE id = $1 AND lease_token = $2 AND state = 'running' RETURNING true""",
            claim.id,
            claim.token,
            LEASE,
        )
        is True
    )


async def release_claim(db: Database, claim: Claim) -> None:
    """Give the job back to whoever comes next: this process stops, and the job goes on at its last step."""
    await db.execute(
        """UPDATE background_job SET state = 'queued', lease_until = NULL, tries = tries - 1
           WHERE id = $1 AND lease_token = $2 AND state = 'running'""",
        claim.id,
        claim.token,
    )


async def postpone(db: Database, claim: Claim, pause: timedelta) -> None:
    """Let the job rest until what it needs may be there again."""
    await db.execute(
        """UPDATE background_job SET state = 'queued', lease_until = clock_timestamp() + $3
           WHERE id = $1 AND lease_token = $2 AND state = 'running'""",
        claim.id,
        claim.token,
        pause,
    )


async def note_step(
    uow: UnitOfWork,
    claim: Claim,
    *,
    cursor: Mapping[str, Any] | None,
    done: int,
    total: int | None,
    failed: int,
    rate: float | None,
    tell: bool,
) -> None:
    """Keep how far the job came, in the unit of work of that very step: ``done`` and ``failed`` are added. Raises
    JobStopped."""
    row = await uow.fetchrow(
        """UPDATE background_job SET cursor = $3, done = done + $4, total = COALESCE($5, total), failed = failed + $6,
               rate = $7, tries = 0, lease_until = clock_timestamp() + $8, updated_at = $9, version = version + 1
           WHERE id = $1 AND lease_token = $2 AND state = 'running'
           RETURNING kind, created_by_id, done, total, failed""",
        *(claim.id, claim.token, None if cursor is None else dict(cursor), done, total, failed, rate, LEASE, uow.now),
    )
    if row is None:
        raise JobStopped()
    if tell:
        _tell_row(uow, claim.id, "running", row)


async def end_job(
    uow: UnitOfWork,
    claim: Claim,
    state: str,
    *,
    result: Mapping[str, Any] | None = None,
    error: str | None = None,
    undo_until: datetime | None = None,
) -> None:
    """The claimed job is ``done``, ``failed`` or ``undone``. Raises JobStopped when it is no longer this process's."""
    row = await uow.fetchrow(
        """UPDATE background_job SET state = $3, result = COALESCE($4, result), error = $5, undo_until = $6,
               ended_at = $7, updated_at = $7, lease_until = NULL, rate = NULL, version = version + 1
           WHERE id = $1 AND lease_token = $2 AND state = 'running' RETURNING done, total, failed""",
        *(claim.id, claim.token, state, None if result is None else dict(result), error, undo_until, uow.now),
    )
    if row is None:
        raise JobStopped()
    uow.audit(f"job:{state}", claim.id, kind=claim.kind, **({"error": error} if error else {}))
    _tell(uow, claim.id, claim.kind, state, claim.created_by, **dict(row))


async def stop_job(uow: UnitOfWork, job_id: UUID, *, pause: bool, undo_until: datetime | None) -> None:
    """Cancel a job that waits, rests or runs, or let it rest. Its present step is undone. Raises Conflict when it is
    over, and for the cancelling of a way back: half of it would be nothing that anybody asked for."""
    row = await uow.fetchrow(
        """UPDATE background_job SET state = $2, lease_until = NULL, rate = NULL, updated_at = $3,
               ended_at = CASE WHEN $2 = 'cancelled' THEN $3::timestamptz END, version = version + 1,
               undo_until = CASE WHEN done > 0 AND NOT undoing AND $2 = 'cancelled' THEN $4::timestamptz
                                 ELSE undo_until END
           WHERE id = $1 AND state = ANY($5::text[]) AND (NOT undoing OR $2 = 'paused')
           RETURNING kind, created_by_id, done, total, failed""",
        *(job_id, "paused" if pause else "cancelled", uow.now, undo_until),
        ["queued", "running"] if pause else ["queued", "running", "paused"],
    )
    if row is None:
        raise Conflict("This job is not under way.")
    state = "paused" if pause else "cancelled"
    uow.audit(f"job:{state}", job_id, kind=row["kind"])
    _tell_row(uow, job_id, state, row)


async def resume_job(uow: UnitOfWork, job_id: UUID) -> None:
    """Let a resting or failed job go on at its last step. Raises Conflict when it is neither."""
    row = await uow.fetchrow(
        """UPDATE background_job SET state = 'queued', error = NULL, ended_at = NULL, undo_until = NULL, tries = 0,
               updated_at = $2, version = version + 1
           WHERE id = $1 AND state IN ('paused', 'failed')
           RETURNING kind, created_by_id, done, total, failed""",
        job_id,
        uow.now,
    )
    if row is None:
        raise Conflict("This job does not rest.")
    uow.audit("job:resumed", job_id, kind=row["kind"])
    _tell_row(uow, job_id, "queued", row)


async def start_undo(uow: UnitOfWork, job_id: UUID) -> None:
    """Queue the way back of a job that ended. Raises Conflict when there is none, or its time is over."""
    row = await uow.fetchrow(
        """UPDATE background_job SET state = 'queued', undoing = true, cursor = NULL, total = done, done = 0,
               failed = 0, error = NULL, started_at = NULL, ended_at = NULL, undo_until = NULL, tries = 0,
               acting_id = $3, narrowed_to = $4, updated_at = $2, version = version + 1
           WHERE id = $1 AND state IN ('done', 'failed', 'cancelled') AND NOT undoing AND undo_until > $2
           RETURNING kind, created_by_id, done, total, failed""",
        *(job_id, uow.now, uow.viewer.user_id, _narrowed(uow)),
    )
    if row is None:
        raise Conflict("This can no longer be undone.")
    uow.audit("job:undo_started", job_id, kind=row["kind"])
    _tell_row(uow, job_id, "queued", row)


async def forget_jobs(uow: UnitOfWork, before: datetime) -> int:
    """Delete jobs that ended before that moment and can no longer be undone; how many."""
    tag = await uow.execute(
        "DELETE FROM background_job WHERE ended_at < $1 AND (undo_until IS NULL OR undo_until < $2)", before, uow.now
    )
    return int(tag.split()[-1])


def _narrowed(uow: UnitOfWork) -> list[str] | None:
    """What a token was allowed when it asked: its job may not do more than it."""
    return sorted(uow.viewer.permissions) if uow.viewer.kind == "token" else None


def _tell_row(uow: UnitOfWork, job_id: UUID, state: str, row: Mapping[str, Any]) -> None:
    _tell(
        *(uow, job_id, row["kind"], state, row["created_by_id"]),
        done=row["done"],
        total=row["total"],
        failed=row["failed"],
    )


def _tell(
    uow: UnitOfWork,
    job_id: UUID,
    kind: str,
    state: str,
    creator: UUID | None,
    *,
    done: int,
    total: int | None,
    failed: int,
) -> None:
    if creator is None:
        return
    uow.emit(
        "job.updated",
        (user_mark(creator),),
        job_id=job_id,
        kind=kind,
        state=state,
        done=done,
        total=total,
        failed=failed,
    )
