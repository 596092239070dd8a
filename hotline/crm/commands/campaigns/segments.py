"""Changes to segments. Every change of the rules or the lists is a version of its own; versions are never changed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from hotline.campaigns.manifest import canonical
from hotline.crm.commands.campaigns.campaign_voids import void_by_segment
from hotline.crm.queries.campaigns.segments import Side
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict, Invalid, NotFound
from hotline.events import permission_mark

#: Customers on one list of a segment.
MOST_MEMBERS: Final = 1_000_000
#: Segments that a company keeps at once.
MOST_SEGMENTS: Final = 2_000


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """A segment as a change begins: locked until the unit of work ends."""

    id: UUID
    name: str
    description: str
    version: int
    rules: Mapping[str, Any]


async def create_segment(
    uow: UnitOfWork, segment_id: UUID, name: str, description: str, rules: Mapping[str, Any]
) -> None:
    """Add a segment; ``rules`` are checked. Raises Conflict for a name that another one has."""
    await _refuse_name(uow, segment_id, name)
    kept = await uow.fetchval("SELECT count(*) FROM segment WHERE archived_at IS NULL")
    if kept >= MOST_SEGMENTS:
        raise Conflict(f"There are {MOST_SEGMENTS} segments already; archive some first.")
    await uow.execute(
        """INSERT INTO segment (id, name, description, version, created_by_id, created_at, updated_at)
           VALUES ($1, $2, $3, 1, $4, $5, $5)""",
        *(segment_id, name, description, uow.viewer.user_id, uow.now),
    )
    await _add_version(uow, segment_id, 1, rules)
    uow.audit("segment:created", segment_id, version=1)
    _tell(uow, segment_id, 1)


async def lock_segment(uow: UnitOfWork, segment_id: UUID, expected_version: int | None = None) -> SegmentRow:
    """The segment to be changed. Raises NotFound, and Conflict when somebody changed it meanwhile or it is archived."""
    row = await uow.fetchrow("SELECT * FROM segment WHERE id = $1 FOR UPDATE", segment_id)
    if row is None:
        raise NotFound()
    if row["archived_at"] is not None:
        raise Conflict("This segment is archived.")
    if expected_version is not None and row["version"] != expected_version:
        raise Conflict("Somebody else changed this segment meanwhile.")
    rules = await uow.fetchval(
        "SELECT rules FROM segment_version WHERE segment_id = $1 AND number = $2", segment_id, row["version"]
    )
    return SegmentRow(row["id"], row["name"], row["description"], row["version"], rules)


async def update_segment(
    uow: UnitOfWork,
    segment: SegmentRow,
    *,
    name: str | None = None,
    description: str | None = None,
    rules: Mapping[str, Any] | None = None,
) -> None:
    """Write what is given of a locked segment; other rules are another version."""
    if name is not None and name != segment.name:
        await _refuse_name(uow, segment.id, name)
    new_name = segment.name if name is None else name
    words = segment.description if description is None else description
    if (new_name, words) != (segment.name, segment.description):
        await uow.execute(
            "UPDATE segment SET name = $2, description = $3, updated_at = $4 WHERE id = $1",
            *(segment.id, new_name, words, uow.now),
        )
        uow.audit("segment:renamed", segment.id)
        _tell(uow, segment.id, segment.version)
    if rules is not None and canonical(rules) != canonical(segment.rules):
        await _next_version(uow, segment, rules)


async def change_members(
    uow: UnitOfWork, segment: SegmentRow, side: Side, add: Sequence[UUID], remove: Sequence[UUID]
) -> bool:
    """Put customers on a list of a locked segment and take others off it; whoever is on one list is on no other. False
    when nothing differs. Raises Invalid for somebody who is not there."""
    version = segment.version + 1
    wanted = sorted(set(add) - set(remove))
    known = await uow.fetchval(
        """SELECT count(*) FROM customer WHERE id = ANY($1::uuid[]) AND merged_into_id IS NULL
           AND erased_at IS NULL""",
        wanted,
    )
    if known != len(wanted):
        raise Invalid("add: one of these customers is not there.")
    # Off the list, and off the other one for who comes to this; with those who were merged into them.
    taken = await uow.fetch(
        """UPDATE segment_member m SET removed = $2 FROM customer c
           WHERE m.segment_id = $1 AND m.removed IS NULL AND c.id = m.customer_id
             AND coalesce(c.merged_into_id, c.id) = ANY(CASE WHEN m.side = $3::text THEN $4::uuid[] ELSE $5::uuid[] END)
           RETURNING m.id""",
        *(segment.id, version, side, list(remove), wanted),
    )
    put = await uow.fetch(
        """INSERT INTO segment_member (segment_id, customer_id, side, added)
           SELECT $1, wanted.id, $2::text, $3 FROM unnest($4::uuid[]) AS wanted (id)
           WHERE NOT EXISTS (SELECT 1 FROM segment_member m WHERE m.segment_id = $1 AND m.customer_id = wanted.id
                             AND m.side = $2::text AND m.removed IS NULL)
           RETURNING id""",
        *(segment.id, side, version, wanted),
    )
    if not taken and not put:
        return False
    await _next_version(uow, segment, segment.rules)
    return True


async def archive_segment(uow: UnitOfWork, segment: SegmentRow) -> None:
    """Offer a segment no more. What names it keeps its versions; what was approved with it is void."""
    await uow.execute("UPDATE segment SET archived_at = $2, updated_at = $2 WHERE id = $1", segment.id, uow.now)
    await void_by_segment(uow, segment.id)
    uow.audit("segment:archived", segment.id)
    _tell(uow, segment.id, segment.version)


async def _next_version(uow: UnitOfWork, segment: SegmentRow, rules: Mapping[str, Any]) -> None:
    number = segment.version + 1
    await uow.execute("UPDATE segment SET version = $2, updated_at = $3 WHERE id = $1", segment.id, number, uow.now)
    await _add_version(uow, segment.id, number, rules)
    await void_by_segment(uow, segment.id)
    uow.audit("segment:changed", segment.id, version=number)
    _tell(uow, segment.id, number)


async def _add_version(uow: UnitOfWork, segment_id: UUID, number: int, rules: Mapping[str, Any]) -> None:
    lists = await uow.fetchrow(
        """SELECT count(*) FILTER (WHERE side = 'include') AS included,
               count(*) FILTER (WHERE side = 'exclude') AS excluded,
               string_agg(uuid_send(customer_id), ''::bytea ORDER BY customer_id)
                   FILTER (WHERE side = 'include') AS include_ids,
               string_agg(uuid_send(customer_id), ''::bytea ORDER BY customer_id)
                   FILTER (WHERE side = 'exclude') AS exclude_ids
           FROM segment_member WHERE segment_id = $1 AND removed IS NULL""",
        segment_id,
    )
    assert lists is not None
    if max(lists["included"], lists["excluded"]) > MOST_MEMBERS:
        raise Invalid(f"A list has at most {MOST_MEMBERS} customers; use a tag and a rule for more.")
    content = {
        "rules": rules,
        "include": hashlib.sha256(lists["include_ids"] or b"").hexdigest(),
        "exclude": hashlib.sha256(lists["exclude_ids"] or b"").hexdigest(),
    }
    await uow.execute(
        """INSERT INTO segment_version (id, segment_id, number, rules, included, excluded, sha256, user_id, at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        *(uow.new_id(), segment_id, number, dict(rules), lists["included"], lists["excluded"]),
        *(hashlib.sha256(canonical(content)).digest(), uow.viewer.user_id, uow.now),
    )


def _tell(uow: UnitOfWork, segment_id: UUID, version: int) -> None:
    uow.emit("segment.updated", (permission_mark("segments.read"),), segment_id=segment_id, version=version)


async def _refuse_name(uow: UnitOfWork, segment_id: UUID, name: str) -> None:
    # One after the other, else two at once both see the name free.
    await uow.execute("SELECT pg_advisory_xact_lock(hashtextextended('segment name', 0))")
    taken = await uow.fetchval(
        "SELECT 1 FROM segment WHERE lower(name) = lower($1) AND id <> $2 AND archived_at IS NULL", name, segment_id
    )
    if taken:
        raise Conflict("name: another segment has this name.")
