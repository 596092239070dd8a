"""One step of an import: some thousand rows compared with the customers who are there, and written, by COPY.

Everything of a step, the row that it came to included, commits together: what a crash leaves is some whole steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final
from uuid import UUID

from hotline.crm import copy_rows
from hotline.crm.commands.customers.customer_state import state_of
from hotline.crm.commands.customers.import_changes import EFFECT_COLUMNS, Changes
from hotline.crm.commands.customers.import_consents import Weighed, keep, weigh
from hotline.crm.commands.customers.tags import make_tags
from hotline.crm.import_seal import (
    ADDRESS_COLUMNS,
    CUSTOMER_COLUMNS,
    KEY_COLUMNS,
    POINT_COLUMNS,
    Prepared,
    RefusedRow,
    Sealing,
    indexes_of,
    seal,
)
from hotline.crm.keys import PersonalKey
from hotline.crm.queries.customers.customer_views import SELECT, CustomerView, customer_view, personal_key
from hotline.crm.scopes import Arguments, all_of, customers_seen
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.customers.import_consents import Consent
from hotline.customers.import_policy import Duplicates, Match, Outcome, joined, laid_over, recognised_by
from hotline.customers.import_record import Reason, Record, Required, missing

#: Customers who share a contact point beyond this are not told apart by it: it is a switchboard.
_MOST_SHARING: Final = 50
#: Customers who are read and sealed again between two looks at what else is to be done.
_CHANGED_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Rules:
    """What the import was told to do, and what a new customer must have. ``consents``: columns tell of consent."""

    duplicates: Duplicates
    match: tuple[Match, ...]
    sealing: Sealing
    required: tuple[Required, ...] = ()
    consents: bool = False


@dataclass(slots=True)
class Tally:
    """What became of a step's rows. ``repeated``: rows whose customer stands in the file before; they are counted under
    what became of them, too. ``unchanged``: rows that said nothing new. ``reasons`` count rows by code. Of what they
    say of consent ``consents_granted`` and ``consents_withdrawn`` changed what holds; ``consents_older`` are kept and
    changed nothing, since something newer holds."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    refused: int = 0
    repeated: int = 0
    consents_granted: int = 0
    consents_withdrawn: int = 0
    consents_older: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def add(self, kept: Mapping[str, Any]) -> None:
        """Add what was kept of earlier steps."""
        for name in Tally.__dataclass_fields__:
            if name != "reasons":
                setattr(self, name, getattr(self, name) + kept.get(name, 0))
        for code, rows in kept.get("reasons", {}).items():
            self.reasons[code] = self.reasons.get(code, 0) + rows

    def json(self) -> dict[str, Any]:
        """As it is kept."""
        return {name: getattr(self, name) for name in Tally.__dataclass_fields__}


@dataclass(slots=True)
class _Sorted:
    """The step's rows, by their places in it, and what is to become of them.

    ``new`` will be customers; ``joined`` are the records of those whose later rows, ``more``, were joined to the first.
    ``existing`` are customers who are there, with the rows about them.
    """

    step: Prepared
    tally: Tally = field(default_factory=Tally)
    new: list[int] = field(default_factory=list)
    joined: dict[int, Record] = field(default_factory=dict)
    more: dict[int, list[int]] = field(default_factory=dict)
    existing: dict[UUID, list[int]] = field(default_factory=dict)
    refused: list[RefusedRow] = field(default_factory=list)
    consents: list[Weighed] = field(default_factory=list)

    def record(self, place: int) -> Record:
        """What a row says, its later ones included."""
        return self.joined.get(place) or self.step.record(place)

    def refuse(self, place: int, code: str, detail: str = "") -> None:
        self.refuse_for(place, (Reason(code, None, detail),))

    def refuse_for(self, place: int, reasons: Sequence[Reason]) -> None:
        self.refused.append(RefusedRow(self.step.numbers[place], tuple(reasons), self.step.cells(place)))


class Seen:
    """The contact points of new customers of a trial run, which writes none; remembered by a part of their index."""

    MOST: Final = 3_000_000

    def __init__(self) -> None:
        self._parts: set[int] = set()

    def add(self, indexes: Iterable[bytes]) -> None:
        """Remember them, as far as there is room."""
        if len(self._parts) < self.MOST:
            self._parts.update(int.from_bytes(index[:7], "big") for index in indexes)

    def any(self, indexes: Iterable[bytes]) -> bool:
        """Whether one of them was there."""
        return any(int.from_bytes(index[:7], "big") in self._parts for index in indexes)


async def write_step(
    uow: UnitOfWork, import_id: UUID, step: Prepared, rules: Rules, trial: Seen | None = None
) -> tuple[Tally, list[RefusedRow]]:
    """Write one step's rows; what became of them, and those refused. With ``trial`` nothing is written."""
    found = await _sort(uow, step, rules, trial)
    found.refused += step.refused
    if trial is None:
        await _create(uow, import_id, found, rules.sealing)
    found.tally.created = len(found.new)
    if rules.consents:
        await _agreed(uow, import_id, found)
    if found.existing:
        await _change(uow, import_id, found, rules, write=trial is None)
    tally = found.tally
    for weighed in found.consents:
        tally.consents_granted += weighed.granted
        tally.consents_withdrawn += weighed.withdrawn
        tally.consents_older += weighed.older
        if trial is None:
            await keep(uow, weighed)
    tally.refused = len(found.refused)
    for row in found.refused:
        for code in {reason.code for reason in row.reasons}:
            tally.reasons[code] = tally.reasons.get(code, 0) + 1
    found.refused.sort(key=lambda row: row.number)
    return tally, found.refused


async def _sort(uow: UnitOfWork, step: Prepared, rules: Rules, trial: Seen | None) -> _Sorted:
    compared = _indexes(step, recognised_by(rules.match))
    # Who may not read numbers could try one after the other: of those who are there they recognise nobody by them.
    readable = recognised_by(tuple(each for each in rules.match if each not in uow.viewer.masks))
    by_index = await _owners(uow, set().union(*_indexes(step, readable)))
    by_number = await _numbered(uow, {number for number in step.customer_numbers if number is not None})
    found = _Sorted(step)
    fresh: dict[bytes, int] = {}
    met = set(by_index)
    for place, indexes in enumerate(compared):
        number = step.customer_numbers[place]
        if number is not None and number not in by_number:
            found.refuse(place, "unknown_number")
            continue
        if number is not None or not met.isdisjoint(indexes):
            customers = {customer for index in indexes for customer in by_index.get(index, ())}
            if number is not None:
                customers = {by_number[number]}
            earlier = dict.fromkeys(fresh[index] for index in indexes if index in fresh)
            _sort_duplicate(found, place, customers, list(earlier), rules)
            continue
        if trial is not None and trial.any(indexes):
            _sort_duplicate(found, place, set(), [], rules)
            continue
        if rules.duplicates == "skip" and rules.required and (lacking := missing(step.record(place), rules.required)):
            found.refuse_for(place, lacking)  # no later row completes it
            continue
        found.new.append(place)
        fresh.update(dict.fromkeys(indexes, place))
        met.update(indexes)
    if rules.duplicates != "skip" and rules.required:
        _refuse_incomplete(found, rules.required)
    if trial is not None:
        for place in found.new:
            trial.add(compared[place])
    return found


def _indexes(step: Prepared, kinds: frozenset[str]) -> Sequence[tuple[bytes, ...]]:
    """Of each row, the indexes of its contact points of these kinds."""
    if kinds.issuperset(set().union(*set(step.kinds))):
        return step.indexes
    return [
        tuple(index for index, kind in zip(indexes, of, strict=True) if kind in kinds)
        for indexes, of in zip(step.indexes, step.kinds, strict=True)
    ]


def _refuse_incomplete(found: _Sorted, required: Sequence[Required]) -> None:
    complete: list[int] = []
    for place in found.new:
        lacking = missing(found.record(place), required)
        if not lacking:
            complete.append(place)
            continue
        more = found.more.get(place, [])
        for row in (place, *more):
            found.refuse_for(row, lacking)
        found.tally.repeated -= len(more)
        found.tally.updated -= len(more)
    found.new = complete


def _sort_duplicate(found: _Sorted, place: int, customers: set[UUID], earlier: list[int], rules: Rules) -> None:
    if rules.duplicates == "skip":
        found.tally.skipped += 1
        found.tally.repeated += not customers
    elif len(customers) + len(earlier) > 1:
        found.refuse(place, "ambiguous", str(len(customers) + len(earlier)))
    elif customers:
        found.existing.setdefault(next(iter(customers)), []).append(place)
    else:
        found.tally.repeated += 1
        found.tally.updated += 1
        if earlier:
            (first,) = earlier
            found.joined[first] = joined(found.record(first), found.step.record(place), rules.duplicates)
            found.more.setdefault(first, []).append(place)


async def _owners(uow: UnitOfWork, indexes: set[bytes]) -> dict[bytes, tuple[UUID, ...]]:
    """The customers who have a contact point, by its index; only those whom the importer sees."""
    if not indexes:
        return {}
    bind = Arguments(list(indexes))
    seen = customers_seen(uow.viewer, bind)
    rows = await uow.fetch(
        f"""SELECT p.value_index, array_agg(DISTINCT COALESCE(c.merged_into_id, c.id)) AS customers
            FROM contact_point p JOIN customer c ON c.id = p.customer_id
            WHERE p.value_index = ANY($1::bytea[]) AND {all_of(seen)}
            GROUP BY p.value_index HAVING count(*) <= {_MOST_SHARING}""",  # noqa: S608
        *bind.values,
    )
    return {bytes(row["value_index"]): tuple(row["customers"]) for row in rows}


async def _numbered(uow: UnitOfWork, numbers: set[int]) -> dict[int, UUID]:
    if not numbers:
        return {}
    bind = Arguments(list(numbers))
    seen = customers_seen(uow.viewer, bind)
    rows = await uow.fetch(
        f"""SELECT c.number, COALESCE(c.merged_into_id, c.id) AS id FROM customer c
            WHERE c.number = ANY($1::bigint[]) AND {all_of(seen)}""",  # noqa: S608
        *bind.values,
    )
    return {row["number"]: row["id"] for row in rows}


async def _create(uow: UnitOfWork, import_id: UUID, found: _Sorted, sealing: Sealing) -> None:
    if not found.new:
        return
    step, places = found.step, found.new
    sealed = (step.ids, step.keys, step.customers, step.points, step.addresses)
    columns: list[list[Any]] = [[column[place] for place in places] for column in sealed]
    for at, place in enumerate(places):
        if (record := found.joined.get(place)) is not None:
            for column, value in zip(columns, seal(record, indexes_of(record, sealing.keyring), sealing), strict=True):
                column[at] = value
    ids, keys, customers, points, addresses = columns
    tags = [found.joined[place].tags if place in found.joined else step.tags[place] for place in places]
    named = await make_tags(uow, [tag for some in dict.fromkeys(tags) for tag in some])
    ids_of_tags = {some: [copy_rows.uuid(tag.hex) for tag in {named[tag]: 0 for tag in some}] for some in set(tags)}
    tagged = [
        owner + tag
        for owner, some in zip([copy_rows.row((each,), 1) for each in ids], tags, strict=True)
        for tag in ids_of_tags[some]
    ]
    of_import = copy_rows.row((copy_rows.uuid(import_id.hex),), 3)
    now = copy_rows.moment(uow.now)
    await uow.copy_made("personal_key", KEY_COLUMNS, keys, now)
    await uow.copy_made("customer", CUSTOMER_COLUMNS, customers, now + now)
    await uow.copy_made("contact_point", POINT_COLUMNS, list(chain.from_iterable(points)), now)
    await uow.copy_made("address", ADDRESS_COLUMNS, list(chain.from_iterable(addresses)), now)
    await uow.copy_made("customer_tag", ("customer_id", "tag_id"), tagged)
    made = copy_rows.word("created") + copy_rows.integer(1)
    await uow.copy_made("import_effect", EFFECT_COLUMNS, [of_import + each for each in ids], made)


async def _agreed(uow: UnitOfWork, import_id: UUID, found: _Sorted) -> None:
    """What new customers agreed to; in a trial they are nobody yet."""
    said: dict[UUID, tuple[Consent, ...]] = {}
    for place in found.new:
        if consents := found.record(place).consents:
            sealed = found.step.ids[place] if found.step.ids else b""
            said[UUID(bytes=sealed[-16:]) if sealed else uow.new_id()] = consents
    found.consents.append(await weigh(uow, import_id, said))


async def _change(uow: UnitOfWork, import_id: UUID, found: _Sorted, rules: Rules, *, write: bool) -> None:
    ids = sorted(found.existing)
    if write:
        await uow.execute("SELECT id FROM customer WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE", ids)
    writing = Changes(uow, import_id, rules.sealing) if write else None
    # In parts: their records are opened and sealed here, and calls wait for nothing in between.
    for at in range(0, len(ids), _CHANGED_AT_ONCE):
        some = ids[at : at + _CHANGED_AT_ONCE]
        rows = await uow.fetch(f"{SELECT} WHERE c.id = ANY($1::uuid[])", some)
        known = {row["id"]: row for row in rows}
        there: list[_There] = []
        for customer_id in some:
            row = known.get(customer_id)
            key = personal_key(uow.keyring, row) if row is not None else None
            if row is None or key is None:
                for refused in found.existing[customer_id]:
                    found.refuse(refused, "erased")
                continue
            view = customer_view(uow.keyring, SYSTEM, row, for_eyes=False)
            before = state_of(view)
            there.append(_There(view, key, before, _taken(uow, found, view, before, rules)))
        said = {each.view.id: [one for record in each.records for one in record.consents] for each in there}
        weighed = await weigh(uow, import_id, said if rules.consents else {})
        found.consents.append(weighed)
        for each in there:
            _change_one(found.tally, each, rules, writing, agrees=each.view.id in weighed.customers)
    if writing is not None:
        await writing.write()


@dataclass(frozen=True, slots=True)
class _There:
    """A customer who is there, and what the rows that are taken say of them."""

    view: CustomerView
    key: PersonalKey
    before: Mapping[str, Any]
    records: Sequence[Record]


def _taken(
    uow: UnitOfWork, found: _Sorted, view: CustomerView, before: Mapping[str, Any], rules: Rules
) -> list[Record]:
    records: list[Record] = []
    for place in found.existing[view.id]:
        record = found.step.record(place)
        if _transfers(uow, before, record, rules.duplicates):
            found.refuse(place, "transfer")
        else:
            records.append(record)
    return records


def _change_one(tally: Tally, there: _There, rules: Rules, writing: Changes | None, *, agrees: bool) -> None:
    """``agrees``: their consent is changed or has more records, whatever else is."""
    outcome = Outcome(dict(there.before))
    for record in there.records:
        laid_over(outcome, record, rules.duplicates)
    if outcome.points or outcome.addresses or outcome.tags or outcome.state != there.before:
        tally.updated += len(there.records)
        if writing is not None:
            writing.add(there.view.id, there.key, there.view.version, there.before, outcome)
    elif agrees:
        tally.updated += len(there.records)
        if writing is not None:
            writing.note(there.view.id, there.view.version)
    else:
        tally.unchanged += len(there.records)


def _transfers(uow: UnitOfWork, before: Mapping[str, Any], record: Record, policy: Duplicates) -> bool:
    """Whether a row would take a customer from somebody, which is a right of its own."""
    return (
        policy == "update"
        and record.responsible is not None
        and before.get("responsible") not in (None, str(record.responsible))
        and not uow.viewer.may("customers.transfer")
    )
