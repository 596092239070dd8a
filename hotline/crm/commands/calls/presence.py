"""Writes of what a PBX says about its queues' members, and about the connection to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from hotline.crm.unit_of_work import UnitOfWork

#: A user who has the member's exact interface, state interface or name; PJSIP/10 is not PJSIP/100.
_USER_OF = """(SELECT u.id FROM users u WHERE u.disabled_at IS NULL
               AND u.interfaces && ARRAY[m.interface, m.state_interface, m.member_name]::text[]
               ORDER BY u.id LIMIT 1)"""


@dataclass(frozen=True, slots=True)
class Member:
    """One member of one queue, as the PBX says. ``status`` is Asterisk's device state
    (include/asterisk/devicestate.h)."""

    queue: str
    interface: str
    member_name: str = ""
    state_interface: str = ""
    paused: bool = False
    pause_reason: str = ""
    status: int = 0
    in_call: bool = False
    calls_taken: int = 0


@dataclass(frozen=True, slots=True)
class MemberChange:
    """What of a member changed so that people should know: not each ring."""

    queue: str
    interface: str
    user_id: UUID | None
    signed_in: bool
    paused: bool


async def write_members(uow: UnitOfWork, pbx: str, members: Sequence[Member]) -> list[MemberChange]:
    """Add or renew members; answers those who are new, were paused or unpaused, or belong to somebody else now."""
    rows = await uow.fetch(
        f"""WITH m AS (
                SELECT * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bool[], $7::text[],
                                     $8::int[], $9::bool[], $10::int[])
                AS m (queue, interface, member_name, state_interface, paused, pause_reason, status, in_call,
                      calls_taken)
            ), before AS (
                SELECT q.queue, q.interface, q.paused, q.pause_reason, q.user_id FROM queue_member q WHERE q.pbx = $1
            ), written AS (
                INSERT INTO queue_member AS q (pbx, queue, interface, user_id, member_name, state_interface, paused,
                                               pause_reason, status, in_call, calls_taken, updated_at, since)
                SELECT $1, m.queue, m.interface, {_USER_OF}, m.member_name, m.state_interface, m.paused,
                       m.pause_reason, m.status, m.in_call, m.calls_taken, $11, $11 FROM m
                ON CONFLICT (pbx, queue, interface) DO UPDATE SET
                    user_id = excluded.user_id, member_name = excluded.member_name,
                    state_interface = excluded.state_interface, paused = excluded.paused,
                    pause_reason = excluded.pause_reason, status = excluded.status, in_call = excluded.in_call,
                    calls_taken = excluded.calls_taken, updated_at = excluded.updated_at,
                    since = CASE WHEN (q.paused, q.pause_reason) IS DISTINCT FROM (excluded.paused,
                        excluded.pause_reason) THEN excluded.since ELSE q.since END
                WHERE (q.user_id, q.member_name, q.state_interface, q.paused, q.pause_reason, q.status, q.in_call,
                       q.calls_taken)
                   IS DISTINCT FROM (excluded.user_id, excluded.member_name, excluded.state_interface,
                       excluded.paused, excluded.pause_reason, excluded.status, excluded.in_call,
                       excluded.calls_taken)
                RETURNING queue, interface, user_id, paused, pause_reason
            )
            SELECT written.queue, written.interface, written.user_id, written.paused
            FROM written LEFT JOIN before USING (queue, interface)
            WHERE (before.queue IS NULL)
               OR (before.paused, before.pause_reason, before.user_id)
                  IS DISTINCT FROM (written.paused, written.pause_reason, written.user_id)""",  # noqa: S608
        pbx,
        [member.queue for member in members],
        [member.interface for member in members],
        [member.member_name for member in members],
        [member.state_interface for member in members],
        [member.paused for member in members],
        [member.pause_reason for member in members],
        [member.status for member in members],
        [member.in_call for member in members],
        [member.calls_taken for member in members],
        uow.now,
    )
    return [MemberChange(row["queue"], row["interface"], row["user_id"], True, row["paused"]) for row in rows]


async def remove_members(uow: UnitOfWork, pbx: str, members: Sequence[tuple[str, str]]) -> list[MemberChange]:
    """Take out members by (queue, interface)."""
    rows = await uow.fetch(
        """DELETE FROM queue_member WHERE pbx = $1
           AND (queue, interface) IN (SELECT * FROM unnest($2::text[], $3::text[]))
           RETURNING queue, interface, user_id, paused""",
        pbx,
        [queue for queue, _ in members],
        [interface for _, interface in members],
    )
    return [MemberChange(row["queue"], row["interface"], row["user_id"], False, row["paused"]) for row in rows]


async def keep_only_members(uow: UnitOfWork, pbx: str, members: Sequence[tuple[str, str]]) -> list[MemberChange]:
    """Take out everybody of this PBX but these (queue, interface): a snapshot is the whole truth."""
    rows = await uow.fetch(
        """DELETE FROM queue_member WHERE pbx = $1
           AND (queue, interface) NOT IN (SELECT * FROM unnest($2::text[], $3::text[]))
           RETURNING queue, interface, user_id, paused""",
        pbx,
        [queue for queue, _ in members],
        [interface for _, interface in members],
    )
    return [MemberChange(row["queue"], row["interface"], row["user_id"], False, row["paused"]) for row in rows]


async def match_members(uow: UnitOfWork, pbx: str) -> list[MemberChange]:
    """Look again who belongs to whom, since users' interfaces change too."""
    rows = await uow.fetch(
        f"""WITH found AS (SELECT m.id, m.user_id AS old, {_USER_OF} AS new FROM queue_member m WHERE m.pbx = $1)
            UPDATE queue_member q SET user_id = found.new, updated_at = $2 FROM found
            WHERE q.id = found.id AND found.old IS DISTINCT FROM found.new
            RETURNING q.queue, q.interface, q.user_id, q.paused, found.old""",  # noqa: S608
        pbx,
        uow.now,
    )
    changes = [MemberChange(row["queue"], row["interface"], row["user_id"], True, row["paused"]) for row in rows]
    changes += [
        MemberChange(row["queue"], row["interface"], row["old"], False, row["paused"]) for row in rows if row["old"]
    ]
    return changes


async def write_pbx_state(
    uow: UnitOfWork, pbx: str, *, node: str, connected: bool, version: str | None, error: str
) -> bool:
    """Note that the connection of ``node`` went up or down; says whether that is news. Another node's up stands."""
    return bool(
        await uow.fetchval(
            """INSERT INTO pbx_state AS s (pbx, connected, version, since, error, node, updated_at)
               VALUES ($1, $2, coalesce($3, ''), $5, $4, $6, $5)
               ON CONFLICT (pbx) DO UPDATE SET
                   connected = excluded.connected, version = coalesce($3, s.version), error = excluded.error,
                   node = excluded.node, updated_at = excluded.updated_at,
                   lag_ms = CASE WHEN excluded.connected THEN s.lag_ms END,
                   since = CASE WHEN s.connected = excluded.connected THEN s.since ELSE excluded.since END
               WHERE (s.connected, s.error, s.node, s.version)
                     IS DISTINCT FROM (excluded.connected, excluded.error, excluded.node, coalesce($3, s.version))
                 AND (excluded.connected OR s.node = excluded.node OR NOT s.connected)
               RETURNING true""",
            pbx,
            connected,
            version,
            error[:500],
            uow.now,
            node,
        )
    )


async def write_pbx_lag(uow: UnitOfWork, pbx: str, *, node: str, lag_ms: float | None) -> None:
    """Say that ``node`` still hears the PBX, and how late its events come."""
    await uow.execute(
        "UPDATE pbx_state SET lag_ms = $3, updated_at = $4 WHERE pbx = $1 AND node = $2 AND connected",
        pbx,
        node,
        lag_ms,
        uow.now,
    )
