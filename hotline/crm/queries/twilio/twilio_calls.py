"""What the work with Twilio's calls needs to know of them: for hotline itself, without masks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from hotline.crm.commands.twilio.twilio_legs import LEG_COLUMNS, TwilioLegRecord
from hotline.crm.commands.twilio.twilio_waiting import WAITING_COLUMNS, Waiting
from hotline.crm.database import Reader
from hotline.crm.keys import Keyring
from hotline.crm.personal_keys import load_personal_key
from hotline.crm.queries.upkeep.support import DAYS
from hotline.crm.viewer import Viewer


@dataclass(frozen=True, slots=True)
class CallSoFar:
    """A call as the records have it. ``left`` is how its caller came back from a queue last; ``outcome`` the flow's."""

    id: UUID
    pbx: str
    direction: str
    queue: str | None
    customer_id: UUID | None
    user_id: UUID | None
    language: str | None
    kind: str | None
    outcome: str | None
    left: str | None
    answered_at: datetime | None
    ended_at: datetime | None
    dialled: str | None


async def call_so_far(db: Reader, viewer: Viewer, call_id: UUID) -> CallSoFar | None:
    """A call, after any merge."""
    viewer.require("calls.read_all")
    row = await db.fetchrow(
        """SELECT c.id, c.pbx, c.direction, c.queue, c.customer_id, c.user_id, c.ivr->>'language' AS language,
                  c.ivr->>'kind' AS kind, c.ivr->>'outcome' AS outcome,
                  (SELECT w.how FROM twilio_waiting w WHERE w.call_id = c.id
                   ORDER BY w.joined_at DESC, w.id DESC LIMIT 1) AS left,
                  c.answered_at, c.ended_at, c.dialled
           FROM call c WHERE c.id = COALESCE((SELECT merged_into_id FROM call WHERE id = $1), $1)""",
        call_id,
    )
    return None if row is None else CallSoFar(**row)


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue of hotline's own: who waits in it, and how many agents are signed in, paused or not."""

    waiting: int
    agents: int


@dataclass(frozen=True, slots=True)
class SignedIn:
    """An agent's place in a queue of hotline's own, who may be rung: not paused, on no call, in no wrap-up."""

    user_id: UUID
    queue: str
    phone: str
    idle_since: datetime
    level: int


@dataclass(frozen=True, slots=True)
class CallerBrief:
    """What an agent hears of who calls: the name of their one customer, and what it is about."""

    name: str | None
    kind: str | None


async def root_of(db: Reader, viewer: Viewer, call_id: UUID) -> UUID:
    """The call, or what it became part of."""
    viewer.require("calls.read_all")
    found: UUID | None = await db.fetchval("SELECT merged_into_id FROM call WHERE id = $1", call_id)
    return found or call_id


async def leg_of_sid(db: Reader, viewer: Viewer, call_sid: str) -> tuple[UUID, UUID, str] | None:
    """(leg, call, account) of a leg at Twilio."""
    viewer.require("calls.read_all")
    row = await db.fetchrow("SELECT id, call_id, account_sid FROM twilio_leg WHERE call_sid = $1", call_sid)
    return None if row is None else (row["id"], row["call_id"], row["account_sid"])


async def waiting_of(db: Reader, viewer: Viewer, call_sid: str, step: int) -> Waiting | None:
    """A caller's time in the queue to which this step of their flow sent them."""
    viewer.require("calls.read_all")
    row = await db.fetchrow(
        f"SELECT {WAITING_COLUMNS} FROM twilio_waiting WHERE call_sid = $1 AND step = $2",  # noqa: S608
        call_sid,
        step,
    )
    return None if row is None else Waiting(**row)


async def queue_state(db: Reader, viewer: Viewer, queue: str, *, but: str) -> QueueState:
    """How full a queue is, without the caller ``but``."""
    viewer.require("calls.read_all")
    row = await db.fetchrow(
        """SELECT (SELECT count(*) FROM twilio_waiting WHERE queue = $1 AND left_at IS NULL AND route = 'direct'
                     AND state = 'waiting' AND call_sid <> $2) AS waiting,
                  (SELECT count(DISTINCT m.user_id) FROM queue_member m JOIN users u ON u.id = m.user_id
                   WHERE m.pbx = 'twilio' AND m.queue = $1 AND u.disabled_at IS NULL) AS agents""",
        queue,
        but,
    )
    assert row is not None
    return QueueState(row["waiting"], row["agents"])


async def callers_ahead(db: Reader, viewer: Viewer, waiting_id: UUID) -> int:
    """How many are answered before this caller."""
    viewer.require("calls.read_all")
    ahead: int = await db.fetchval(
        """SELECT count(*) FROM twilio_waiting o JOIN twilio_waiting w ON w.id = $1
           WHERE o.queue = w.queue AND o.route = 'direct' AND o.left_at IS NULL AND o.state = 'waiting' AND o.id <> w.id
             AND (o.priority > w.priority OR o.priority = w.priority AND (o.joined_at, o.id) < (w.joined_at, w.id))""",
        waiting_id,
    )
    return ahead


async def caller_is_known(db: Reader, viewer: Viewer, call_id: UUID) -> bool:
    """Whether there is a number to call back."""
    viewer.require("calls.read_all")
    return bool(await db.fetchval("SELECT caller_cipher IS NOT NULL FROM call WHERE id = $1", call_id))


async def agents_ready(db: Reader, viewer: Viewer) -> list[SignedIn]:
    """Who may be rung by Twilio now, for each of their queues. Whoever talks, by whichever PBX, rings or wraps up is
    left out."""
    viewer.require("calls.read_all")
    rows = await db.fetch(
        """SELECT m.user_id, m.queue, m.interface AS phone,
                  GREATEST(m.since, (SELECT max(l.ended_at) FROM leg l WHERE l.user_id = m.user_id
                                       AND l.rang_at > now() - interval '1 day')) AS idle_since,
                  COALESCE((SELECT max(CASE WHEN s->>'level' ~ '^[0-9]{1,4}$' THEN (s->>'level')::int END)
                            FROM jsonb_array_elements(u.skills) AS s WHERE s->>'key' = m.queue), 0) AS level
           FROM queue_member m JOIN users u ON u.id = m.user_id
           WHERE m.pbx = 'twilio' AND NOT m.paused AND u.disabled_at IS NULL
             AND NOT EXISTS (SELECT 1 FROM leg l WHERE l.user_id = m.user_id AND l.ended_at IS NULL
                               AND l.rang_at > now() - interval '1 day')
             AND NOT EXISTS (SELECT 1 FROM twilio_leg t WHERE t.user_id = m.user_id AND t.ended_at IS NULL)
             AND NOT EXISTS (SELECT 1 FROM wrap_up w WHERE w.user_id = m.user_id AND w.pbx IS NOT NULL
                               AND w.done_at IS NULL AND w.started_at IS NOT NULL AND w.until > now())
           ORDER BY m.queue, m.user_id, m.interface"""
    )
    return [SignedIn(**row) for row in rows]


async def missed_in_a_row(db: Reader, viewer: Viewer, user_id: UUID, *, most: int) -> int:
    """How many calls an agent let ring out, or could not be rung for, one after the other since they signed in or took
    calls again; ``most`` are counted."""
    viewer.require("calls.read_all")
    missed: int = await db.fetchval(
        """SELECT count(*) FROM (
               SELECT bool_and(end_reason IN ('no-answer', 'failed')) OVER (ORDER BY created_at DESC, id DESC) AS missed
               FROM twilio_leg WHERE user_id = $1 AND role = 'agent' AND ended_at IS NOT NULL
                 AND created_at > COALESCE((SELECT max(since) FROM queue_member WHERE pbx = 'twilio' AND user_id = $1),
                                           '-infinity')
               ORDER BY created_at DESC, id DESC LIMIT $2) AS lately WHERE missed""",
        user_id,
        most,
    )
    return missed


async def caller_brief(db: Reader, keyring: Keyring, viewer: Viewer, call_id: UUID) -> CallerBrief:
    """Who calls, for an agent's ear."""
    viewer.require("customers.read")
    row = await db.fetchrow(
        """SELECT c.ivr->>'kind' AS kind, m.id, m.name_cipher, m.key_id
           FROM call c LEFT JOIN customer m ON m.id = c.customer_id WHERE c.id = $1""",
        call_id,
    )
    if row is None:
        return CallerBrief(None, None)
    name = None
    if row["id"] is not None and row["name_cipher"] is not None:
        key = await load_personal_key(db, keyring, row["key_id"])
        if key is not None:
            name = keyring.decrypt(key, "customer", "name_cipher", row["id"], row["name_cipher"])
    return CallerBrief(name, row["kind"])


async def leg(db: Reader, viewer: Viewer, leg_id: UUID) -> TwilioLegRecord | None:
    """One leg, as it is now."""
    viewer.require("calls.read_all")
    row = await db.fetchrow(f"SELECT {LEG_COLUMNS} FROM twilio_leg WHERE id = $1", leg_id)  # noqa: S608
    return None if row is None else TwilioLegRecord(**row)


async def recordings_given_up(db: Reader, viewer: Viewer, now: datetime) -> dict[str, int]:
    """Recordings and their texts of the last days that could not be fetched from Twilio, by why; those of erased
    callers were not to be."""
    viewer.require("calls.read_all")
    rows = await db.fetch(
        """SELECT COALESCE(error, '') AS error, count(*) AS lost FROM twilio_fetch
           WHERE state = 'failed' AND what IN ('recording', 'transcript') AND error IS DISTINCT FROM 'erased'
             AND done_at > $1::timestamptz - $2::interval GROUP BY error ORDER BY error LIMIT 20""",
        now,
        timedelta(days=DAYS),
    )
    return {row["error"]: row["lost"] for row in rows}


async def locale_of(db: Reader, viewer: Viewer, user_id: UUID) -> str | None:
    """A user's language."""
    viewer.require("calls.read_all")
    found: str | None = await db.fetchval("SELECT locale FROM users WHERE id = $1", user_id)
    return found


async def country_of(db: Reader, viewer: Viewer, call_id: UUID) -> tuple[str | None, str | None]:
    """(the number that was dialled, the caller's country) of a call."""
    viewer.require("calls.read_all")
    row = await db.fetchrow("SELECT dialled, caller_country FROM call WHERE id = $1", call_id)
    return (None, None) if row is None else (row["dialled"], row["caller_country"])


async def leg_of_transfer(db: Reader, viewer: Viewer, command_id: UUID) -> tuple[UUID, int] | None:
    """The leg that a transfer rings already, and the step of its wait."""
    viewer.require("calls.read_all")
    row = await db.fetchrow(
        """SELECT l.id, w.step FROM twilio_leg l JOIN twilio_waiting w ON w.id = l.waiting_id
           WHERE l.command_id = $1 AND l.role = 'transfer' ORDER BY l.created_at LIMIT 1""",
        command_id,
    )
    return None if row is None else (row["id"], row["step"])


async def is_recorded(db: Reader, viewer: Viewer, call_sid: str) -> bool:
    """Whether this caller was told that their talks are recorded."""
    viewer.require("calls.read_all")
    return bool(await db.fetchval("SELECT bool_or(record) FROM twilio_waiting WHERE call_sid = $1", call_sid))


async def next_own_step(db: Reader, viewer: Viewer, call_sid: str) -> int:
    """The step of a wait to which no flow sent the caller, but an agent: below zero, each less than the last; the last
    one while they are in it, since Twilio may ask twice."""
    viewer.require("calls.read_all")
    row = await db.fetchrow(
        "SELECT step, left_at FROM twilio_waiting WHERE call_sid = $1 AND step < 0 ORDER BY step LIMIT 1", call_sid
    )
    if row is None:
        return -1
    return int(row["step"]) - (row["left_at"] is not None)
