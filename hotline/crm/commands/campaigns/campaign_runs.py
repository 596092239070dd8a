"""Writing how far a campaign's runs are, and the deliveries that each step releases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from hotline.campaigns.approved import Approved, Released
from hotline.campaigns.figures import Figures
from hotline.campaigns.plan import Planned
from hotline.crm.commands.campaigns.campaign_states import move_row
from hotline.crm.queries.campaigns.campaign_runs import RUN_COLUMNS, RunView, run_view
from hotline.crm.unit_of_work import UnitOfWork

#: Columns that a step changes.
_CHANGEABLE: Final = frozenset({
    "audience_id", "state", "reason", "began_at", "base_at", "base_position", "recipients", "next_position",
    "canary_done_at", "warned_at", "figures", "baseline", "counted_at", "ticked_at", "ended_at",
})  # fmt: skip
#: Why what waits is ended when its manifest is approved no more (``end_waiting``).
ENDS_OF_MANIFEST: Final = ("rejected", "withdrawn", "void", "expired")
#: What is due so soon after a run's last step is counted from that step: a drip's next messages, and other tries.
AHEAD: Final = timedelta(minutes=15)
#: Most deliveries that are ended at once.
MOST_ENDED: Final = 5_000


async def hold_approved(uow: UnitOfWork, campaign_id: UUID, manifest_id: UUID) -> bool:
    """Whether the campaign runs by this manifest and the manifest is approved, and keep it so until the unit ends:
    whoever takes the approval away waits for it, and whatever is released afterwards is not."""
    held = await uow.fetchval(
        """SELECT true FROM campaign c JOIN manifest m ON m.id = c.manifest_id
           WHERE c.id = $1 AND m.id = $2 AND c.state = 'running' AND m.state = 'approved' AND m.expires_at > $3
           FOR SHARE""",
        *(campaign_id, manifest_id, uow.now),
    )
    return held is True


async def hold_running(uow: UnitOfWork, campaign_id: UUID) -> bool:
    """Whether the campaign runs, and keep it as it is until the unit ends, to change it."""
    state = await uow.fetchval("SELECT state FROM campaign WHERE id = $1 FOR UPDATE", campaign_id)
    return bool(state == "running")


async def add_run(uow: UnitOfWork, approved: Approved, planned: Planned, *, state: str = "waiting",
                  reason: str | None = None) -> UUID | None:  # fmt: skip
    """Note that a manifest runs at a time; None when it is noted already. One that is over at once is never run."""
    ended = uow.now if state == "skipped" else None
    added: UUID | None = await uow.fetchval(
        """INSERT INTO campaign_run (id, campaign_id, manifest_id, occurrence, state, reason, planned_at, ticked_at,
               ended_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (manifest_id, occurrence) DO NOTHING RETURNING id""",
        *(uow.new_id(), approved.campaign_id, approved.id, planned.number, state, reason, planned.at, uow.now, ended),
    )
    return added


async def lock_run(uow: UnitOfWork, run_id: UUID) -> RunView | None:
    """The run as it is now, held until the unit ends; None when it is over."""
    row = await uow.fetchrow(
        f"SELECT {RUN_COLUMNS} FROM campaign_run WHERE id = $1 AND ended_at IS NULL FOR UPDATE",  # noqa: S608
        run_id,
    )
    return None if row is None else run_view(row)


async def save_run(uow: UnitOfWork, run_id: UUID, **changes: Any) -> None:
    """Change some columns of a run."""
    if not changes.keys() <= _CHANGEABLE:
        raise ValueError(f"no columns: {', '.join(changes.keys() - _CHANGEABLE)}")
    kept = [value.as_json() if isinstance(value, Figures) else value for value in changes.values()]
    assignments = ", ".join(f"{name} = ${place}" for place, name in enumerate(changes, start=2))
    await uow.execute(f"UPDATE campaign_run SET {assignments} WHERE id = $1", run_id, *kept)  # noqa: S608


_RELEASE: Final = """
INSERT INTO delivery (id, campaign_id, manifest_id, occurrence, channel, released_at, updated_at, customer_id,
    contact_point_id, variant, state, reason, due_at, expires_at, facts)
SELECT r.id, $1, $2, $3, $4, $5, $5, r.customer_id, r.contact_point_id, r.variant, r.state, r.reason, r.due_at,
    r.expires_at, r.facts
FROM unnest($6::uuid[], $7::uuid[], $8::uuid[], $9::smallint[], $10::text[], $11::text[], $12::timestamptz[],
    $13::timestamptz[], $14::jsonb[])
    AS r (id, customer_id, contact_point_id, variant, state, reason, due_at, expires_at, facts)
ON CONFLICT (campaign_id, occurrence, customer_id) DO NOTHING
"""


async def release(uow: UnitOfWork, approved: Approved, occurrence: int, released: Iterable[Released]) -> int:
    """Write deliveries; how many were new. Who has one of this campaign and occurrence keeps it: nobody gets two."""
    rows = list(released)
    if not rows:
        return 0
    told = await uow.execute(
        _RELEASE,
        *(approved.campaign_id, approved.id, occurrence, approved.channel, uow.now),
        [uow.new_id() for _ in rows], [row.customer_id for row in rows], [row.contact_point_id for row in rows],
        [row.variant for row in rows], [row.state for row in rows], [row.reason for row in rows],
        [row.due_at for row in rows], [row.expires_at for row in rows],
        [None if row.facts is None else dict(row.facts) for row in rows],
    )  # fmt: skip
    return int(told.rpartition(" ")[2])


async def drop_former(uow: UnitOfWork, campaign_id: UUID, manifest_id: UUID, *, held_back: bool = False) -> int:
    """Take away the deliveries of former manifests of a campaign that never left, before another one runs: their
    recipients may be among its own. How many they were. ``held_back``: those too that were not sent for a reason.

    What was tried and waits for another try did not leave either, nor did what was ended for its manifest alone.
    """
    told = await uow.execute(
        """DELETE FROM delivery WHERE campaign_id = $1 AND manifest_id <> $2 AND (
               state = 'queued'
               OR $3 AND state = 'suppressed' AND reason = ANY($4::text[])
               OR $3 AND state IN ('suppressed', 'expired') AND attempts = 0)""",
        *(campaign_id, manifest_id, held_back, list(ENDS_OF_MANIFEST)),
    )
    return int(told.rpartition(" ")[2])


async def end_former(uow: UnitOfWork, campaign_id: UUID, manifest_id: UUID) -> int:
    """What came back of a former manifest's tries only now, and waits for another one, never leaves: another manifest
    runs. How many."""
    told = await uow.execute(
        """UPDATE delivery SET state = 'suppressed', reason = 'void', lease = NULL, leased_by = NULL,
               leased_until = NULL, updated_at = $3
           WHERE campaign_id = $1 AND manifest_id <> $2 AND state = 'queued'""",
        *(campaign_id, manifest_id, uow.now),
    )
    return int(told.rpartition(" ")[2])


async def reopen(uow: UnitOfWork, delivery_ids: Sequence[UUID]) -> list[UUID]:
    """Campaigns that were completed though these deliveries of theirs are to leave again, run on until they have; which
    campaigns. What is approved no more stays over."""
    rows = await uow.fetch(
        """SELECT c.id, c.state, c.manifest_id, c.version, c.started_at FROM campaign c
           WHERE c.state = 'completed' AND c.id IN (
               SELECT d.campaign_id FROM delivery d JOIN manifest m ON m.id = d.manifest_id
               WHERE d.id = ANY($1::uuid[]) AND d.state = 'queued' AND d.manifest_id = c.manifest_id
                 AND m.state = 'approved' AND m.expires_at > $2)
           ORDER BY c.id FOR UPDATE""",
        *(list(delivery_ids), uow.now),
    )
    if not rows:
        return []
    for row in rows:
        await move_row(uow, row, "reopen")
    await uow.execute(
        """UPDATE campaign_run r SET state = 'released', ended_at = NULL, ticked_at = $2 FROM delivery d
           WHERE d.id = ANY($1::uuid[]) AND r.manifest_id = d.manifest_id AND r.occurrence = d.occurrence
             AND r.state = 'completed'""",
        *(list(delivery_ids), uow.now),
    )
    return [row["id"] for row in rows]


async def keep_due(uow: UnitOfWork, campaign_id: UUID, occurrence: int, by: datetime, *, wall_clock: bool) -> int:
    """The clock was set back: what was due by the clock as it was stays due, and what was a little ahead of it, for a
    drip or another try, is so still; what waits for an hour of the day waits for it. How many messages."""
    told = await uow.execute(
        """UPDATE delivery SET due_at = GREATEST($3, due_at - ($4::timestamptz - $3))
           WHERE campaign_id = $1 AND occurrence = $2 AND state = 'queued' AND due_at > $3
             AND (due_at <= $4 OR due_at <= $4 + $5::interval AND reason IS NULL AND (attempts > 0 OR NOT $6))""",
        *(campaign_id, occurrence, uow.now, by, AHEAD, wall_clock),
    )
    return int(told.rpartition(" ")[2])


async def prolong(uow: UnitOfWork, campaign_id: UUID, pause: timedelta) -> int:
    """A campaign that was paused for so long goes on: its waiting messages live as much longer. How many they are."""
    told = await uow.execute(
        "UPDATE delivery SET expires_at = expires_at + $2 WHERE campaign_id = $1 AND state = 'queued'",
        *(campaign_id, pause),
    )
    return int(told.rpartition(" ")[2])


async def end_waiting(uow: UnitOfWork, manifest_id: UUID, campaign_id: UUID, reason: str) -> int:
    """Messages of a manifest that will never leave are ``suppressed``; how many, at most MOST_ENDED at a time."""
    told = await uow.execute(
        """WITH waiting AS (
               SELECT id FROM delivery WHERE campaign_id = $1 AND manifest_id = $2 AND state = 'queued'
               ORDER BY id LIMIT $3 FOR UPDATE)
           UPDATE delivery d SET state = 'suppressed', reason = $4, lease = NULL, leased_by = NULL,
               leased_until = NULL, updated_at = $5
           FROM waiting WHERE d.id = waiting.id""",
        *(campaign_id, manifest_id, MOST_ENDED, reason, uow.now),
    )
    return int(told.rpartition(" ")[2])
