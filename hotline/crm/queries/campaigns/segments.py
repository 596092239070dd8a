"""Segments as they are kept, and what they come to: how many, some of them, and why somebody is in or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from hotline.campaigns.consent import Channel, Purpose
from hotline.campaigns.segment_rules import All, AnyOf, Condition, Not, Rule, parse
from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring
from hotline.crm.queries.campaigns.audience import Definition, Lists, Reason, excluded, held_back, members, require_all
from hotline.crm.queries.campaigns.segment_sql import Asked, condition, source
from hotline.crm.queries.customers.custom_fields import read_fields
from hotline.crm.queries.customers.customer_search import read_customers
from hotline.crm.queries.customers.customer_views import CustomerView
from hotline.crm.scopes import Arguments
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound

#: Customers of a sample.
MOST_SAMPLED: Final = 50

Side = Literal["include", "exclude"]


@dataclass(frozen=True, slots=True)
class SegmentVersionView:
    """A version of a segment. ``include`` and ``exclude`` count its lists; ``user`` is the login of who made it."""

    id: UUID
    segment_id: UUID
    name: str
    number: int
    rules: Mapping[str, Any]
    include: int
    exclude: int
    sha256: bytes
    user_id: UUID | None
    user: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class SegmentView:
    """A segment with its current version."""

    id: UUID
    name: str
    description: str
    version: int
    archived: bool
    created_by: str | None
    created_at: datetime
    updated_at: datetime
    current: SegmentVersionView


@dataclass(frozen=True, slots=True)
class Explained:
    """Why a customer is in a segment or not. ``parts`` is the tree of the rules, each with what it came to for them;
    ``reason``: why they would get nothing over the channel asked for."""

    known: bool
    member: bool
    listed: Side | None
    parts: Mapping[str, Any] | None
    reason: Reason | None


_VERSION: Final = """
SELECT v.id, v.segment_id, s.name, v.number, v.rules, v.included, v.excluded, v.sha256, v.user_id, u.login AS author,
    v.at
FROM segment_version v JOIN segment s ON s.id = v.segment_id LEFT JOIN users u ON u.id = v.user_id
"""
_SEGMENT: Final = """
SELECT s.id AS segment_id, s.name, s.description, s.version, s.archived_at IS NOT NULL AS archived,
    m.login AS created_by, s.created_at, s.updated_at, v.id, v.number, v.rules, v.included, v.excluded, v.sha256,
    v.user_id, u.login AS author, v.at
FROM segment s JOIN segment_version v ON v.segment_id = s.id AND v.number = s.version
LEFT JOIN users m ON m.id = s.created_by_id LEFT JOIN users u ON u.id = v.user_id
"""


async def list_segments(
    db: Reader,
    viewer: Viewer,
    *,
    limit: int,
    after: UUID | None = None,
    archived: bool = False,
    kept: bool = True,
    text: str = "",
) -> list[SegmentView]:
    """Segments, the latest first, from behind ``after``: those that are ``kept`` in use, those that are ``archived``;
    ``text`` is a part of their names."""
    viewer.require("segments.read")
    rows = await db.fetch(
        f"""{_SEGMENT} WHERE CASE WHEN s.archived_at IS NULL THEN $5::bool ELSE $1::bool END
              AND ($2::uuid IS NULL OR s.id < $2) AND ($3 = '' OR strpos(lower(s.name), lower($3)) > 0)
            ORDER BY s.id DESC LIMIT $4""",
        *(archived, after, text, limit, kept),
    )
    return [_segment(row) for row in rows]


async def get_segment(db: Reader, viewer: Viewer, segment_id: UUID) -> SegmentView:
    """One segment. Raises NotFound."""
    viewer.require("segments.read")
    row = await db.fetchrow(f"{_SEGMENT} WHERE s.id = $1", segment_id)
    if row is None:
        raise NotFound()
    return _segment(row)


async def list_versions(
    db: Reader, viewer: Viewer, segment_id: UUID, *, limit: int, before: int | None = None
) -> list[SegmentVersionView]:
    """The versions of a segment, the latest first, before a number."""
    viewer.require("segments.read")
    rows = await db.fetch(
        f"{_VERSION} WHERE v.segment_id = $1 AND ($2::int IS NULL OR v.number < $2) ORDER BY v.number DESC LIMIT $3",
        *(segment_id, before, limit),
    )
    return [_version(row) for row in rows]


async def current_version(db: Reader, viewer: Viewer, segment_id: UUID) -> SegmentVersionView:
    """A segment's current version. Raises NotFound."""
    return (await get_segment(db, viewer, segment_id)).current


async def list_members(
    db: Reader, viewer: Viewer, segment_id: UUID, side: Side, *, limit: int, after: UUID | None = None
) -> list[UUID]:
    """The customers on one of the segment's lists as it is now, in the order of their ids; who was merged into another
    stands for that one."""
    viewer.require("segments.read")
    rows = await db.fetch(
        """SELECT DISTINCT coalesce(k.merged_into_id, k.id) AS id
           FROM segment_member m JOIN customer k ON k.id = m.customer_id
           WHERE m.segment_id = $1 AND m.side = $2 AND m.removed IS NULL
             AND ($3::uuid IS NULL OR coalesce(k.merged_into_id, k.id) > $3)
           ORDER BY 1 LIMIT $4""",
        *(segment_id, side, after, limit),
    )
    return [row["id"] for row in rows]


async def read_definition(db: Reader, viewer: Viewer, version_id: UUID) -> Definition:
    """Whom a version means. Raises NotFound, and Invalid where it asks a field that cannot be asked any more."""
    viewer.require("segments.read")
    row = await db.fetchrow("SELECT segment_id, number, rules FROM segment_version WHERE id = $1", version_id)
    if row is None:
        raise NotFound()
    fields = await read_fields(db, viewer)
    return Definition(parse(row["rules"], fields.fields), Lists(row["segment_id"], row["number"]))


async def sample(
    db: Reader,
    keyring: Keyring,
    viewer: Viewer,
    definition: Definition,
    number: int,
    *,
    now: datetime,
    zone: ZoneInfo,
    seed: int = 0,
) -> list[CustomerView]:
    """Some customers of a definition, as good as drawn by lot; another ``seed`` draws others."""
    require_all(viewer)
    asked = Asked(bind := Arguments(), now, zone)
    found, where = members(definition, asked)
    rows = await db.fetch(
        f"""SELECT f.customer_id FROM {found} WHERE {where} AND NOT {excluded(definition, asked)}
            ORDER BY uuid_hash_extended(f.customer_id, {bind(seed)}::bigint)
            LIMIT {bind(min(number, MOST_SAMPLED))}""",  # noqa: S608
        *bind.values,
    )
    return await read_customers(db, keyring, viewer, [row["customer_id"] for row in rows])


async def explain(
    db: Reader,
    viewer: Viewer,
    definition: Definition,
    customer_id: UUID,
    *,
    channel: Channel | None = None,
    purpose: Purpose = "marketing",
    now: datetime,
    zone: ZoneInfo,
) -> Explained:
    """Why one customer is in a definition or not. ``known`` is False for who is merged away, erased or not there."""
    require_all(viewer)
    asked = Asked(bind := Arguments(), now, zone)
    parts = list(_walk(definition.rule))
    columns = [f"{condition(part, asked)} AS part_{at}" for at, part in enumerate(parts)]
    out = excluded(definition, asked)
    listed = "false"
    if definition.lists is not None:
        listed = f"f.customer_id IN ({definition.lists.sql('include', bind)})"
    reason = "NULL" if channel is None else held_back(channel, purpose, out)
    row = await db.fetchrow(
        f"""SELECT {", ".join((*columns, f"{out} AS out", f"{listed} AS listed", f"{reason} AS reason"))}
            FROM {source(definition.rule)} WHERE f.customer_id = {bind(customer_id)}::uuid""",  # noqa: S608
        *bind.values,
    )
    if row is None:
        return Explained(False, False, None, None, None)
    truths = {id(part): bool(row[f"part_{at}"]) for at, part in enumerate(parts)}
    side: Side | None = "exclude" if row["out"] else "include" if row["listed"] else None
    fits = truths[id(definition.rule)]
    member = (fits or side == "include") and side != "exclude"
    return Explained(
        True, member, side, _told(definition.rule, truths), row["reason"] if fits or row["listed"] else None
    )


def _walk(rule: Rule) -> Sequence[Rule]:
    match rule:
        case All(parts) | AnyOf(parts):
            return [rule, *(each for part in parts for each in _walk(part))]
        case Not(part):
            return [rule, *_walk(part)]
    return [rule]


def _told(rule: Rule, truths: Mapping[int, bool]) -> dict[str, Any]:
    holds = {"holds": truths[id(rule)]}
    match rule:
        case All(parts):
            return {"all": [_told(part, truths) for part in parts], **holds}
        case AnyOf(parts):
            return {"any": [_told(part, truths) for part in parts], **holds}
        case Not(part):
            return {"not": _told(part, truths), **holds}
        case Condition():
            return {**rule.content(), **holds}


def _version(row: Row) -> SegmentVersionView:
    return SegmentVersionView(
        id=row["id"],
        segment_id=row["segment_id"],
        name=row["name"],
        number=row["number"],
        rules=row["rules"],
        include=row["included"],
        exclude=row["excluded"],
        sha256=bytes(row["sha256"]),
        user_id=row["user_id"],
        user=row["author"],
        at=row["at"],
    )


def _segment(row: Row) -> SegmentView:
    return SegmentView(
        id=row["segment_id"],
        name=row["name"],
        description=row["description"],
        version=row["version"],
        archived=row["archived"],
        created_by=row["created_by"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        current=_version(row),
    )
