"""Deliveries on their way out: taken by lease, begun, and noted; in batches, each by one statement.

That nothing leaves unapproved is in the statements themselves: a delivery is taken, begun and handed over only while it
joins a running campaign with the approved manifest that it was released under, and no stop. Leases are measured by the
database's clock, so that a process whose own clock jumps neither keeps what is not its own nor takes it from others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hotline.crm.database import Database, Reader, Row
from hotline.crm.unit_of_work import UnitOfWork

#: How long what was taken may wait to be begun, and what was begun for its result. The second one is longer than every
#: time-out of a channel: who still has it, notes it before.
CLAIM_LEASE: Final = timedelta(seconds=20)
SEND_LEASE: Final = timedelta(minutes=8)
#: A process that was not seen for so long is dead.
ALIVE: Final = timedelta(seconds=10)

# What every statement joins: the structural guarantee. $1 is now.
_ALLOWED: Final = """
    JOIN campaign c ON c.id = d.campaign_id AND c.state = 'running' AND c.manifest_id = d.manifest_id
    JOIN manifest m ON m.id = d.manifest_id AND m.campaign_id = c.id AND m.state = 'approved' AND m.expires_at > $1
"""
_NO_STOP: Final = "NOT EXISTS (SELECT 1 FROM outbound_stop WHERE stopped_at IS NOT NULL)"
# A lease that ends further away than any was made for is of a clock that was put back.
_FREE: Final = """(d.leased_until IS NULL OR d.leased_until < clock_timestamp()
    OR d.leased_until > clock_timestamp() + $4::interval)"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this process may begin while its lease lasts. ``address_cipher`` and the wrapped key are None
    when the customer is erased or has the contact point no more. ``person_id`` is whose address it is: another than
    ``customer_id`` where records were merged meanwhile."""

    id: UUID
    campaign_id: UUID
    manifest_id: UUID
    customer_id: UUID
    person_id: UUID
    contact_point_id: UUID | None
    variant: int
    attempts: int
    due_at: datetime
    expires_at: datetime | None
    facts: dict[str, str] | None
    language: str | None
    key_id: UUID | None
    wrapped: bytes | None = field(repr=False)
    master: str | None
    address_cipher: bytes | None = field(repr=False)


_CLAIM: Final = f"""
WITH due AS (
    SELECT found.id FROM unnest($2::uuid[]) AS wanted (id)
    CROSS JOIN LATERAL (
        SELECT d.id FROM delivery d {_ALLOWED}
        WHERE d.campaign_id = wanted.id AND d.state = 'queued' AND d.due_at <= $1 AND {_FREE}
        ORDER BY d.due_at, d.id LIMIT $3 FOR UPDATE OF d SKIP LOCKED
    ) AS found
    WHERE {_NO_STOP}
), taken AS (
    UPDATE delivery d SET lease = $5, leased_by = $6, leased_until = clock_timestamp() + $4::interval
    FROM due WHERE d.id = due.id
    RETURNING d.id, d.campaign_id, d.manifest_id, d.customer_id, d.contact_point_id, d.variant, d.attempts, d.due_at,
        d.expires_at, d.facts
)
SELECT t.*, COALESCE(p.customer_id, o.merged_into_id, o.id) AS person_id, w.locale AS language, w.key_id,
    k.wrapped, k.master, p.value_cipher AS address_cipher
FROM taken t
JOIN customer o ON o.id = t.customer_id
LEFT JOIN contact_point p ON p.id = t.contact_point_id AND p.customer_id IN (o.id, o.merged_into_id)
JOIN customer w ON w.id = COALESCE(p.customer_id, o.merged_into_id, o.id)
LEFT JOIN personal_key k ON k.id = w.key_id AND k.wrapped IS NOT NULL AND w.erased_at IS NULL
ORDER BY t.due_at, t.id
"""  # noqa: S608


async def claim(
    db: Database, campaign_ids: Sequence[UUID], now: datetime, most: int, lease: UUID, node: str
) -> list[Claimed]:
    """Take what is due of these campaigns, at most ``most`` of each, the longest due first."""
    rows = await db.fetch(_CLAIM, now, list(campaign_ids), most, CLAIM_LEASE, lease, node)
    return [read_claimed(row) for row in rows]


def read_claimed(row: Row) -> Claimed:
    """What was claimed, from a row of the records."""
    return Claimed(
        id=row["id"], campaign_id=row["campaign_id"], manifest_id=row["manifest_id"], customer_id=row["customer_id"],
        person_id=row["person_id"], contact_point_id=row["contact_point_id"], variant=row["variant"],
        attempts=row["attempts"], due_at=row["due_at"], expires_at=row["expires_at"], facts=row["facts"],
        language=row["language"], key_id=row["key_id"], wrapped=row["wrapped"], master=row["master"],
        address_cipher=row["address_cipher"],
    )  # fmt: skip


# Begun: the try is committed by the statement that looks once more whether it may leave. What opted out, was withdrawn,
# stopped or erased until then is not among the answers, nor whose address was taken away or went to somebody else.
# The no of whom somebody was merged into is theirs, too.
_STILL_WANTED: Final = """
    (d.channel IN ('console', 'inapp') OR EXISTS (
        SELECT 1 FROM contact_point p WHERE p.id = d.contact_point_id AND p.customer_id = a.person AND NOT EXISTS (
            SELECT 1 FROM suppression s
            WHERE s.channel = d.channel AND s.address_index = p.value_index AND s.lifted_at IS NULL
              AND (s.purpose = 'all' OR s.purpose = a.purpose))))
    AND (d.channel = 'console' OR COALESCE((
        SELECT y.state FROM consent y
        WHERE y.customer_id = ANY(ARRAY[a.person, (SELECT u.merged_into_id FROM customer u WHERE u.id = a.person)])
          AND y.channel = d.channel AND y.purpose = a.purpose AND (y.customer_id = a.person OR y.state = 'withdrawn')
        ORDER BY y.state DESC LIMIT 1
    ), CASE a.purpose WHEN 'marketing' THEN 'never' ELSE 'granted' END) = 'granted')
"""
_BEGUN: Final = f"""
begun AS (
    UPDATE delivery d SET state = 'sending', attempts = d.attempts + 1, sender_id = a.sender_id, locale = a.locale,
        leased_until = clock_timestamp() + $9::interval, updated_at = $1, error_code = NULL, reason = NULL
    FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::uuid[])
        AS a (id, person, sender_id, locale, purpose, lease), campaign c, manifest m
    WHERE d.id = a.id AND d.state = 'queued' AND d.lease = a.lease
      AND c.id = d.campaign_id AND c.state = 'running' AND c.manifest_id = d.manifest_id
      AND m.id = d.manifest_id AND m.campaign_id = c.id AND m.state = 'approved' AND m.expires_at > $1
      AND {_NO_STOP} AND {_STILL_WANTED}
    RETURNING d.id, d.attempts, d.sender_id
)
INSERT INTO delivery_attempt (delivery_id, attempt, started_at, node, sender_id)
SELECT id, attempts, $1, $8, sender_id FROM begun
RETURNING delivery_id, attempt
"""  # noqa: S608
_BEGIN: Final = f"WITH {_BEGUN}"
# With what came of others' tries, where their providers have them. A callback may have been faster: what it told stays.
_BEGIN_AND_NOTE: Final = f"""
WITH told AS (
    SELECT * FROM unnest($10::uuid[], $11::smallint[], $12::timestamptz[], $13::text[], $14::text[], $15::text[],
        $16::smallint[]) AS t (id, attempt, started_at, state, provider_id, account_sid, segments)
), tries AS (
    UPDATE delivery_attempt a SET ended_at = $1, outcome = 'accepted' FROM told t
    WHERE a.delivery_id = t.id AND a.attempt = t.attempt AND a.started_at = t.started_at
), noted AS (
    UPDATE delivery d SET
        state = CASE WHEN d.state IN ('sending', 'unknown') THEN t.state ELSE d.state END,
        provider_id = COALESCE(d.provider_id, t.provider_id), account_sid = COALESCE(d.account_sid, t.account_sid),
        segments = COALESCE(t.segments, d.segments), sent_at = COALESCE(d.sent_at, $1),
        delivered_at = CASE WHEN t.state = 'delivered' THEN COALESCE(d.delivered_at, $1) ELSE d.delivered_at END,
        lease = NULL, leased_by = NULL, leased_until = NULL, updated_at = $1
    FROM told t WHERE d.id = t.id AND d.attempts = t.attempt
), {_BEGUN}"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Beginning:
    """A delivery whose try is to begin: whose consent counts, through which sender, in which language, for what; the
    lease it was claimed under."""

    id: UUID
    person_id: UUID
    sender_id: UUID | None
    locale: str
    purpose: str
    lease: UUID


@dataclass(frozen=True, slots=True)
class Handed:
    """A try whose message its provider has, ``sent`` or ``delivered``."""

    id: UUID
    attempt: int
    started_at: datetime
    state: str
    provider_id: str | None
    account_sid: str | None
    segments: int | None


async def begin(
    db: Reader, wanted: Sequence[Beginning], now: datetime, node: str, handed: Sequence[Handed] = ()
) -> dict[UUID, int]:
    """Begin the tries of deliveries that are claimed still; committed when this returns. Answers the number of the try
    of each that may be handed over now, and leaves out those that may not any more. With ``handed`` the same statement
    notes others' tries: one way to the database, and one commit, instead of two."""
    wanted, handed = sorted(wanted, key=lambda each: each.id), sorted(handed, key=lambda each: each.id)
    arguments = (
        now, [each.id for each in wanted], [each.person_id for each in wanted], [each.sender_id for each in wanted],
        [each.locale for each in wanted], [each.purpose for each in wanted], [each.lease for each in wanted], node,
        SEND_LEASE,
    )  # fmt: skip
    if not handed:
        rows = await db.fetch(_BEGIN, *arguments)
    else:
        rows = await db.fetch(
            _BEGIN_AND_NOTE, *arguments, [each.id for each in handed], [each.attempt for each in handed],
            [each.started_at for each in handed], [each.state for each in handed],
            [each.provider_id for each in handed], [each.account_sid for each in handed],
            [each.segments for each in handed],
        )  # fmt: skip
    return {row["delivery_id"]: row["attempt"] for row in rows}


_STILL: Final = f"""
SELECT d.id FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::uuid[]) AS a (id, person, purpose, lease)
JOIN delivery d ON d.id = a.id {_ALLOWED}
WHERE d.state = 'sending' AND d.lease = a.lease AND {_NO_STOP} AND {_STILL_WANTED}
"""  # noqa: S608


async def still_allowed(db: Database, begun: Sequence[Beginning], now: datetime) -> set[UUID]:
    """Which of these tries, begun a while ago and not handed over yet, may go on now."""
    rows = await db.fetch(
        _STILL, now, [each.id for each in begun], [each.person_id for each in begun],
        [each.purpose for each in begun], [each.lease for each in begun],
    )  # fmt: skip
    return {row["id"] for row in rows}


async def renew(db: Database, begun: Sequence[Beginning]) -> None:
    """Tries that were begun and are this process's still have the time of a new one from now on."""
    begun = sorted(begun, key=lambda each: each.id)
    await db.execute(
        """WITH mine AS (
               SELECT d.id FROM unnest($1::uuid[], $2::uuid[]) AS a (id, lease)
               JOIN delivery d ON d.id = a.id AND d.lease = a.lease AND d.state = 'sending'
               ORDER BY d.id FOR UPDATE OF d
           )
           UPDATE delivery d SET leased_until = clock_timestamp() + $3::interval FROM mine WHERE d.id = mine.id""",
        [each.id for each in begun], [each.lease for each in begun], SEND_LEASE,
    )  # fmt: skip


async def put_back(db: Database, delivery_ids: Sequence[UUID], lease: UUID) -> None:
    """Give back what was claimed and not begun: whoever claims it next decides anew."""
    await db.execute(
        """UPDATE delivery SET lease = NULL, leased_by = NULL, leased_until = NULL
           WHERE id = ANY($1::uuid[]) AND lease = $2 AND state = 'queued'""",
        list(delivery_ids), lease,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decided:
    """A delivery that does not leave now: held back until ``due_at``, or ended in ``state``."""

    id: UUID
    state: str
    reason: str
    due_at: datetime | None


async def note_decided(uow: UnitOfWork, decided: Sequence[Decided], lease: UUID) -> None:
    """Note what does not leave, of what was claimed under ``lease``."""
    await uow.execute(
        """UPDATE delivery d SET state = t.state, reason = t.reason, due_at = COALESCE(t.due_at, d.due_at),
               lease = NULL, leased_by = NULL, leased_until = NULL, updated_at = $6
           FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) AS t (id, state, reason, due_at)
           WHERE d.id = t.id AND d.lease = $5 AND d.state = 'queued'""",
        [each.id for each in decided], [each.state for each in decided], [each.reason for each in decided],
        [each.due_at for each in decided], lease, uow.now,
    )  # fmt: skip


# Processes


async def beat(db: Database, node: str, alive_for: timedelta) -> int:
    """Say that this process lives, and how many do, itself included."""
    row = await db.fetchrow(
        """WITH me AS (
               INSERT INTO dispatch_node (node, started_at, seen_at) VALUES ($1, clock_timestamp(), clock_timestamp())
               ON CONFLICT (node) DO UPDATE SET seen_at = clock_timestamp()
           )
           SELECT 1 + count(*) AS alive FROM dispatch_node
           WHERE node <> $1 AND seen_at BETWEEN clock_timestamp() - $2::interval AND clock_timestamp() + $2::interval
        """,
        node, alive_for,
    )  # fmt: skip
    return int(row["alive"]) if row is not None else 1


async def alive(db: Reader, alive_for: timedelta) -> int:
    """How many processes dispatch."""
    return int(
        await db.fetchval(
            "SELECT count(*) FROM dispatch_node WHERE seen_at > clock_timestamp() - $1::interval", alive_for
        )
    )


async def sign_off(db: Database, node: str) -> None:
    """This process ends: it has begun nothing that it did not note."""
    await db.execute("DELETE FROM dispatch_node WHERE node = $1", node)


async def mark_lost(uow: UnitOfWork, alive_for: timedelta, *, most: int = 1000) -> int:
    """Tries that nobody waits for any more become ``unknown``: their process is dead, or their lease ran out. How
    many. The lease's token stays: a process that was only away still knows what came of them."""
    rows = await uow.fetch(
        """WITH gone AS (
               SELECT d.id FROM delivery d WHERE d.state = 'sending' AND d.provider_id IS NULL AND (
                   d.leased_until < clock_timestamp() OR d.leased_until > clock_timestamp() + $2::interval
                   OR NOT EXISTS (SELECT 1 FROM dispatch_node n WHERE n.node = d.leased_by
                                  AND n.seen_at > clock_timestamp() - $1::interval))
               ORDER BY d.id LIMIT $3 FOR UPDATE SKIP LOCKED
           ), lost AS (
               UPDATE delivery d SET state = 'unknown', leased_until = NULL, updated_at = $4
               FROM gone WHERE d.id = gone.id RETURNING d.id, d.attempts
           )
           UPDATE delivery_attempt a SET ended_at = $4, outcome = 'unknown' FROM lost
           WHERE a.delivery_id = lost.id AND a.attempt = lost.attempts AND a.outcome IS NULL
           RETURNING a.delivery_id""",
        alive_for, SEND_LEASE + timedelta(seconds=30), most, uow.now,
    )  # fmt: skip
    await uow.execute("DELETE FROM dispatch_node WHERE seen_at < clock_timestamp() - interval '1 hour'")
    return len(rows)
