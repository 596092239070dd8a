"""Records of an import sealed for COPY: what ``commands.customers.customers`` writes one by one, made ahead in other
processes.

Kept free of the database's libraries: a worker process that only reads and seals stays small. It makes the rows in
COPY's own format, which the process that writes them only passes on.
"""

from __future__ import annotations

import json
import marshal
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

from hotline.crm import copy_rows
from hotline.crm.copy_rows import data, word
from hotline.crm.keys import Keyring
from hotline.customers import custom_fields
from hotline.customers.custom_fields import FieldSet
from hotline.customers.import_record import Point, Reason, Record, unpacked
from hotline.ids import new_text_id

#: Columns of the rows that ``seal`` makes, in their order. The last are moments, which whoever writes them adds.
KEY_COLUMNS: Final = ("id", "wrapped", "master", "created_at")
CUSTOMER_COLUMNS: Final = (
    *("id", "key_id", "kind", "name_cipher", "search_tokens", "locale", "tier_id", "classification"),
    *("responsible_id", "custom", "custom_cipher", "created_by_id", "created_source", "created_at", "updated_at"),
)
POINT_COLUMNS: Final = (
    *("id", "customer_id", "kind", "value_cipher", "value_index", "suffix_tokens", "label", "country", "position"),
    "created_at",
)
ADDRESS_COLUMNS: Final = ("id", "customer_id", "label", "cipher", "country", "position", "created_at")
SOURCE: Final = "import"

Sealer = Callable[[str, str, str, str], bytes]


@dataclass(frozen=True, slots=True)
class Sealing:
    """What sealing needs besides a record."""

    keyring: Keyring
    fields: FieldSet
    tiers: Mapping[str, UUID]
    created_by: UUID | None
    #: Who becomes responsible when a row names nobody.
    responsible: UUID | None = None


class Sealed(NamedTuple):
    """The rows of one new customer as COPY takes them, without the moment of their making; ``id`` is the field that
    names the customer in others."""

    id: bytes
    key: bytes
    customer: bytes
    points: tuple[bytes, ...]
    addresses: tuple[bytes, ...]


class PreparedRow(NamedTuple):
    """A row that is a record. ``indexes`` find customers with one of its contact points, whose ``kinds`` are beside;
    ``sealed`` is there unless nothing is to be written. Most rows need nothing of what is ``kept`` packed."""

    number: int
    customer_number: int | None
    kinds: tuple[str, ...]
    indexes: tuple[bytes, ...]
    tags: tuple[str, ...]
    kept: bytes
    sealed: Sealed | None


def kept_of(record: Record, cells: tuple[str, ...]) -> bytes:
    """A record and its cells, packed."""
    return marshal.dumps((record.packed(), cells))


class RefusedRow(NamedTuple):
    """A row that is none."""

    number: int
    reasons: tuple[Reason, ...]
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """One step of an import: some rows in the order of the file, up to the row ``last``.

    What the rows that are records have is beside each other by kind, as ``PreparedRow`` and ``Sealed`` tell: an object
    for each would be half the work of the process that writes them. What is sealed is empty when nothing is to be
    written; a row without a name has empty fields there.
    """

    last: int
    count: int
    refused: tuple[RefusedRow, ...]
    numbers: tuple[int, ...] = ()
    customer_numbers: tuple[int | None, ...] = ()
    kinds: tuple[tuple[str, ...], ...] = ()
    indexes: tuple[tuple[bytes, ...], ...] = ()
    tags: tuple[tuple[str, ...], ...] = ()
    kept: tuple[bytes, ...] = ()
    ids: tuple[bytes, ...] = ()
    keys: tuple[bytes, ...] = ()
    customers: tuple[bytes, ...] = ()
    points: tuple[tuple[bytes, ...], ...] = ()
    addresses: tuple[tuple[bytes, ...], ...] = ()

    @classmethod
    def of(cls, last: int, count: int, rows: Sequence[PreparedRow], refused: Iterable[RefusedRow]) -> Prepared:
        """The step of these rows."""
        if not rows:
            return cls(last, count, tuple(refused))
        *columns, sealed = zip(*rows, strict=True)
        if any(sealed):
            columns += zip(*(each or _UNSEALED for each in sealed), strict=True)
        return cls(last, count, tuple(refused), *columns)

    def record(self, place: int) -> Record:
        """What a row says."""
        return unpacked(marshal.loads(self.kept[place])[0])  # noqa: S302 - made by ``kept_of`` in a process of one's own

    def cells(self, place: int) -> tuple[str, ...]:
        """A row as it stands in the file."""
        cells: tuple[str, ...] = marshal.loads(self.kept[place])[1]  # noqa: S302 - the same
        return cells

    def packed(self) -> tuple[Any, ...]:
        """As plain values."""
        refused = tuple(
            (row.number, tuple((each.code, each.column, each.detail) for each in row.reasons), row.cells)
            for row in self.refused
        )
        return (
            *(self.last, self.count, refused, self.numbers, self.customer_numbers, self.kinds, self.indexes),
            *(self.tags, self.kept, self.ids, self.keys, self.customers, self.points, self.addresses),
        )


_UNSEALED: Final = Sealed(b"", b"", b"", (), ())


def prepared(values: tuple[Any, ...]) -> Prepared:
    """The step out of ``Prepared.packed``."""
    last, count, refused, *columns = values
    reasons = (RefusedRow(number, tuple(Reason(*each) for each in some), cells) for number, some, cells in refused)
    return Prepared(last, count, tuple(reasons), *columns)


def indexes_of(record: Record, keyring: Keyring) -> tuple[bytes, ...]:
    """The blind index of each of its contact points."""
    return tuple(keyring.contact_index(kind, value.value) for kind, value, _ in record.points)


def seal(record: Record, indexes: Sequence[bytes], sealing: Sealing) -> Sealed:
    """The rows of a new customer; ``indexes`` are those of its contact points."""
    keyring, customer_id = sealing.keyring, new_text_id()
    key_id, wrapped, sealer = keyring.fresh_sealer()
    id_field, key_field = copy_rows.uuid(customer_id), copy_rows.uuid(key_id)
    clear, cipher = seal_custom(sealer, customer_id, sealing.fields, record.custom)
    return Sealed(
        id=id_field,
        key=copy_rows.row((key_field, data(wrapped), word(keyring.master)), 1),
        customer=copy_rows.row(
            (
                *(id_field, key_field, word(record.kind or "person")),
                data(sealer("customer", "name_cipher", customer_id, record.name or "")),
                copy_rows.bigints(keyring.name_tokens(record.name or "")),
                *(word(record.locale), _id(sealing.tiers.get(record.tier or "")), word(record.classification)),
                _id(record.responsible or sealing.responsible),
                *(copy_rows.document(clear), data(cipher), _id(sealing.created_by), word(SOURCE)),
            ),
            2,
        ),
        points=tuple(
            seal_point(keyring, sealer, new_text_id(), id_field, point, index, position)
            for position, (point, index) in enumerate(zip(record.points, indexes, strict=True))
        ),
        addresses=tuple(
            seal_address(sealer, new_text_id(), id_field, address, position)
            for position, address in enumerate(record.addresses)
        ),
    )


def seal_custom(
    sealer: Sealer, customer_id: str, fields: FieldSet, values: Mapping[str, Any]
) -> tuple[dict[str, Any], bytes | None]:
    """The readable values of the company's own fields, and the sealed ones; these are there whenever there are any."""
    if not values:
        return {}, None
    clear, hidden = custom_fields.split([each for each in fields.fields if each.target == "customer"], values)
    return clear, sealer("customer", "custom_cipher", customer_id, json.dumps(hidden, ensure_ascii=False))


def seal_point(
    keyring: Keyring, sealer: Sealer, point_id: str, customer: bytes, point: Point, index: bytes, position: int
) -> bytes:
    """The row of a contact point; ``customer`` is the field of whose it is."""
    kind, value, label = point
    return copy_rows.row(
        (
            *(copy_rows.uuid(point_id), customer, word(kind)),
            data(sealer("contact_point", "value_cipher", point_id, value.value)),
            data(index),
            copy_rows.bigints(keyring.contact_tokens(kind, value.value)),
            *(word(label), word(value.country), copy_rows.integer(position)),
        ),
        1,
    )


def seal_address(
    sealer: Sealer, address_id: str, customer: bytes, address: tuple[str, str, str | None], position: int
) -> bytes:
    """The row of a postal address."""
    text, label, country = address
    return copy_rows.row(
        (
            *(copy_rows.uuid(address_id), customer, word(label)),
            data(sealer("address", "cipher", address_id, text)),
            *(word(country), copy_rows.integer(position)),
        ),
        1,
    )


def _id(value: UUID | None) -> bytes:
    return copy_rows.NULL if value is None else copy_rows.uuid(value.hex)
