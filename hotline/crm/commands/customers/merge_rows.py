"""What belongs to a customer and moves with a merge, by ids only: nothing is sealed anew, since every row names the key
it is sealed by, and both customers' keys live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hotline.crm.unit_of_work import UnitOfWork
from hotline.tickets.states import OPEN

#: Most open tickets of a customer whose viewers are told at once that they are another one's; lists read them anew.
MOST_TOLD: Final = 100


@dataclass(frozen=True, slots=True)
class Moved:
    """A table whose rows move. ``key`` is the column that names what a row is sealed by, None where it always does;
    ``sealed`` the condition under which it matters; ``also`` what else changes with the row."""

    kind: str
    table: str
    column: str = "customer_id"
    key: str | None = None
    sealed: str = "true"
    also: str = ""


_VERSIONED: Final = ", version = t.version + 1, updated_at = $5"
#: In the order in which everybody locks them: calls, then conversations, then tickets, then the rest.
TABLES: Final = (
    Moved("call", "call", also=_VERSIONED),
    # Sealed under keys of their own.
    Moved("conversation", "conversation", also=_VERSIONED),
    Moved("ticket", "ticket", also=_VERSIONED),
    Moved("interaction", "interaction", key="note_key_id", sealed="t.note_cipher IS NOT NULL"),
    Moved("purchase", "purchase", key="key_id"),
    Moved("file", "customer_file"),
    Moved("inapp_message", "inapp_message", key="key_id"),
    Moved("device", "push_subscription", key="key_id"),
    Moved("consent", "consent_record", key="key_id", sealed="t.sealed IS NOT NULL"),
    # The note of a relation is sealed under the key of the side that it starts from.
    Moved("relation_from", "customer_relation", "from_customer_id", key="key_id"),
    Moved("relation_to", "customer_relation", "to_customer_id"),
)
#: What somebody looks for when they ask what happened since: the table, and when a row came to be.
_SINCE: Final = {
    "call": "SELECT count(*) FROM call WHERE customer_id = $1 AND offered_at > $2 AND merged_into_id IS NULL",
    "ticket": "SELECT count(*) FROM ticket WHERE customer_id = $1 AND opened_at > $2",
    "conversation": "SELECT count(*) FROM conversation WHERE customer_id = $1 AND created_at > $2",
    "note": "SELECT count(*) FROM interaction WHERE customer_id = $1 AND at > $2 AND kind = 'note'",
    "purchase": "SELECT count(*) FROM purchase WHERE customer_id = $1 AND created_at > $2 AND deleted_at IS NULL",
    "file": "SELECT count(*) FROM customer_file WHERE customer_id = $1 AND at > $2 AND deleted_at IS NULL",
}


def _other_side(moved: Moved) -> str:
    """A relation between the two stays where it is: it would become one of the kept customer to themselves."""
    if moved.table != "customer_relation":
        return "true"
    other = "to_customer_id" if moved.column == "from_customer_id" else "from_customer_id"
    return f"t.{other} NOT IN ($1, $2)"


async def lock_rows(uow: UnitOfWork, customer_ids: Sequence[UUID]) -> None:
    """Take the calls, conversations and tickets before the customers, as what comes in does: it would meet us half-way
    else."""
    for table in ("call", "conversation", "ticket"):
        await uow.execute(
            f"SELECT id FROM {table} WHERE customer_id = ANY($1::uuid[]) ORDER BY id FOR UPDATE",  # noqa: S608
            list(customer_ids),
        )


async def lock_open_calls(uow: UnitOfWork, customer_ids: Sequence[UUID]) -> list[UUID]:
    """The calls that ring or are on and that one of these customers has, or may have; locked."""
    rows = await uow.fetch(
        """SELECT id FROM call WHERE ended_at IS NULL AND merged_into_id IS NULL
             AND offered_at > $2::timestamptz - interval '1 day'
             AND (customer_id = ANY($1::uuid[]) OR candidate_ids && $1::uuid[]) ORDER BY id FOR UPDATE""",
        *(list(customer_ids), uow.now),
    )
    return [row["id"] for row in rows]


async def open_tickets(uow: UnitOfWork, customer_id: UUID) -> list[UUID]:
    """The open tickets of a customer, as many as anybody is told of at once."""
    rows = await uow.fetch(
        "SELECT id FROM ticket WHERE customer_id = $1 AND state = ANY($2::text[]) ORDER BY id LIMIT $3",
        *(customer_id, sorted(OPEN), MOST_TOLD),
    )
    return [row["id"] for row in rows]


async def note_item(uow: UnitOfWork, merge_id: UUID, kind: str, row_id: UUID) -> None:
    """Remember something else that a merge did, for its undoing."""
    await uow.execute(
        """INSERT INTO merge_item (merge_id, kind, row_id) VALUES ($1, $2, $3)
           ON CONFLICT (merge_id, kind, row_id) DO NOTHING""",
        *(merge_id, kind, row_id),
    )


async def move_rows(uow: UnitOfWork, merge_id: UUID, gone_id: UUID, gone_key: UUID, to_id: UUID) -> dict[str, int]:
    """Move what belongs to ``gone_id`` and note it as moved by the merge; how many rows of each kind."""
    counts: dict[str, int] = {}
    for each in TABLES:
        key = ""
        if each.key is not None:
            key = f", {each.key} = CASE WHEN {each.sealed} THEN COALESCE(t.{each.key}, $4) ELSE t.{each.key} END"
        tag = await uow.execute(
            f"""WITH moved AS (
                    UPDATE {each.table} t SET {each.column} = $2{key}{each.also}
                    WHERE t.{each.column} = $1 AND {_other_side(each)} AND {_typed()} RETURNING t.id
                )
                INSERT INTO merge_item (merge_id, kind, row_id) SELECT $3, '{each.kind}', id FROM moved
                ON CONFLICT (merge_id, kind, row_id) DO NOTHING""",  # noqa: S608
            *(gone_id, to_id, merge_id, gone_key, uow.now),
        )
        counts[each.kind] = int(tag.split()[-1])
    return counts


async def restore_rows(
    uow: UnitOfWork,
    merge_id: UUID,
    gone_id: UUID,
    gone_key: UUID,
    owners: Sequence[UUID],
    above: Sequence[UUID],
) -> tuple[dict[str, int], dict[str, int]]:
    """Give back what the merge moved and is still with one of ``owners`` (a relation may stay half-way to the root);
    how many rows of each kind, and how many of each are elsewhere by now: somebody moved or deleted them since. The
    merges ``above`` forget them."""
    back: dict[str, int] = {}
    elsewhere: dict[str, int] = {}
    for each in TABLES:
        key = f", {each.key} = NULLIF(t.{each.key}, $4)" if each.key is not None else ""
        tag = await uow.execute(
            f"""UPDATE {each.table} t SET {each.column} = $2{key}{each.also} FROM merge_item i
                WHERE i.merge_id = $3 AND i.kind = '{each.kind}' AND t.id = i.row_id
                  AND t.{each.column} = ANY($1::uuid[]) AND {_typed()}""",  # noqa: S608
            *(list(owners), gone_id, merge_id, gone_key, uow.now),
        )
        back[each.kind] = int(tag.split()[-1])
        total = await uow.fetchval(
            "SELECT count(*) FROM merge_item WHERE merge_id = $1 AND kind = $2", merge_id, each.kind
        )
        if total > back[each.kind]:
            elsewhere[each.kind] = total - back[each.kind]
    await uow.execute(
        """DELETE FROM merge_item i USING merge_item mine
           WHERE mine.merge_id = $1 AND mine.from_id IS NULL AND mine.kind <> 'tag'
             AND i.kind = mine.kind AND i.row_id = mine.row_id AND i.merge_id = ANY($2::uuid[])""",
        *(merge_id, list(above)),
    )
    return back, elsewhere


async def rows_since(uow: UnitOfWork, customer_id: UUID, since: datetime) -> Mapping[str, int]:
    """How much came to a customer after an instant; kinds of which nothing did are left out."""
    counts = {kind: await uow.fetchval(sql, customer_id, since) for kind, sql in _SINCE.items()}
    return {kind: count for kind, count in counts.items() if count}


def _typed() -> str:
    """Every statement takes the same arguments: PostgreSQL wants to know the types of those that it does not use."""
    return "($4::uuid IS NOT NULL AND $5::timestamptz IS NOT NULL)"
