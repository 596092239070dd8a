"""Facts of customers, read anew from the records whose changes were marked (``crm.facts_marks``).

Whoever asks the facts brings them up to date before: what was committed until then is in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hotline.campaigns.consent import CHANNELS
from hotline.campaigns.facts import BITS, EVERYBODY, SERVED, SERVICE_SHIFT
from hotline.crm.database import Database
from hotline.crm.unit_of_work import UnitOfWork

#: Marks that one transaction reads: some tenths of a second.
BATCH: Final = 5_000
#: Key of the advisory lock: one reads marks at a time, so that who comes next finds the facts of what it read.
_LOCK: Final = 0x66616374


def _cases(column: str, bits: Mapping[str, int]) -> str:
    cases = " ".join(f"WHEN '{name}' THEN {value}" for name, value in bits.items())
    return f"CASE {column} {cases} ELSE 0 END"


_CHANNEL: Final[Mapping[str, int]] = {name: BITS[name] for name in CHANNELS}
_BOTH: Final = (1 << SERVICE_SHIFT) + 1
#: Bits of what a suppression holds back.
_HELD: Final = f"{_cases('s.channel', _CHANNEL)} * CASE s.purpose WHEN 'marketing' THEN 1 ELSE {_BOTH} END"
_AGREED: Final = f"{_cases('a.channel', _CHANNEL)} * CASE a.purpose WHEN 'service' THEN {1 << SERVICE_SHIFT} ELSE 1 END"
_TAKE: Final = f"""
WITH taken AS (
    DELETE FROM customer_facts_due WHERE id IN (SELECT id FROM customer_facts_due ORDER BY id LIMIT {BATCH})
    RETURNING customer_id
) SELECT array_agg(DISTINCT customer_id) AS ids, count(*) AS marks FROM taken
"""  # noqa: S608
_FORGET: Final = """
DELETE FROM customer_facts f WHERE f.customer_id = ANY($1::uuid[]) AND NOT EXISTS (
    SELECT 1 FROM customer c WHERE c.id = f.customer_id AND c.merged_into_id IS NULL AND c.erased_at IS NULL)
"""
_COLUMNS: Final = (
    "customer_id", "kind", "locale", "tier_id", "classification", "responsible_id", "source", "created_at",
    "countries", "tags", "reach", "unblocked", "granted", "withdrawn", "tickets", "open_tickets", "complaints",
    "last_ticket_at", "last_resolved_at", "calls", "last_call_at", "last_message_at", "last_contact_at", "purchases",
    "first_purchase_at", "last_purchase_at", "spent", "survey", "survey_at",
)  # fmt: skip
_READ: Final = f"""
INSERT INTO customer_facts ({", ".join(_COLUMNS)})
SELECT c.id, c.kind, c.locale, c.tier_id, c.classification, c.responsible_id, c.created_source, c.created_at,
    points.countries, ARRAY(SELECT g.tag_id FROM customer_tag g WHERE g.customer_id = c.id),
    points.reach | {EVERYBODY}, points.unblocked | {EVERYBODY * _BOTH}, agreed.granted, agreed.withdrawn,
    asked.tickets, asked.open_tickets, asked.complaints, asked.last_ticket_at, asked.last_resolved_at,
    spoken.calls, spoken.last_call_at, written.last_message_at,
    greatest(spoken.last_call_at, written.last_message_at, written.last_out_at, asked.last_ticket_at),
    bought.purchases, bought.first_purchase_at, bought.last_purchase_at, bought.spent, answered.survey, answered.at
FROM customer c
CROSS JOIN LATERAL (
    SELECT coalesce(bit_or(p.served), 0) AS reach, coalesce(array_agg(DISTINCT p.country)
            FILTER (WHERE p.country IS NOT NULL), '{{}}') AS countries,
        coalesce(bit_or((p.served * {_BOTH}) & ~p.held), 0) AS unblocked
    FROM (SELECT q.country, {_cases("q.kind", SERVED)} AS served,
              (SELECT coalesce(bit_or({_HELD}), 0) FROM suppression s
               WHERE s.address_index = q.value_index AND s.lifted_at IS NULL) AS held
          FROM contact_point q WHERE q.customer_id = c.id) AS p
) AS points
CROSS JOIN LATERAL (
    SELECT coalesce(bit_or({_AGREED}) FILTER (WHERE a.state = 'granted'), 0) AS granted,
        coalesce(bit_or({_AGREED}) FILTER (WHERE a.state = 'withdrawn'), 0) AS withdrawn
    FROM consent a WHERE a.customer_id = c.id
) AS agreed
CROSS JOIN LATERAL (
    SELECT count(*) AS tickets, count(*) FILTER (WHERE t.state IN ('new', 'open', 'waiting')) AS open_tickets,
        count(*) FILTER (WHERE t.kind = 'complaint') AS complaints, max(t.opened_at) AS last_ticket_at,
        max(t.resolved_at) AS last_resolved_at
    FROM ticket t WHERE t.customer_id = c.id AND NOT t.provisional AND t.state <> 'discarded'
) AS asked
CROSS JOIN LATERAL (
    SELECT count(*) AS calls, max(k.offered_at) AS last_call_at
    FROM call k WHERE k.customer_id = c.id AND k.ended_at IS NOT NULL AND k.merged_into_id IS NULL
) AS spoken
CROSS JOIN LATERAL (
    SELECT max(v.last_in_at) AS last_message_at, max(v.last_out_at) AS last_out_at
    FROM conversation v WHERE v.customer_id = c.id
) AS written
CROSS JOIN LATERAL (
    SELECT coalesce(sum(b.purchases), 0)::int AS purchases, min(b.first_at) AS first_purchase_at,
        max(b.last_at) AS last_purchase_at,
        jsonb_object_agg(b.currency, b.amount) FILTER (WHERE b.currency IS NOT NULL AND b.amount IS NOT NULL) AS spent
    FROM (SELECT u.currency, count(*) AS purchases, min(u.at) AS first_at, max(u.at) AS last_at, sum(u.amount) AS amount
          FROM purchase u WHERE u.customer_id = c.id AND u.deleted_at IS NULL GROUP BY u.currency) AS b
) AS bought
LEFT JOIN LATERAL (
    SELECT k.ivr -> 'survey' AS survey, k.offered_at AS at FROM call k
    WHERE k.customer_id = c.id AND k.ended_at IS NOT NULL AND k.merged_into_id IS NULL AND k.ivr ? 'survey'
    ORDER BY k.offered_at DESC LIMIT 1
) AS answered ON true
WHERE c.id = ANY($1::uuid[]) AND c.merged_into_id IS NULL AND c.erased_at IS NULL
ON CONFLICT (customer_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])}
"""  # noqa: S608


async def read_marked(uow: UnitOfWork) -> int:
    """Read what the next marks are about; how many marks these were. Waits for another process that does the same: what
    it has taken is in the facts afterwards. Raises Unavailable when that takes longer than five seconds."""
    # Marks that somebody else has taken are seen here until they have written what they read.
    if not await uow.fetchval("SELECT EXISTS (SELECT 1 FROM customer_facts_due)"):
        return 0
    await uow.execute("SET LOCAL lock_timeout = '5s'")
    await uow.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
    await uow.execute("SET LOCAL lock_timeout TO DEFAULT")
    # Every statement of its own sees what was committed before it: the records as they are after the last mark taken.
    row = await uow.fetchrow(_TAKE)
    if row is None or not row["marks"]:
        return 0
    await uow.execute(_FORGET, row["ids"])
    await uow.execute(_READ, row["ids"])
    return int(row["marks"])


async def read_all_marked(uow: UnitOfWork) -> int:
    """The same for every mark there is."""
    total = 0
    while marks := await read_marked(uow):
        total += marks
    return total


async def marks_left(db: Database) -> int:
    """How many changes are not in the facts yet, at most some thousands."""
    found: int = await db.fetchval("SELECT count(*) FROM (SELECT 1 FROM customer_facts_due LIMIT 100000) AS due")
    return found
