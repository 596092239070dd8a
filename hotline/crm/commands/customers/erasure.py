"""Erasing a person: their keys are destroyed, what finds them is emptied, their texts and files go; numbers for the
statistics stay. ``crm.privacy.tables`` says what happens to each table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.crm.commands.customers.customers import AUDIENCE
from hotline.crm.commands.customers.exports import forget_all
from hotline.crm.commands.customers.imports import forget_refusals
from hotline.crm.commands.pushes.push_files import forget_exports
from hotline.crm.database import Reader
from hotline.crm.privacy.personal import Personal
from hotline.crm.privacy.tables import PERSONAL
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import NotFound

#: Calls that began longer ago are lost ones: nobody is talking in them.
_TALKING: Final = "interval '1 day'"


@dataclass(frozen=True, slots=True)
class Reach:
    """One person in the records: ids of their customers (merged ones too), calls, callers (see ``tables``), tickets,
    conversations, and the calls and conversations for which they are or were one of several whose number it is."""

    asked: UUID
    customers: tuple[UUID, ...]
    calls: tuple[UUID, ...]
    callers: tuple[UUID, ...]
    tickets: tuple[UUID, ...]
    conversations: tuple[UUID, ...]
    candidates: tuple[UUID, ...]
    may_have_written: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """What goes on with a person: calls, which keep them from being erased now; tickets, which an erasure closes."""

    open_calls: tuple[UUID, ...]
    open_tickets: tuple[UUID, ...]


@dataclass(slots=True)
class Erased:
    """What an erasure did: rows by table, and the files to remove now: (part, path)."""

    counts: dict[str, int] = field(default_factory=dict)
    files: list[tuple[str, str]] = field(default_factory=list)
    keys: int = 0


_CUSTOMERS: Final = """
WITH asked AS (SELECT COALESCE(merged_into_id, id) AS id FROM customer WHERE id = $1)
SELECT asked.id AS asked, ARRAY(SELECT c.id FROM customer c WHERE c.id = asked.id OR c.merged_into_id = asked.id
                                ORDER BY c.id) AS customers
FROM asked
"""
# A number that somebody else has, too, is not only theirs.
_CALLS: Final = """
WITH own AS (
    SELECT DISTINCT p.value_index FROM contact_point p WHERE p.customer_id = ANY($1::uuid[])
      AND NOT EXISTS (SELECT 1 FROM contact_point o WHERE o.value_index = p.value_index
                      AND NOT o.customer_id = ANY($1::uuid[]))
), numbers AS (
    SELECT DISTINCT p.value_index FROM contact_point p WHERE p.customer_id = ANY($1::uuid[])
), theirs AS (
    SELECT l.id FROM call l WHERE l.customer_id = ANY($1::uuid[])
    UNION SELECT l.id FROM call l JOIN own ON own.value_index = l.caller_index WHERE l.customer_id IS NULL
), every AS (
    SELECT id FROM theirs UNION SELECT l.id FROM call l JOIN theirs ON l.merged_into_id = theirs.id
)
SELECT ARRAY(SELECT id FROM every ORDER BY id) AS calls,
    ARRAY(SELECT id FROM every UNION SELECT l.id FROM call l JOIN own ON own.value_index = l.caller_index
          ORDER BY id) AS callers,
    ARRAY(SELECT l.id FROM call l JOIN numbers ON numbers.value_index = l.caller_index
          WHERE l.candidate_ids && $1::uuid[] ORDER BY l.id) AS candidates
"""
_TICKETS: Final = """
SELECT ARRAY(SELECT t.id FROM ticket t WHERE t.customer_id = ANY($1::uuid[])
             UNION SELECT t.id FROM ticket t WHERE t.customer_id IS NULL AND t.call_id = ANY($2::uuid[])
             UNION SELECT t.id FROM conversation v JOIN ticket t ON t.id = v.ticket_id
                   WHERE v.id = ANY($3::uuid[]) AND t.customer_id IS NULL
             ORDER BY id) AS tickets
"""
_CONVERSATIONS: Final = """
WITH numbers AS (
    SELECT DISTINCT p.value_index, EXISTS (SELECT 1 FROM contact_point o WHERE o.value_index = p.value_index
                                           AND NOT o.customer_id = ANY($1::uuid[])) AS shared
    FROM contact_point p WHERE p.customer_id = ANY($1::uuid[])
)
SELECT ARRAY(SELECT v.id FROM conversation v WHERE v.customer_id = ANY($1::uuid[])
             UNION SELECT v.id FROM conversation v JOIN numbers n ON n.value_index = v.address_index
                   WHERE NOT n.shared AND v.customer_id IS NULL
             ORDER BY id) AS conversations,
    ARRAY(SELECT v.id FROM conversation v JOIN numbers n ON n.value_index = v.address_index
          WHERE v.candidate_ids && $1::uuid[] ORDER BY v.id) AS may_have_written
"""
_STANDING: Final = f"""
SELECT ARRAY(SELECT l.id FROM call l WHERE (l.id = ANY($1::uuid[]) OR l.candidate_ids && $3::uuid[])
             AND l.ended_at IS NULL AND l.merged_into_id IS NULL AND l.offered_at > $4::timestamptz - {_TALKING}
             ORDER BY l.id LIMIT 20) AS calls,
    ARRAY(SELECT t.id FROM ticket t WHERE t.id = ANY($2::uuid[]) AND t.state IN ('new', 'open', 'waiting')
          AND t.discarded_as IS NULL ORDER BY t.id LIMIT 1000) AS tickets
"""  # noqa: S608
# Never the key of somebody who stays, whatever a row says.
_DESTROY: Final = """
UPDATE personal_key k SET wrapped = NULL, destroyed_at = $3 WHERE k.id = ANY($1::uuid[]) AND k.wrapped IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM customer c WHERE c.key_id = k.id AND NOT c.id = ANY($2::uuid[]))
"""
# Whoever the person was a part of by a merge that was undone since, and for how long; others may have gone on into a
# third one with them. What no merge of that time brought holds nothing of them.
_PART_OF: Final = """
WITH RECURSIVE part AS (
    SELECT m.kept_id AS id, m.at AS since, COALESCE(m.undone_at, 'infinity') AS until FROM merge m
    WHERE m.gone_id = ANY($1::uuid[])
    UNION
    SELECT m.kept_id, m.at, LEAST(COALESCE(m.undone_at, 'infinity'), p.until)
    FROM merge m JOIN part p ON m.gone_id = p.id
    WHERE m.at >= p.since AND m.at <= p.until
)
DELETE FROM customer_change x USING part p
WHERE x.customer_id = p.id AND NOT x.customer_id = ANY($1::uuid[]) AND x.at BETWEEN p.since AND p.until
  AND (x.field IN ('relations', 'purchases', 'files') OR x.field IN (
      SELECT b.field FROM customer_change b
      WHERE b.customer_id = p.id AND b.source = 'merge' AND b.at BETWEEN p.since AND p.until))
"""
# Both sides of a relation told of it at the same moment.
_RELATED: Final = """
DELETE FROM customer_change x USING customer_relation r, customer_change y
WHERE (r.from_customer_id = ANY($1::uuid[]) OR r.to_customer_id = ANY($1::uuid[]))
  AND x.customer_id IN (r.from_customer_id, r.to_customer_id) AND NOT x.customer_id = ANY($1::uuid[])
  AND x.field = 'relations' AND y.customer_id = ANY($1::uuid[]) AND y.field = 'relations' AND y.at = x.at
"""


async def reach_of(db: Reader, customer_id: UUID) -> Reach:
    """Where a person is in the records. Raises NotFound."""
    found = await db.fetchrow(_CUSTOMERS, customer_id)
    if found is None:
        raise NotFound()
    customers = list(found["customers"])
    calls = await db.fetchrow(_CALLS, customers)
    assert calls is not None
    written = await db.fetchrow(_CONVERSATIONS, customers)
    assert written is not None
    tickets = await db.fetchval(_TICKETS, customers, calls["calls"], written["conversations"])
    return Reach(
        asked=found["asked"],
        customers=tuple(customers),
        calls=tuple(calls["calls"]),
        callers=tuple(calls["callers"]),
        tickets=tuple(tickets),
        conversations=tuple(written["conversations"]),
        candidates=tuple(calls["candidates"]),
        may_have_written=tuple(written["may_have_written"]),
    )


async def standing(db: Reader, reach: Reach, now: datetime) -> Standing:
    """What goes on with the person."""
    row = await db.fetchrow(_STANDING, list(reach.calls), list(reach.tickets), list(reach.customers), now)
    assert row is not None
    return Standing(tuple(row["calls"]), tuple(row["tickets"]))


async def lock_person(uow: UnitOfWork, customer_id: UUID) -> Reach:
    """As ``reach_of``, with every customer of the person locked: no merge and no change comes between."""
    reach = await reach_of(uow, customer_id)
    await uow.fetch(
        "SELECT id FROM customer WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE",
        list(reach.customers),
    )
    return await reach_of(uow, customer_id)


async def count_rows(db: Reader, reach: Reach) -> dict[str, int]:
    """How many rows of each table are the person's."""
    counts = {}
    for table in PERSONAL:
        condition, arguments = bound(table.rows, reach)
        counts[table.table] = int(
            await db.fetchval(f'SELECT count(*) FROM "{table.table}" x WHERE {condition}', *arguments)  # noqa: S608
        )
    return {name: count for name, count in counts.items() if count}


async def erase_person(uow: UnitOfWork, reach: Reach, reason: str) -> Erased:
    """Erase a locked person for good. The caller removes the files after the commit."""
    done = Erased()
    keys: set[UUID] = set()
    for table in PERSONAL:
        await _note(uow, table, reach, keys, done.files)
    done.counts |= await _clear_of_others(uow, reach)
    for table in PERSONAL:
        if count := await _clear(uow, table, reach):
            done.counts[table.table] = done.counts.get(table.table, 0) + count
    told = await uow.execute(_DESTROY, list(keys), list(reach.customers), uow.now)
    done.keys = int(told.split()[-1])
    await _off_candidates(uow, reach)
    # Nobody knows who is in the rows of a file.
    await forget_refusals(uow)
    done.files += [("exports", path) for path in await forget_all(uow)]
    done.files += [("pushes", path) for path in await forget_exports(uow)]
    for customer_id in reach.customers:
        await uow.execute(
            """INSERT INTO erasure (id, customer_id, with_id, user_id, reason, counts, at)
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (customer_id) DO NOTHING""",
            *(uow.new_id(), customer_id, reach.asked, uow.viewer.user_id, reason),
            *(done.counts if customer_id == reach.asked else {}, uow.now),
        )
    uow.audit(
        "customer:erased", reach.asked, reason=reason, customers=list(reach.customers), keys=done.keys,
        files=len(done.files), rows=done.counts,
    )  # fmt: skip
    uow.emit("customer.erased", AUDIENCE, customer_id=reach.asked)
    return done


async def _note(uow: UnitOfWork, table: Personal, reach: Reach, keys: set[UUID], files: list[tuple[str, str]]) -> None:
    """The keys and files of a table's rows, before these are gone."""
    columns = [*table.keys, *(["path"] if table.part else [])]
    if not columns:
        return
    condition, arguments = bound(table.rows, reach)
    rows = await uow.fetch(
        f'SELECT {", ".join(columns)} FROM "{table.table}" x WHERE {condition}',  # noqa: S608
        *arguments,
    )
    for row in rows:
        keys.update(row[name] for name in table.keys if row[name] is not None)
        if table.part and row["path"] is not None:
            files.append((table.part, row["path"]))


async def _clear(uow: UnitOfWork, table: Personal, reach: Reach) -> int:
    if table.deletes:
        condition, arguments = bound(table.rows, reach)
        told = await uow.execute(f'DELETE FROM "{table.table}" x WHERE {condition}', *arguments)  # noqa: S608
        return int(told.split()[-1])
    values = ", ".join(f"{column} = {value}" for column, value in table.empties.items())
    # One text, so that each array is one argument.
    statement = f'UPDATE "{table.table}" x SET {values} WHERE ' + table.rows  # noqa: S608
    text, arguments = bound(statement, reach, uow.now)
    told = await uow.execute(text, *arguments)
    return int(told.split()[-1])


async def _clear_of_others(uow: UnitOfWork, reach: Reach) -> dict[str, int]:
    """Lines of others' history that hold the person's values: from while they were one by mistake, and of relations.
    Before the rows go that lead there. How many, by table."""
    told = [await uow.execute(statement, list(reach.customers)) for statement in (_PART_OF, _RELATED)]
    count = sum(int(each.split()[-1]) for each in told)
    return {"customer_change": count} if count else {}


async def _off_candidates(uow: UnitOfWork, reach: Reach) -> None:
    """Off the lists of who may have called or written, where somebody else has the number too."""
    for table, ids in (("call", reach.candidates), ("conversation", reach.may_have_written)):
        await uow.execute(
            f"""UPDATE {table} x SET candidate_ids = ARRAY(SELECT i FROM unnest(x.candidate_ids) AS i
                                                       WHERE NOT i = ANY($1::uuid[]))
               WHERE x.id = ANY($2::uuid[])""",  # noqa: S608
            *(list(reach.customers), list(ids)),
        )


def bound(text: str, reach: Reach, now: datetime | None = None) -> tuple[str, list[Any]]:
    """A condition of ``tables`` with its places numbered, and their arguments."""
    values: Mapping[str, tuple[str, Any]] = {
        "customers": ("uuid[]", list(reach.customers)),
        "calls": ("uuid[]", list(reach.calls)),
        "callers": ("uuid[]", list(reach.callers)),
        "tickets": ("uuid[]", list(reach.tickets)),
        "conversations": ("uuid[]", list(reach.conversations)),
        "now": ("timestamptz", now),
    }
    places: dict[str, str] = {}
    arguments: list[Any] = []
    for name, (kind, value) in values.items():
        if f"{{{name}}}" in text:
            arguments.append(value)
            places[name] = f"${len(arguments)}::{kind}"
    return text.format(**{name: places.get(name, "") for name in values}), arguments


async def has_left(db: Reader, reach: Reach) -> bool:
    """Whether anything of the person can still be read: a key that lives, or rows that an erasure removes."""
    keys: set[UUID] = set()
    for table in PERSONAL:
        condition, arguments = bound(table.rows, reach)
        if table.deletes and await db.fetchval(
            f'SELECT EXISTS (SELECT 1 FROM "{table.table}" x WHERE {condition})',  # noqa: S608
            *arguments,
        ):
            return True
        for column in table.keys:
            rows = await db.fetch(
                f'SELECT DISTINCT {column} AS key FROM "{table.table}" x WHERE {condition}',  # noqa: S608
                *arguments,
            )
            keys.update(row["key"] for row in rows if row["key"] is not None)
    return bool(
        await db.fetchval(
            "SELECT EXISTS (SELECT 1 FROM personal_key WHERE id = ANY($1::uuid[]) AND wrapped IS NOT NULL)",
            list(keys),
        )
    )


async def erased_people(
    db: Reader, *, among: Sequence[UUID] | None = None, since: datetime | None = None
) -> Sequence[tuple[UUID, datetime]]:
    """Everybody who was ever erased, and when; only ``among`` these, and ``since`` then, where it is said."""
    if await db.fetchval("SELECT to_regclass('erasure')") is None:
        return []
    rows = await db.fetch(
        """SELECT customer_id, at FROM erasure
           WHERE ($1::uuid[] IS NULL OR customer_id = ANY($1)) AND ($2::timestamptz IS NULL OR at > $2)
           ORDER BY at, customer_id""",
        *(None if among is None else list(among), since),
    )
    return [(row["customer_id"], row["at"]) for row in rows]
