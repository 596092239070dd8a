"""Who may be one and the same: found while somebody types, and pairs that were found in batches.

Candidates are found by what they share, a number or an email, and by words of their names (``customers.duplicates``),
through indexes alone; their names are compared after that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.crm.database import Database, Reader
from hotline.crm.keys import Keyring
from hotline.crm.queries.customers.customer_views import (
    SELECT,
    CustomerView,
    customer_name,
    customer_view,
    personal_key,
)
from hotline.crm.scopes import Arguments, all_of, customers_seen
from hotline.crm.viewer import Viewer
from hotline.customers.duplicates import WORTH, Likeness, Reason, compare, search_words
from hotline.errors import NotFound

#: Candidates of one way to look; more say nothing: it is everybody's first name, or a switchboard.
MOST_OF_A_WAY: Final = 60
MOST_SHARING: Final = 20
#: Duplicates that are shown while somebody types.
SHOWN: Final = 5
MOST: Final = 101


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A customer who may be the one that is being written down."""

    customer: CustomerView
    score: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two customers who may be one. ``first`` came first."""

    id: UUID
    first: CustomerView
    second: CustomerView
    score: int
    reasons: tuple[str, ...]
    state: str
    found_at: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is known of somebody: a name, and blind indexes of numbers and emails. ``id`` is who it is, if they are in
    the records already; ``later_than``: only customers with a greater id."""

    name: str = ""
    kind: str | None = None
    phones: tuple[bytes, ...] = ()
    emails: tuple[bytes, ...] = ()
    id: UUID | None = None
    later_than: UUID | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may be the one, and how sure that is."""

    id: UUID
    likeness: Likeness


_SHARING: Final = """(
    SELECT p.customer_id AS id, {kind} AS way FROM contact_point p JOIN customer c ON c.id = p.customer_id
    WHERE p.value_index = ANY({values}::bytea[]) AND {where} LIMIT {most})"""
_NAMED: Final = (
    "(SELECT c.id, 'name' AS way FROM customer c WHERE c.search_tokens @> {tokens}::bigint[] AND {where} LIMIT {most})"
)
_CANDIDATES: Final = """
SELECT f.id, f.ways, c.kind, c.name_cipher, c.key_id, k.wrapped, k.master
FROM (SELECT id, array_agg(DISTINCT way) AS ways FROM ({union}) AS each (id, way) GROUP BY id) AS f
JOIN customer c ON c.id = f.id JOIN personal_key k ON k.id = c.key_id AND k.wrapped IS NOT NULL
WHERE NOT EXISTS (SELECT 1 FROM duplicate_pair d WHERE d.state = 'dismissed'
                  AND d.low_id = LEAST(c.id, {id}::uuid) AND d.high_id = GREATEST(c.id, {id}::uuid))
"""


async def find_candidates(db: Reader, keyring: Keyring, viewer: Viewer, wanted: Wanted) -> list[Candidate]:
    """Everybody who may be the one, whom the viewer sees, the likeliest first; without pairs that were dismissed."""
    bind = Arguments()
    where = ["c.merged_into_id IS NULL"]
    if wanted.id is not None:
        where.append(f"c.id <> {bind(wanted.id)}::uuid")
    if wanted.later_than is not None:
        where.append(f"c.id > {bind(wanted.later_than)}::uuid")
    condition = all_of(*where, customers_seen(viewer, bind))
    union = [
        _SHARING.format(kind=f"'{kind}'", values=bind(list(values)), where=condition, most=MOST_SHARING)
        for kind, values in (("phone", wanted.phones), ("email", wanted.emails))
        if values
    ]
    union += [
        _NAMED.format(tokens=bind(keyring.tokens("name", way)), where=condition, most=MOST_OF_A_WAY)
        for way in search_words(wanted.name)
    ]
    if not union:
        return []
    sql = _CANDIDATES.format(union=" UNION ALL ".join(union), id=bind(wanted.id))
    found = []
    for row in await db.fetch(sql, *bind.values):
        name = customer_name(keyring, personal_key(keyring, row), row)
        likeness = compare(
            wanted.name,
            name,
            phone="phone" in row["ways"],
            email="email" in row["ways"],
            same_kind=wanted.kind in (None, row["kind"]),
        )
        if likeness.score >= WORTH:
            found.append(Candidate(row["id"], likeness))
    return sorted(found, key=lambda each: (-each.likeness.score, each.id))


async def duplicates_of(db: Database, keyring: Keyring, viewer: Viewer, wanted: Wanted) -> list[Duplicate]:
    """The likeliest candidates with their records, for who is writing somebody down."""
    viewer.require("customers.read")
    async with db.searching() as reader:
        found = (await find_candidates(reader, keyring, viewer, wanted))[:SHOWN]
    views = await _views(db, keyring, viewer, [each.id for each in found])
    return [Duplicate(views[each.id], each.likeness.score, each.likeness.reasons) for each in found if each.id in views]


async def known_of(db: Reader, keyring: Keyring, viewer: Viewer, customer_id: UUID) -> Wanted:
    """What is known of a customer in the records."""
    found = await known(db, keyring, viewer, [customer_id])
    if not found:
        raise NotFound()
    return found[0]


async def known(db: Reader, keyring: Keyring, viewer: Viewer, ids: Sequence[UUID]) -> list[Wanted]:
    """What is known of several customers whom the viewer sees; whoever was merged away or erased is left out."""
    viewer.require("customers.read")
    bind = Arguments(list(ids))
    seen = all_of(customers_seen(viewer, bind))
    rows = await db.fetch(
        f"""SELECT c.id, c.kind, c.name_cipher, c.key_id, k.wrapped, k.master,
               ARRAY(SELECT value_index FROM contact_point p WHERE p.customer_id = c.id
                     AND p.kind IN ('phone', 'whatsapp')) AS phones,
               ARRAY(SELECT value_index FROM contact_point p WHERE p.customer_id = c.id AND p.kind = 'email') AS emails
           FROM customer c JOIN personal_key k ON k.id = c.key_id AND k.wrapped IS NOT NULL
           WHERE c.id = ANY($1::uuid[]) AND c.merged_into_id IS NULL AND {seen} ORDER BY c.id""",  # noqa: S608
        *bind.values,
    )
    return [
        Wanted(
            customer_name(keyring, personal_key(keyring, row), row),
            row["kind"],
            tuple(bytes(each) for each in row["phones"]),
            tuple(bytes(each) for each in row["emails"]),
            row["id"],
        )
        for row in rows
    ]


async def next_customers(db: Reader, viewer: Viewer, after: UUID | None, limit: int) -> list[UUID]:
    """Ids of the next customers, in order, for the job that goes through all of them."""
    viewer.require("customers.read_all")
    rows = await db.fetch(
        """SELECT id FROM customer WHERE merged_into_id IS NULL AND ($1::uuid IS NULL OR id > $1)
           ORDER BY id LIMIT $2""",
        *(after, limit),
    )
    return [row["id"] for row in rows]


async def candidates_of(db: Reader, viewer: Viewer, first: UUID, last: UUID) -> list[tuple[UUID, UUID]]:
    """Each two customers who share a block, of whom the one with the smaller id is from ``first`` to ``last``."""
    viewer.require("customers.read_all")
    rows = await db.fetch(
        "SELECT low_id, high_id FROM duplicate_candidate WHERE low_id BETWEEN $1 AND $2 ORDER BY low_id, high_id",
        *(first, last),
    )
    return [(row["low_id"], row["high_id"]) for row in rows]


async def count_customers(db: Reader, viewer: Viewer) -> int:
    """About how many customers there are: exactly, where they are few."""
    viewer.require("customers.merge")
    about: int = await db.fetchval(
        "SELECT GREATEST(reltuples, 0)::bigint FROM pg_class WHERE oid = 'customer'::regclass"
    )
    if about > 100_000:
        return about
    exact: int = await db.fetchval("SELECT count(*) FROM customer WHERE merged_into_id IS NULL")
    return exact


async def list_pairs(
    db: Reader,
    keyring: Keyring,
    viewer: Viewer,
    *,
    limit: int,
    after: tuple[int, UUID] | None = None,
    state: str = "open",
    customer_id: UUID | None = None,
) -> list[Pair]:
    """Pairs that were found, the likeliest first; ``after`` is the score and id of the last one shown. Pairs of which
    the viewer does not see both are left out."""
    viewer.require("customers.merge")
    bind = Arguments()
    where = [f"d.state = {bind(state)}", "a.merged_into_id IS NULL", "b.merged_into_id IS NULL"]
    if after is not None:
        score, pair_id = bind(after[0]), bind(after[1])
        where.append(f"(d.score < {score} OR (d.score = {score} AND d.id > {pair_id}::uuid))")
    if customer_id is not None:
        place = bind(customer_id)
        where.append(f"(d.low_id = {place} OR d.high_id = {place})")
    seen = all_of(*where, customers_seen(viewer, bind, "a"), customers_seen(viewer, bind, "b"))
    rows = await db.fetch(
        f"""SELECT d.id, d.low_id, d.high_id, d.score, d.reasons, d.state, d.found_at FROM duplicate_pair d
            JOIN customer a ON a.id = d.low_id JOIN customer b ON b.id = d.high_id
            WHERE {seen} ORDER BY d.score DESC, d.id LIMIT {bind(max(0, min(limit, MOST)))}""",  # noqa: S608
        *bind.values,
    )
    views = await _views(db, keyring, viewer, [row[side] for row in rows for side in ("low_id", "high_id")])
    return [
        Pair(
            row["id"], views[row["low_id"]], views[row["high_id"]], row["score"], tuple(row["reasons"]), row["state"],
            row["found_at"],
        )
        for row in rows
        if row["low_id"] in views and row["high_id"] in views
    ]  # fmt: skip


async def _views(db: Reader, keyring: Keyring, viewer: Viewer, ids: Sequence[UUID]) -> Mapping[UUID, CustomerView]:
    if not ids:
        return {}
    rows: Any = await db.fetch(f"{SELECT} WHERE c.id = ANY($1::uuid[])", list(set(ids)))
    return {row["id"]: customer_view(keyring, viewer, row) for row in rows}
