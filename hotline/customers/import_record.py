"""A row of an imported table made a customer's record, or the reasons why it is none."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, cast
from uuid import UUID

from hotline.customers import custom_fields
from hotline.customers.contact_points import ContactValue, Kind, normalise
from hotline.customers.custom_fields import CustomField, FieldSet
from hotline.customers.import_consents import Consent, WrongConsent, read_packed
from hotline.customers.import_consents import Reading as ConsentReading
from hotline.customers.import_csv import Row
from hotline.customers.import_mapping import ColumnMap, Order
from hotline.customers.import_targets import CONSENT, CUSTOM
from hotline.customers.import_values import (
    bare,
    country_of,
    is_formula,
    is_spoiled,
    iso_date,
    kind_of,
    listed,
    locale_of,
    perhaps_several,
    several,
    whole_number,
)
from hotline.customers.names import fold
from hotline.customers.text import many_lines, one_line
from hotline.errors import Invalid

LONGEST_NAME: Final = 200
LONGEST_TAG: Final = 64
LONGEST_ADDRESS: Final = 1_000
LONGEST_VALUE: Final = 2_000
#: Characters of all values of the company's own fields of one row, well within what a record holds.
LONGEST_CUSTOM: Final = custom_fields.LONGEST - 4_000
MOST_POINTS: Final = 50
MOST_TAGS: Final = 50
#: Customer numbers are stored as bigint; longer ones are nobody's.
_NUMBER: Final = re.compile(r"[cC]?\s?(\d{1,15})")
_EAST_ASIAN: Final = re.compile(r"[\u3400-\u9fff\uac00-\ud7af\u3040-\u30ff]")

Point = tuple[Kind, ContactValue, str]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a row is refused: a code, the column (None: the whole row), and for fields of the company's own the words."""

    code: str
    column: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Required:
    """A field of the company's own without which nobody is made. ``kind``: whose it is, ``customer`` for both kinds;
    ``column``: where the file has it, None: nowhere."""

    key: str
    kind: str
    name: str
    column: int | None = None


@dataclass(slots=True)
class Record:
    """What a row says of a customer; None and empty where it says nothing. ``number``: of a customer who exists."""

    number: int | None = None
    name: str | None = None
    kind: str | None = None
    locale: str | None = None
    tier: str | None = None
    classification: str | None = None
    responsible: UUID | None = None
    tags: tuple[str, ...] = ()
    points: tuple[Point, ...] = ()
    addresses: tuple[tuple[str, str, str | None], ...] = ()
    custom: dict[str, Any] = field(default_factory=dict)
    consents: tuple[Consent, ...] = ()

    def packed(self) -> tuple[Any, ...]:
        """As plain values, which pass between processes in a fraction of the time."""
        return (
            *(self.number, self.name, self.kind, self.locale, self.tier, self.classification),
            None if self.responsible is None else str(self.responsible),
            self.tags,
            tuple((kind, value.value, value.country, label) for kind, value, label in self.points),
            self.addresses,
            self.custom,
            tuple(tuple(each) for each in self.consents),
        )


def missing(record: Record, required: Sequence[Required]) -> list[Reason]:
    """Why a new customer cannot be made of a record: the fields that it lacks."""
    kinds = ("customer", record.kind or "person")
    return [
        Reason("required", each.column, each.name)
        for each in required
        if each.kind in kinds and record.custom.get(each.key) is None
    ]


def unpacked(values: tuple[Any, ...]) -> Record:
    """The record out of ``Record.packed``."""
    number, name, kind, locale, tier, classification, responsible, tags, points, addresses, custom, consents = values
    return Record(
        *(number, name, kind, locale, tier, classification),
        None if responsible is None else UUID(responsible),
        tags,
        tuple((kind, ContactValue(value, country), label) for kind, value, country, label in points),
        addresses,
        custom,
        read_packed(consents),
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """How rows are read. ``tiers``, ``classifications``, ``users`` and ``tags`` are what may stand in cells, folded.

    ``orders`` are the columns' ways of writing dates. ``new_tags``: unknown tags are made. ``more_tags`` are added to
    every row's. ``zone`` is that of days and times without one, ``now`` when the reading began.
    """

    mapping: ColumnMap
    labels: tuple[str, ...]
    orders: tuple[Order, ...]
    region: str
    tiers: Mapping[str, str] = field(default_factory=dict)
    classifications: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, UUID] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    new_tags: bool = True
    more_tags: tuple[str, ...] = ()
    fields: FieldSet = field(default_factory=lambda: FieldSet(()))
    zone: str = "UTC"
    now: datetime = field(default_factory=lambda: datetime(9000, 1, 1, tzinfo=UTC))

    @property
    def columns(self) -> int:
        """How wide the table is."""
        return len(self.mapping)


class _Wrong(Exception):
    def __init__(self, code: str, detail: str = "") -> None:
        self.code, self.detail = code, detail


def read(row: Row, plan: Plan) -> Record | list[Reason]:
    """The record of a row, or every reason why it has none."""
    if row.fault:
        return [Reason(row.fault)]
    cells = row.cells
    if len(cells) > plan.columns and any(cell.strip() for cell in cells[plan.columns :]):
        return [Reason("too_many_cells", None, f"{len(cells)}/{plan.columns}")]
    if len(cells) < plan.columns:
        return [Reason("cut" if row.open else "too_few_cells", None, f"{len(cells)}/{plan.columns}")]
    reading = _Reading(plan)
    for column, target in enumerate(plan.mapping):
        if target is None:
            continue
        cell = cells[column]
        if not cell or not (text := bare(cell)):
            continue
        try:
            if is_formula(text) and not cell.lstrip().startswith("'"):  # an apostrophe says that it is text
                raise _Wrong("formula")
            reading.take(column, target, text)
        except (_Wrong, WrongConsent) as wrong:
            reading.reasons.append(Reason(wrong.code, column, wrong.detail))
        except Invalid as error:
            reading.reasons.append(_reason(error, column))
    return reading.finish()


class _Reading:
    """One row on its way."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._record = Record()
        self.reasons: list[Reason] = []
        self._names: dict[str, str] = {}
        self._address: dict[str, tuple[int, str]] = {}
        self._country: str | None = None
        self._points: list[tuple[int, Point]] = []
        self._later: list[tuple[int, Kind, str]] = []
        self._addresses: list[tuple[str, str]] = []
        self._tags: list[str] = []
        self._custom: dict[int, tuple[str, str]] = {}
        self._consents = ConsentReading(plan.orders, plan.zone, plan.now)

    def take(self, column: int, target: str, text: str) -> None:
        record, plan = self._record, self._plan
        if target in ("name", "first_name", "last_name", "organisation"):
            self._names[target] = _line(text, LONGEST_NAME)
        elif target in ("phone", "whatsapp"):
            self._later.append((column, cast(Kind, target), text))  # a country in another column comes first
        elif target == "email":
            for part in several(text.removeprefix("mailto:")):
                self._points.append((column, ("email", _email(part), plan.labels[column])))
        elif target == "inapp":
            self._points.append((column, ("inapp", normalise("inapp", text, plan.region), "")))
        elif target == "address":
            self._addresses.append((many_lines(text, "address", LONGEST_ADDRESS), plan.labels[column]))
        elif target in ("street", "street2", "postcode", "city", "region"):
            self._address[target] = (column, _line(whole_number(text), 300))
        elif target == "country":
            self._country = _known(country_of(text), "country")
        elif target == "kind":
            record.kind = _known(kind_of(text), "kind")
        elif target == "locale":
            record.locale = _known(locale_of(text), "locale")
        elif target == "tier":
            record.tier = _known(plan.tiers.get(fold(text)), "tier")
        elif target == "classification":
            record.classification = _known(plan.classifications.get(fold(text)), "classification")
        elif target == "responsible":
            record.responsible = _known(plan.users.get(fold(text)), "responsible")
        elif target == "tags":
            self._tags += [self._tag(word) for word in listed(text)]
        elif target == "number":
            found = _NUMBER.fullmatch(whole_number(text))
            record.number = int(_known(found, "number")[1])
        elif target.startswith(CONSENT):
            self._consents.take(column, target, text)
        else:
            self._custom[column] = (target.removeprefix(CUSTOM), text)

    def finish(self) -> Record | list[Reason]:
        record = self._record
        for column, kind, text in self._later:
            try:
                self._numbers(column, kind, text)
            except _Wrong as wrong:
                self.reasons.append(Reason(wrong.code, column, wrong.detail))
        self._name()
        try:
            self._finish_address()
        except Invalid as error:
            self.reasons.append(_reason(error, None))
        self._finish_custom()
        try:
            record.consents = self._consents.finish()
        except WrongConsent as wrong:
            self.reasons.append(Reason(wrong.code, wrong.column, wrong.detail))
        points: dict[tuple[str, str], Point] = {}
        for _, point in sorted(self._points, key=lambda each: each[0]):
            points.setdefault((point[0], point[1].value), point)
        record.points = tuple(points.values())
        tags: dict[str, str] = {}
        for tag in (*self._plan.more_tags, *self._tags):
            tags.setdefault(tag.casefold(), tag)
        record.tags = tuple(tags.values())
        if len(record.points) > MOST_POINTS or len(record.tags) > MOST_TAGS:
            self.reasons.append(Reason("too_much"))
        if record.name is None and record.number is None and not self.reasons:
            self.reasons.append(Reason("no_name"))
        return sorted(self.reasons, key=_place) or record

    def _numbers(self, column: int, kind: Kind, text: str) -> None:
        for part in several(text):
            try:
                self._number(column, kind, part)
            except _Wrong:
                pieces = perhaps_several(part)
                if len(pieces) < 2:
                    raise
                for piece in pieces:
                    self._number(column, kind, piece)

    def _number(self, column: int, kind: Kind, part: str) -> None:
        number = whole_number(part)
        if is_spoiled(number):
            raise _Wrong("spoiled")
        try:
            value = normalise(kind, number, self._country or self._plan.region)
        except Invalid as error:
            raise _Wrong("incomplete_phone" if "not complete" in error.detail else "phone") from None
        self._points.append((column, (kind, value, self._plan.labels[column])))

    def _tag(self, word: str) -> str:
        tag = _line(word, LONGEST_TAG)
        known = self._plan.tags.get(tag.casefold())
        if known is None and not self._plan.new_tags:
            raise _Wrong("tag")
        return known or tag

    def _name(self) -> None:
        names, record = self._names, self._record
        organisation = names.get("organisation")
        first, last = names.get("first_name"), names.get("last_name")
        name = names.get("name")
        if name is None and (first or last):
            chinese = bool(first and last and _EAST_ASIAN.search(last) and _EAST_ASIAN.search(first))
            name = f"{last}{first}" if chinese else " ".join(part for part in (first, last) if part)
        if name is None and organisation is not None:
            name, record.kind = organisation, record.kind or "organisation"
        elif organisation is not None:
            record.custom["organisation"] = organisation  # a field of its own; people are not joined by a name alone
        record.name = name

    def _finish_address(self) -> None:
        parts = {key: text for key, (_, text) in self._address.items()}
        if parts:
            place = " ".join(part for part in (parts.get("postcode"), parts.get("city")) if part)
            lines = [parts.get("street"), parts.get("street2"), place or None, parts.get("region")]
            text = many_lines("\n".join(line for line in lines if line), "address", LONGEST_ADDRESS)
            self._addresses.append((text, ""))
        self._record.addresses = tuple((text, label, self._country) for text, label in self._addresses)

    def _finish_custom(self) -> None:
        plan, values = self._plan, self._record.custom
        for column, (key, text) in self._custom.items():
            try:
                value = _own(plan.fields.get(key), text, plan.orders[column], plan.region)
            except Invalid as error:
                self.reasons.append(_reason(error, column))
            else:
                if value is not None:
                    values[key] = value
        if sum(len(value) if isinstance(value, str) else 40 for value in values.values()) > LONGEST_CUSTOM:
            self.reasons.append(Reason("too_much"))


def _own(known: CustomField | None, text: str, order: Order, region: str) -> Any:
    if known is None:
        return many_lines(text, "custom", LONGEST_VALUE)
    if known.type in ("date", "datetime"):
        text = iso_date(text, order)
    elif known.type in ("number", "decimal", "money", "phone"):
        text = whole_number(text)
    return custom_fields.from_text(known, text, region=region)


def _line(text: str, longest: int) -> str:
    # Most cells are clean; what is not goes the long way.
    if len(text) <= longest and text.isprintable() and "  " not in text:
        return text
    if len(text) > longest:
        raise _Wrong("too_long", str(longest))
    return one_line(text, "cell", longest)


def _email(text: str) -> ContactValue:
    try:
        return normalise("email", text.strip("<>"), "")
    except Invalid:
        raise _Wrong("email") from None


def _place(reason: Reason) -> int:
    return -1 if reason.column is None else reason.column


def _known(value: Any, code: str) -> Any:
    if value is None:
        raise _Wrong(code)
    return value


def _reason(error: Invalid, column: int | None) -> Reason:
    return Reason("field", column, error.detail.partition(": ")[2] or error.detail)


def counts(reasons: Sequence[Sequence[Reason]]) -> dict[str, int]:
    """How many rows each code refused."""
    found: dict[str, int] = {}
    for each in reasons:
        for code in {reason.code for reason in each}:
            found[code] = found.get(code, 0) + 1
    return found
