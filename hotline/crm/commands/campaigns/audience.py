"""Freezing who gets a campaign: the recipients of a manifest, as they are when it is submitted.

Afterwards nobody is added. Whoever may not be written to any more is left out when it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from hotline.campaigns.consent import Channel, Purpose
from hotline.crm.audience_proof import digest
from hotline.crm.commands.customers.customer_facts import read_all_marked
from hotline.crm.queries.campaigns.audience import Reason, excluded, held_back, kinds, members
from hotline.crm.queries.campaigns.segment_sql import Asked
from hotline.crm.queries.campaigns.segments import read_definition
from hotline.crm.scopes import Arguments
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.errors import Conflict

_UTC: Final = ZoneInfo("UTC")
#: One statement, so that everybody is seen at the same moment. What is used twice lies on disk where it is large.
_JUDGED: Final = """
WITH chosen AS (
    SELECT f.customer_id, {reason} AS reason FROM {found} WHERE {where}
), addressed AS (
    SELECT o.customer_id, o.reason, p.id AS contact_point_id, p.value_index
    FROM chosen o LEFT JOIN LATERAL (
        SELECT q.id, q.value_index FROM contact_point q
        WHERE q.customer_id = o.customer_id AND q.kind = ANY({kinds}::text[]) AND NOT EXISTS (
            SELECT 1 FROM suppression s WHERE s.address_index = q.value_index AND s.channel = {channel}::text
              AND s.lifted_at IS NULL AND s.purpose IN ('all', {purpose}::text))
        ORDER BY array_position({kinds}::text[], q.kind::text), q.position, q.id LIMIT 1
    ) AS p ON o.reason IS NULL
), judged AS MATERIALIZED (
    SELECT customer_id, contact_point_id, CASE
        WHEN reason IS NOT NULL THEN reason
        WHEN contact_point_id IS NULL THEN {nowhere}
        WHEN value_index IS NOT NULL AND row_number() OVER (PARTITION BY value_index ORDER BY customer_id) > 1
            THEN 'same_address'
    END AS reason
    FROM addressed
)
"""
_MATCHING: Final = "SELECT customer_id, contact_point_id FROM judged WHERE reason IS NULL ORDER BY customer_id"
#: Who of too many is kept is as good as drawn by lot, and the same for the same audience.
_FEWER: Final = """
, lot AS MATERIALIZED (
    SELECT customer_id FROM judged WHERE reason IS NULL
    ORDER BY uuid_hash_extended(customer_id, {seed}::bigint) LIMIT {most}::int
)
"""
_FREEZE: Final = """
, kept AS (
    INSERT INTO recipient (manifest_id, position, customer_id, contact_point_id)
    SELECT {manifest}::uuid, row_number() OVER (ORDER BY customer_id) - 1, customer_id, contact_point_id
    FROM judged WHERE {stays} ORDER BY customer_id
)
SELECT CASE WHEN {stays} THEN NULL ELSE coalesce(reason, 'over_limit') END AS reason, count(*) AS number
FROM judged GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Overrides:
    """What one campaign says beside its segment: customers who are left out of it alone."""

    exclude: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Frozen:
    """A frozen audience. ``sha256`` is over the recipients' ids (``crm.audience_proof``); ``matched`` were in the
    segment, ``excluded`` of them by reason get nothing."""

    count: int
    sha256: bytes
    excluded: Mapping[Reason, int]
    matched: int


async def freeze(
    uow: UnitOfWork,
    manifest_id: UUID,
    segment_version_id: UUID,
    channel: Channel,
    purpose: Purpose,
    overrides: Overrides | None = None,
    *,
    most: int | None = None,
    zone: ZoneInfo = _UTC,
) -> Frozen:
    """Write the recipients of a manifest: everybody of a segment's version who has an address of the channel that
    nothing is suppressed for, and who agreed to the purpose where that is needed; each address once; of more than
    ``most`` some.

    ``zone`` is the company's, in which the days of rules begin. A large audience needs a unit of work without a limit
    of time (``House.long_unit``). Raises NotFound for a version that is not there, Invalid for one whose rules ask a
    field that cannot be asked any more, and Conflict for a manifest that has recipients.
    """
    if await uow.fetchval("SELECT EXISTS (SELECT 1 FROM recipient WHERE manifest_id = $1)", manifest_id):
        raise Conflict("This audience is frozen already.")
    overrides = overrides or Overrides()
    bind = Arguments()
    judged = await _judged(uow, segment_version_id, channel, purpose, overrides.exclude, None, bind, zone)
    stays = "reason IS NULL"
    if most is not None:
        seed = int.from_bytes(manifest_id.bytes[8:], "big", signed=True)
        judged += _FEWER.format(seed=bind(seed), most=bind(most))
        stays += " AND customer_id IN (SELECT customer_id FROM lot)"
    statement = judged + _FREEZE.format(manifest=bind(manifest_id), stays=stays)
    await uow.execute("SET LOCAL work_mem = '32MB'")
    counts = {row["reason"]: row["number"] for row in await uow.fetch(statement, *bind.values)}
    count = counts.pop(None, 0)
    written, sha256 = await digest(uow, manifest_id)
    if written != count:
        raise Conflict("Somebody wrote to this audience while it was frozen.")
    return Frozen(count, sha256, counts, count + sum(counts.values()))


async def matching(
    uow: UnitOfWork,
    segment_version_id: UUID,
    channel: Channel,
    purpose: Purpose,
    customer_ids: Sequence[UUID],
    *,
    zone: ZoneInfo = _UTC,
) -> list[tuple[UUID, UUID | None]]:
    """Who of some customers would be in such an audience now: (customer, contact point), in the order of their ids.
    Raises as ``freeze``."""
    bind = Arguments()
    judged = await _judged(uow, segment_version_id, channel, purpose, (), customer_ids, bind, zone)
    rows = await uow.fetch(judged + _MATCHING, *bind.values)
    return [(row["customer_id"], row["contact_point_id"]) for row in rows]


async def _judged(
    uow: UnitOfWork,
    segment_version_id: UUID,
    channel: Channel,
    purpose: Purpose,
    left_out: Sequence[UUID],
    among: Sequence[UUID] | None,
    bind: Arguments,
    zone: ZoneInfo,
) -> str:
    definition = await read_definition(uow, SYSTEM, segment_version_id)
    await read_all_marked(uow)
    asked = Asked(bind, uow.now, zone)
    found, where = members(definition, asked)
    if among is not None:
        where = f"f.customer_id = ANY({bind(list(among))}::uuid[]) AND {where}"
    out = excluded(definition, asked)
    if left_out:
        out = f"({out} OR f.customer_id = ANY({bind(list(left_out))}::uuid[]))"
    wanted = kinds(channel)
    # No address is needed: nobody lacks one, and nobody shares one.
    return _JUDGED.format(
        reason=held_back(channel, purpose, out),
        found=found,
        where=where,
        kinds=bind(wanted),
        channel=bind(channel),
        purpose=bind(purpose),
        nowhere="'suppressed'" if wanted else "NULL",
    )


async def forget(uow: UnitOfWork, manifest_id: UUID) -> int:
    """Take back an audience whose manifest was never submitted; how many recipients it had."""
    tag = await uow.execute("DELETE FROM recipient WHERE manifest_id = $1", manifest_id)
    return int(tag.split()[-1])
