"""How much of its pace each of the company's senders has used for conversations: a row for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hotline.conversations.sender_rates import SenderRate, Spent, rate_of, spend
from hotline.crm.unit_of_work import UnitOfWork

# In the order of the ids: two who lock several never wait for each other in a circle.
_LOCK: Final = """
SELECT p.sender_id, p.tokens, p.at, s.channel, s.address, r.per_second, r.burst
FROM sender_pace p JOIN sender s ON s.id = p.sender_id
LEFT JOIN push_rate r ON r.kind = 'sender' AND r.name = s.id::text
WHERE p.sender_id = ANY($1::uuid[]) ORDER BY p.sender_id FOR UPDATE OF p
"""
_PUT_BACK: Final = """
WITH late AS (
    SELECT m.id, t.send_at FROM unnest($1::uuid[], $2::timestamptz[]) AS t (id, send_at)
    JOIN message m ON m.id = t.id WHERE m.state = 'sending' AND m.provider_id IS NULL ORDER BY m.id FOR UPDATE OF m
), untried AS (
    DELETE FROM message_attempt a USING late, message m
    WHERE m.id = late.id AND a.message_id = m.id AND a.attempt = m.attempts
)
UPDATE message m SET state = 'queued', attempts = m.attempts - 1, leased_until = NULL, send_at = late.send_at
FROM late WHERE m.id = late.id
"""


async def spend_pace(
    uow: UnitOfWork, wanted: Mapping[UUID, Sequence[int]], *, anyway: bool = False
) -> dict[UUID, list[timedelta]]:
    """Messages of these costs are to leave through each of these senders, in their order. Answers how long the last
    ones of a sender must wait, where some must. ``anyway``: they have left, and those that follow wait for them."""
    ids = sorted(wanted)
    rows = await uow.fetch(_LOCK, ids)
    if len(rows) < len(ids):
        await uow.execute(
            """INSERT INTO sender_pace (sender_id, at, spent)
               SELECT id, $2, 0 FROM sender WHERE id = ANY($1::uuid[]) ORDER BY id ON CONFLICT DO NOTHING""",
            *(ids, uow.now),
        )
        rows = await uow.fetch(_LOCK, ids)
    changed: list[tuple[UUID, float | None, int]] = []
    waits: dict[UUID, list[timedelta]] = {}
    for row in rows:
        costs = wanted[row["sender_id"]]
        rate = rate_of(row["channel"], row["address"])
        if row["per_second"] is not None:
            rate = SenderRate(float(row["per_second"]), row["burst"])
        after = None
        if rate is not None:
            before = None if row["tokens"] is None else Spent(row["tokens"], row["at"])
            after, waiting = spend(before, rate, costs, uow.now)
            if anyway:
                after = replace(after, tokens=after.tokens - sum(costs[len(costs) - len(waiting) :]))
            elif waiting:
                waits[row["sender_id"]] = waiting
                costs = costs[: len(costs) - len(waiting)]
        changed.append((row["sender_id"], None if after is None else after.tokens, sum(costs)))
    await uow.execute(
        """UPDATE sender_pace p SET tokens = t.tokens, at = GREATEST(p.at, $4), spent = p.spent + t.spent
           FROM unnest($1::uuid[], $2::float8[], $3::bigint[]) AS t (id, tokens, spent) WHERE p.sender_id = t.id""",
        [each[0] for each in changed], [each[1] for each in changed], [each[2] for each in changed], uow.now,
    )  # fmt: skip
    return waits


async def put_back(uow: UnitOfWork, late: Sequence[tuple[UUID, datetime]]) -> None:
    """Messages that were taken and surely not handed over wait until then: their try was none."""
    if late:
        await uow.execute(_PUT_BACK, [each[0] for each in late], [each[1] for each in late])
