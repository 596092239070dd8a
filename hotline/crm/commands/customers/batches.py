"""Changing many customers at once: frozen as a list when it is asked for, then done in steps, each by a few statements.

An item's ``before`` is what its undoing writes back; it holds codes and ids only. Whoever changed since what the batch
had made of a customer keeps that: the undoing leaves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from hotline.crm.commands.customers.customer_changes import COLUMNS, Source, record
from hotline.crm.commands.customers.customers import AUDIENCE
from hotline.crm.commands.customers.tags import find_tags, make_tags
from hotline.crm.database import Row
from hotline.crm.keys import PersonalKey, Wrapped
from hotline.crm.scopes import Arguments, all_of, customers_seen
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Invalid

#: Customers of one batch.
MOST: Final = 100_000
#: Customers of one step: some tenths of a second.
STEP: Final = 250
#: A batch of at most so many tells of each customer; of a larger one, pages read anew what they show.
MOST_TOLD: Final = 100

Action = Literal["tag", "untag", "classify", "transfer"]
#: What became of a customer: changed, had it already, or why nothing was done.
Outcome = Literal["done", "unchanged", "merged", "erased", "not_seen", "undone", "stayed"]
REFUSED: Final = ("merged", "erased", "not_seen")


@dataclass(frozen=True, slots=True)
class Change:
    """What a batch does to each customer: ``tag_ids`` for tag and untag, else ``value``, a classification's key or a
    user's id."""

    action: Action
    tag_ids: tuple[UUID, ...] = ()
    value: str | None = None


@dataclass(slots=True)
class _Item:
    """A customer at their turn, locked. ``now`` is what the change is about: the classification, the responsible
    user's id or the tags' ids."""

    position: int
    row: Row
    key: PersonalKey | None
    before: dict[str, Any] | None = None
    outcome: Outcome = "unchanged"


async def freeze(uow: UnitOfWork, job_id: UUID, conditions: Sequence[str], arguments: Sequence[Any]) -> int:
    """Keep which customers fit ``conditions`` on ``customer c``, the newest first; how many. Raises Invalid for more
    than MOST."""
    places = len(arguments)
    tag = await uow.execute(
        f"""INSERT INTO batch_item (job_id, position, customer_id)
            SELECT ${places + 1}, row_number() OVER (ORDER BY c.id DESC), c.id FROM customer c
            WHERE {all_of(*conditions)} ORDER BY c.id DESC LIMIT {MOST + 1}""",  # noqa: S608
        *(*arguments, job_id),
    )
    count = int(tag.split()[-1])
    if count > MOST:
        raise Invalid(f"filter: at most {MOST} customers at once; choose fewer.")
    return count


@dataclass(frozen=True, slots=True)
class Step:
    """What a step went through: up to the position ``last``, ``done`` customers, of whom ``failed`` could not be
    changed."""

    last: int
    done: int
    failed: int


async def step(uow: UnitOfWork, job_id: UUID, change: Change, after: int, *, tell: bool) -> Step | None:
    """Change the next customers behind the position ``after``; None at the end."""
    items = await _items(uow, job_id, change, after, undo=False)
    if not items:
        return None
    for item in items:
        if item.outcome == "unchanged":
            item.before = _before(item.row, change)
            if item.before is not None:
                item.outcome = "done"
    changed = [item for item in items if item.outcome == "done"]
    ids = [item.row["id"] for item in changed]
    after_values: dict[UUID, Any] = {}
    if change.action == "tag":
        pairs = [(item.row["id"], UUID(tag)) for item in changed for tag in (item.before or {})["tags"]]
        await _add_tags(uow, pairs)
    elif change.action == "untag":
        await uow.execute(
            "DELETE FROM customer_tag WHERE customer_id = ANY($1::uuid[]) AND tag_id = ANY($2::uuid[])",
            *(ids, list(change.tag_ids)),
        )
    else:
        after_values = dict.fromkeys(ids, change.value)
        await _set(uow, change, after_values)
    await _note(uow, changed, change, "batch", job_id, tell=tell)
    await _keep(uow, job_id, items)
    return _gone_through(items)


async def undo_step(uow: UnitOfWork, job_id: UUID, change: Change, after: int, *, tell: bool) -> Step | None:
    """Give the next customers back what they had, unless somebody changed it since; None at the end."""
    items = await _items(uow, job_id, change, after, undo=True)
    if not items:
        return None
    tags: list[tuple[UUID, UUID]] = []
    values: dict[UUID, Any] = {}
    for item in items:
        if item.outcome != "unchanged":
            continue
        before, now = item.row["before"], set(item.row["tag_ids"])
        item.outcome = "undone"
        if change.action in ("tag", "untag"):
            wanted = [UUID(tag) for tag in before["tags"]]
            moving = [tag for tag in wanted if (tag in now) == (change.action == "tag")]
            tags += [(item.row["id"], tag) for tag in moving]
            if len(moving) < len(wanted):
                item.outcome = "stayed"
            item.before = _tags(moving)
        elif _value(item.row, change) == change.value:
            values[item.row["id"]] = before["value"]
            item.before = before
        else:
            item.outcome = "stayed"
    if change.action == "tag":
        await uow.execute(
            """DELETE FROM customer_tag t USING unnest($1::uuid[], $2::uuid[]) AS gone (customer_id, tag_id)
               WHERE t.customer_id = gone.customer_id AND t.tag_id = gone.tag_id""",
            *([pair[0] for pair in tags], [pair[1] for pair in tags]),
        )
    elif change.action == "untag":
        await _add_tags(uow, tags)
    else:
        await _set(uow, change, values)
    await _note(uow, [item for item in items if item.before is not None], change, "undo", job_id, tell=tell)
    await _keep(uow, job_id, items, with_before=False)
    return _gone_through(items)


async def outcomes(uow: UnitOfWork, job_id: UUID) -> dict[str, int]:
    """What became of the customers of a batch, counted."""
    rows = await uow.fetch(
        "SELECT outcome, count(*) AS times FROM batch_item WHERE job_id = $1 AND outcome IS NOT NULL GROUP BY outcome",
        job_id,
    )
    return {row["outcome"]: row["times"] for row in rows}


def _gone_through(items: Sequence[_Item]) -> Step:
    return Step(items[-1].position, len(items), sum(item.outcome in REFUSED for item in items))


async def tags_of(uow: UnitOfWork, names: Sequence[str], *, new: bool, make: bool) -> tuple[UUID, ...]:
    """The ids of tags by their names. One that is not there is made where ``make`` says so, and gets an id that nobody
    has where it only might be (``new``). Raises Invalid for one that may not be made."""
    found = await find_tags(uow, names)
    if missing := [name for name in names if name not in found]:
        if not new or not uow.viewer.may("tags.write"):
            raise Invalid(f"values.tags: there is no tag {missing[0]!r}{', and you may not make one' if new else ''}.")
        if make:
            found |= await make_tags(uow, missing)
    return tuple(dict.fromkeys(found.get(name) or uow.new_id() for name in names))


async def user_of(uow: UnitOfWork, login: str) -> UUID | None:
    """The user of a login to whom customers may be given; None for nobody, and for one who left or is disabled."""
    found: UUID | None = await uow.fetchval(
        "SELECT id FROM users WHERE lower(login) = lower($1) AND disabled_at IS NULL AND left_at IS NULL", login
    )
    return found


_READ: Final = """
SELECT c.id, c.version, c.merged_into_id, c.classification, c.responsible_id, c.key_id, k.wrapped, k.master,
    {seen} AS seen, i.position, i.before,
    ARRAY(SELECT ct.tag_id FROM customer_tag ct WHERE ct.customer_id = c.id) AS tag_ids,
    ARRAY(SELECT g.name FROM customer_tag ct JOIN tag g ON g.id = ct.tag_id WHERE ct.customer_id = c.id) AS tags
FROM batch_item i JOIN customer c ON c.id = i.customer_id JOIN personal_key k ON k.id = c.key_id
WHERE i.job_id = $1 AND i.customer_id = ANY($2::uuid[]) ORDER BY i.position
"""


async def _items(uow: UnitOfWork, job_id: UUID, change: Change, after: int, *, undo: bool) -> list[_Item]:
    """The next items; whoever cannot be changed has its outcome already."""
    ids = await uow.fetch(
        """SELECT customer_id FROM batch_item WHERE job_id = $1 AND position > $2 AND (NOT $3 OR outcome = 'done')
           ORDER BY position LIMIT $4""",
        *(job_id, after, undo, STEP),
    )
    wanted = [row["customer_id"] for row in ids]
    # Locked in the order in which everybody locks them, then read as they are. Not so hard that a call of theirs, which
    # only names them, would wait for the step.
    await uow.execute("SELECT 1 FROM customer WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE", wanted)
    bind = Arguments(job_id, wanted)
    # Whoever gave their customers away may not see them any more, and takes them back all the same.
    seen = None if undo else customers_seen(uow.viewer, bind)
    rows = await uow.fetch(_READ.format(seen=f"({seen or 'true'})"), *bind.values)
    return [_item(uow, row) for row in rows]


def _item(uow: UnitOfWork, row: Row) -> _Item:
    if row["wrapped"] is None:
        return _Item(row["position"], row, None, outcome="erased")
    if row["merged_into_id"] is not None:
        return _Item(row["position"], row, None, outcome="merged")
    if not row["seen"]:
        return _Item(row["position"], row, None, outcome="not_seen")
    return _Item(row["position"], row, uow.keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"])))


def _before(row: Row, change: Change) -> dict[str, Any] | None:
    """What undoing writes back; None when nothing would change."""
    if change.action == "tag":
        return _tags(tag for tag in change.tag_ids if tag not in set(row["tag_ids"]))
    if change.action == "untag":
        return _tags(tag for tag in change.tag_ids if tag in set(row["tag_ids"]))
    now = _value(row, change)
    return None if now == change.value else {"value": now}


def _tags(ids: Iterable[UUID]) -> dict[str, Any] | None:
    tags = [str(each) for each in ids]
    return {"tags": tags} if tags else None


def _value(row: Row, change: Change) -> str | None:
    if change.action == "classify":
        classification: str | None = row["classification"]
        return classification
    return str(row["responsible_id"]) if row["responsible_id"] is not None else None


async def _add_tags(uow: UnitOfWork, pairs: Sequence[tuple[UUID, UUID]]) -> None:
    # A tag that was deleted since is nobody's any more.
    await uow.execute(
        """INSERT INTO customer_tag (customer_id, tag_id)
           SELECT n.customer_id, n.tag_id FROM unnest($1::uuid[], $2::uuid[]) AS n (customer_id, tag_id)
           JOIN tag t ON t.id = n.tag_id ON CONFLICT (customer_id, tag_id) DO NOTHING""",
        *([pair[0] for pair in pairs], [pair[1] for pair in pairs]),
    )


async def _set(uow: UnitOfWork, change: Change, values: Mapping[UUID, str | None]) -> None:
    column, kind = ("classification", "text") if change.action == "classify" else ("responsible_id", "uuid")
    await uow.execute(
        f"""UPDATE customer c SET {column} = n.value::{kind}
            FROM unnest($1::uuid[], $2::text[]) AS n (id, value) WHERE c.id = n.id""",  # noqa: S608
        *(list(values), list(values.values())),
    )


async def _note(
    uow: UnitOfWork, changed: Sequence[_Item], change: Change, source: Source, job_id: UUID, *, tell: bool
) -> None:
    """A version and a line of history for each; one entry of the audit trail for all."""
    if not changed:
        return
    ids = [item.row["id"] for item in changed]
    await uow.execute(
        "UPDATE customer SET version = version + 1, updated_at = $2 WHERE id = ANY($1::uuid[])", ids, uow.now
    )
    field = {"classify": "classification", "transfer": "responsible"}.get(change.action, "tags")
    now = {row["id"]: row for row in await uow.fetch(_NOW, ids)}
    lines = []
    for item in changed:
        if item.key is None:
            continue
        before, after = _shown(item.row, field), _shown(now[item.row["id"]], field)
        if before == after:
            continue
        lines.append(
            record(
                uow.keyring, item.key, id=uow.new_id(), customer_id=item.row["id"], version=item.row["version"] + 1,
                at=uow.now, user_id=uow.viewer.user_id, field=field, before=before, after=after, source=source,
                source_id=job_id,
            )
        )  # fmt: skip
    await uow.copy("customer_change", COLUMNS, lines)
    uow.audit("customer:batch_changed", job_id, what=change.action, source=source, customer_ids=ids)
    if tell:
        for customer_id in ids:
            uow.emit("customer.updated", AUDIENCE, customer_id=customer_id)


_NOW: Final = """
SELECT c.id, c.classification, c.responsible_id,
    ARRAY(SELECT g.name FROM customer_tag ct JOIN tag g ON g.id = ct.tag_id WHERE ct.customer_id = c.id) AS tags
FROM customer c WHERE c.id = ANY($1::uuid[])
"""


def _shown(row: Row, field: str) -> Any:
    """A field as the history keeps it."""
    if field == "tags":
        return sorted(row["tags"], key=str.casefold) or None
    if field == "responsible":
        return str(row["responsible_id"]) if row["responsible_id"] is not None else None
    return row["classification"]


async def _keep(uow: UnitOfWork, job_id: UUID, items: Iterable[_Item], *, with_before: bool = True) -> None:
    kept = [(item.position, item.outcome, item.before if with_before else None) for item in items]
    await uow.execute(
        """UPDATE batch_item i SET outcome = n.outcome, before = COALESCE(n.before, i.before)
           FROM unnest($2::int[], $3::text[], $4::jsonb[]) AS n (position, outcome, before)
           WHERE i.job_id = $1 AND i.position = n.position""",
        *(job_id, [each[0] for each in kept], [each[1] for each in kept], [each[2] for each in kept]),
    )
