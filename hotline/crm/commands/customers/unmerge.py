"""Undoing a merge: whoever was merged away is there again, exactly as they were, and takes back what came from them.

What somebody changed on the kept customer since is kept there, and told. Merges are a tree: the one that is undone may
lie below others (A into B, then B into C, then A is taken out), so whatever came from A is taken out of B's frozen
record and out of C, and the merges above forget it. Undoing every merge, in whatever order, leaves everybody as they
were before the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final
from uuid import UUID

from hotline.crm.commands.consent.consents import unmerge_consents
from hotline.crm.commands.customers.customer_state import differences, read_state
from hotline.crm.commands.customers.customers import AUDIENCE, CustomerRow, changed, write_fields
from hotline.crm.commands.customers.merge_rows import lock_rows, restore_rows, rows_since
from hotline.crm.commands.customers.merges import opened, point_index, sealed, take_turn, touch, written
from hotline.crm.database import Row
from hotline.crm.personal_keys import load_personal_keys
from hotline.crm.unit_of_work import UnitOfWork
from hotline.customers.merging import same_address
from hotline.errors import Conflict, NotFound

#: Merges that may lie above one another.
DEEPEST: Final = 1_000


class MergeOver(Conflict):
    """This merge can no longer be undone."""

    code: ClassVar[str] = "merge_over"


class MergeErased(Conflict):
    """One of these customers was erased; a merge with them cannot be undone."""

    code: ClassVar[str] = "merge_erased"


@dataclass(frozen=True, slots=True)
class Unmerged:
    """A merge that was undone. ``kept_id`` is who has the rest now: the root of the tree.

    ``stayed`` names the fields of the kept customer that somebody changed since: they keep the change. ``back`` counts
    the rows that went back, ``elsewhere`` those that somebody moved or deleted since, ``since`` what came after the
    merge and stays with the kept customer; each by kind. ``calls`` are those that were open when it was made, with what
    it did to them.
    """

    id: UUID
    kept_id: UUID
    gone_id: UUID
    stayed: Sequence[str]
    back: Mapping[str, int]
    elsewhere: Mapping[str, int]
    since: Mapping[str, int]
    calls: frozenset[tuple[UUID, str]] = frozenset()


@dataclass(slots=True)
class _Level:
    """A customer from whom something is taken out: the one who was kept first, then those above. ``merge_id`` is the
    merge that brought it to them; ``values`` are the fields to write, ``state`` is the record before."""

    owner: CustomerRow
    merge_id: UUID
    state: dict[str, Any]
    values: dict[str, Any] = field(default_factory=dict)
    points: set[UUID] = field(default_factory=set)
    addresses: set[UUID] = field(default_factory=set)
    tags: set[UUID] = field(default_factory=set)


async def undo_merge(uow: UnitOfWork, merge_id: UUID) -> Unmerged:
    """Separate what a merge put together. Raises NotFound, MergeOver, MergeErased."""
    await take_turn(uow)
    merge = await uow.fetchrow(
        "SELECT id, kept_id, gone_id, at, undo_until, undone_at FROM merge WHERE id = $1", merge_id
    )
    if merge is None:
        raise NotFound()
    if merge["undone_at"] is not None or merge["undo_until"] <= uow.now:
        raise MergeOver()
    above = await _above(uow, merge["kept_id"])
    owners = [merge["kept_id"], *(each["kept_id"] for each in above)]
    gone_id, root_id = merge["gone_id"], owners[-1]
    await lock_rows(uow, [root_id])
    locked = await _locked(uow, [gone_id, *owners])
    merges = [merge_id, *(each["id"] for each in above)]
    levels = [
        _Level(locked[owner], step, await read_state(uow, owner)) for owner, step in zip(owners, merges, strict=True)
    ]
    calls = await uow.fetch(
        "SELECT row_id, kind FROM merge_item WHERE merge_id = $1 AND kind IN ('candidate', 'picked')", merge_id
    )
    stayed: set[str] = set()
    await _withdraw_copies(uow, levels, await read_state(uow, gone_id), stayed)
    await _withdraw_fields(uow, levels, stayed)
    for level in levels:
        await _write(uow, level)
    back, elsewhere = await restore_rows(uow, merge_id, gone_id, locked[gone_id].key.id, owners, merges[1:])
    await _separate(uow, merge, locked[gone_id])
    await unmerge_consents(uow, [root_id, gone_id])
    for level in levels:
        after = await read_state(uow, level.owner.id)
        noted = await changed(uow, level.owner, differences(level.state, after), "undo", merge_id)
        if not noted and level.owner.id == root_id:
            await touch(uow, root_id)
    since = await rows_since(uow, root_id, merge["at"])
    uow.audit("customer:separated", root_id, gone_id=gone_id, merge_id=merge_id, back=back, stayed=sorted(stayed))
    uow.emit("customer.separated", AUDIENCE, kept_id=root_id, gone_id=gone_id, merge_id=merge_id)
    then = frozenset((row["row_id"], row["kind"]) for row in calls)
    return Unmerged(merge_id, root_id, gone_id, sorted(stayed), back, elsewhere, since, then)


async def _above(uow: UnitOfWork, customer_id: UUID) -> list[Row]:
    """The merges that a customer went into, up to the root."""
    found: list[Row] = []
    while len(found) < DEEPEST:
        row = await uow.fetchrow("SELECT id, kept_id FROM merge WHERE gone_id = $1 AND undone_at IS NULL", customer_id)
        if row is None:
            return found
        found.append(row)
        customer_id = row["kept_id"]
    raise MergeOver()


async def _locked(uow: UnitOfWork, ids: Sequence[UUID]) -> dict[UUID, CustomerRow]:
    rows = await uow.fetch(
        "SELECT id, key_id, version FROM customer WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE", list(ids)
    )
    keys = await load_personal_keys(uow, uow.keyring, [row["key_id"] for row in rows])
    if len(keys) < len(rows):
        raise MergeErased()
    return {row["id"]: CustomerRow(row["id"], keys[row["key_id"]], row["version"]) for row in rows}


async def _withdraw_copies(
    uow: UnitOfWork, levels: Sequence[_Level], source: Mapping[str, Any], stayed: set[str]
) -> None:
    """Mark the copies of contact points, addresses and tags that go, level by level.

    A copy stays where it was changed since; and where another one who was merged into the same customer has the same:
    then it is from them, from now on.
    """
    wanted: dict[str, set[UUID]] | None = None
    for level in levels:
        items = await uow.fetch(
            """SELECT id, kind, row_id, from_id FROM merge_item
               WHERE merge_id = $1 AND kind IN ('contact_point', 'address', 'tag')""",
            level.merge_id,
        )
        if wanted is not None:
            items = [
                item for item in items
                if (item["row_id"] if item["kind"] == "tag" else item["from_id"]) in wanted[item["kind"]]
            ]  # fmt: skip
        siblings = await _siblings(uow, level)
        tag_ids = {row["name"]: row["id"] for row in await uow.fetch(
            "SELECT id, name FROM tag WHERE id = ANY($1::uuid[])",
            [item["row_id"] for item in items if item["kind"] == "tag"],
        )}  # fmt: skip
        for item in items:
            kind = item["kind"]
            if kind == "tag":
                name = next((name for name, id in tag_ids.items() if id == item["row_id"]), None)
                if name is None or name not in level.state.get("tags", ()):
                    stayed.add("tags")
                elif (other := next((each for each in siblings if name in each[1].get("tags", ())), None)) is not None:
                    await _reassign(uow, item, other[0], None)
                else:
                    level.tags.add(item["row_id"])
                continue
            name = "contact_points" if kind == "contact_point" else "addresses"
            mine = _by_id(level.state, name).get(item["row_id"])
            theirs = _by_id(source, name).get(item["from_id"])
            if mine is None or theirs is None or not _same(mine, theirs):
                stayed.add(name)
                continue
            found = _alike(uow, siblings, name, mine)
            if found is not None:
                await _reassign(uow, item, *found)
            else:
                (level.points if kind == "contact_point" else level.addresses).add(item["row_id"])
        wanted = {"contact_point": level.points, "address": level.addresses, "tag": level.tags}
        await uow.execute(
            """DELETE FROM merge_item WHERE merge_id = $1 AND (
                   (kind = 'contact_point' AND row_id = ANY($2::uuid[]))
                   OR (kind = 'address' AND row_id = ANY($3::uuid[]))
                   OR (kind = 'tag' AND row_id = ANY($4::uuid[])))""",
            *(level.merge_id, list(level.points), list(level.addresses), list(level.tags)),
        )
        source = level.state


async def _siblings(uow: UnitOfWork, level: _Level) -> list[tuple[UUID, dict[str, Any]]]:
    """The other merges into the same customer, with the records that went into them."""
    rows = await uow.fetch(
        "SELECT id, gone_id FROM merge WHERE kept_id = $1 AND id <> $2 AND undone_at IS NULL ORDER BY id",
        *(level.owner.id, level.merge_id),
    )
    return [(row["id"], await read_state(uow, row["gone_id"])) for row in rows]


def _alike(
    uow: UnitOfWork, siblings: Sequence[tuple[UUID, Mapping[str, Any]]], name: str, mine: Mapping[str, Any]
) -> tuple[UUID, UUID] | None:
    for merge_id, state in siblings:
        for each in state.get(name, ()):
            alike = (
                point_index(uow, each) == point_index(uow, mine)
                if name == "contact_points"
                else same_address(each) == same_address(mine)
            )
            if alike:
                return merge_id, UUID(each["id"])
    return None


async def _reassign(uow: UnitOfWork, item: Row, merge_id: UUID, from_id: UUID | None) -> None:
    await uow.execute("UPDATE merge_item SET merge_id = $2, from_id = $3 WHERE id = $1", item["id"], merge_id, from_id)


async def _withdraw_fields(uow: UnitOfWork, levels: Sequence[_Level], stayed: set[str]) -> None:
    """Mark the fields that get their value of before, level by level: above, a value that came from below follows."""
    taken: dict[str, tuple[Any, Any]] | None = None
    for level in levels:
        rows = await uow.fetch("SELECT * FROM merge_field WHERE merge_id = $1", level.merge_id)
        followed: dict[str, tuple[Any, Any]] = {}
        for row in rows:
            name = row["field"]
            before = opened(uow, level.owner, "before_cipher", row["id"], row["before_cipher"])
            after = opened(uow, level.owner, "after_cipher", row["id"], row["after_cipher"])
            new, gone = before, taken is None
            if taken is not None:
                if name not in taken or taken[name][0] != after:
                    continue
                new, gone = (before, True) if taken[name][1] is None else (taken[name][1], False)
            later = await _next(uow, level, name)
            if later is not None:
                if opened(uow, level.owner, "before_cipher", later["id"], later["before_cipher"]) == after:
                    cipher = sealed(uow, level.owner, "before_cipher", later["id"], new)
                    await uow.execute("UPDATE merge_field SET before_cipher = $2 WHERE id = $1", later["id"], cipher)
                else:
                    stayed.add(name)
            elif level.state.get(name) == after:
                level.values[name] = new
                followed[name] = (after, new)
            else:
                stayed.add(name)
            if gone:
                await uow.execute("DELETE FROM merge_field WHERE id = $1", row["id"])
            else:
                cipher = sealed(uow, level.owner, "after_cipher", row["id"], new)
                await uow.execute("UPDATE merge_field SET after_cipher = $2 WHERE id = $1", row["id"], cipher)
        taken = followed


async def _next(uow: UnitOfWork, level: _Level, name: str) -> Row | None:
    """The next merge into the same customer that changed the field again: what is taken back lies below it."""
    return await uow.fetchrow(
        """SELECT f.id, f.before_cipher FROM merge_field f JOIN merge m ON m.id = f.merge_id
           WHERE m.kept_id = $1 AND m.undone_at IS NULL AND f.field = $3
             AND m.version > (SELECT version FROM merge WHERE id = $2) ORDER BY m.version LIMIT 1""",
        *(level.owner.id, level.merge_id, name),
    )


async def _write(uow: UnitOfWork, level: _Level) -> None:
    await write_fields(uow, level.owner, level.state, written(level.values))
    await uow.execute("DELETE FROM contact_point WHERE id = ANY($1::uuid[])", list(level.points))
    await uow.execute("DELETE FROM address WHERE id = ANY($1::uuid[])", list(level.addresses))
    await uow.execute(
        "DELETE FROM customer_tag WHERE customer_id = $1 AND tag_id = ANY($2::uuid[])",
        *(level.owner.id, list(level.tags)),
    )


async def _separate(uow: UnitOfWork, merge: Row, gone: CustomerRow) -> None:
    """The customer stands alone again, with those who had been merged into them before."""
    await uow.execute(
        """WITH RECURSIVE below AS (
               SELECT gone_id FROM merge WHERE kept_id = $1 AND undone_at IS NULL AND id <> $2
               UNION SELECT m.gone_id FROM merge m JOIN below b ON m.kept_id = b.gone_id
               WHERE m.undone_at IS NULL AND m.id <> $2
           )
           UPDATE customer SET merged_into_id = $1 WHERE id IN (SELECT gone_id FROM below)""",
        *(gone.id, merge["id"]),
    )
    await uow.execute(
        "UPDATE customer SET merged_into_id = NULL, version = version + 1, updated_at = $2 WHERE id = $1",
        *(gone.id, uow.now),
    )
    await uow.execute(
        "UPDATE merge SET undone_at = $2, undone_by_id = $3 WHERE id = $1", merge["id"], uow.now, uow.viewer.user_id
    )
    await uow.execute("DELETE FROM merge_item WHERE merge_id = $1", merge["id"])
    uow.emit("customer.updated", AUDIENCE, customer_id=gone.id)


def _by_id(state: Mapping[str, Any], name: str) -> dict[UUID, Mapping[str, Any]]:
    return {UUID(each["id"]): each for each in state.get(name, ())}


def _same(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    """Whether a copy is still what it was copied from."""
    return {**mine, "id": None} == {**theirs, "id": None}
