"""Records of an import sealed for COPY: what ``commands.customers`` writes one by one, made ahead in other processes.

Kept free of the database's libraries: a worker process that only reads and seals stays small. Ids are texts here, which
pass between processes, and into COPY, quicker than UUIDs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

from hotline.crm.keys import Keyring
from hotline.customers import custom_fields
from hotline.customers.custom_fields import FieldSet
from hotline.customers.import_record import Point, Reason, Record, unpacked
from hotline.ids import new_id, new_text_id

#: Columns of the rows that ``seal`` makes, in their order; the moment of the batch is added behind them.
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
    """The rows of one new customer, without the moment of their making."""

    id: str
    key: tuple[Any, ...]
    customer: tuple[Any, ...]
    points: tuple[tuple[Any, ...], ...]
    addresses: tuple[tuple[Any, ...], ...]


class PreparedRow(NamedTuple):
    """A row that is a record. ``indexes`` find customers with one of its contact points, whose ``kinds`` are beside;
    ``sealed`` is there unless nothing is to be written; ``cells`` are the row as it stands in the file."""

    number: int
    customer_number: int | None
    kinds: tuple[str, ...]
    indexes: tuple[bytes, ...]
    tags: tuple[str, ...]
    packed: tuple[Any, ...]
    sealed: Sealed | None
    cells: tuple[str, ...]

    @property
    def record(self) -> Record:
        """What the row says."""
        return unpacked(self.packed)


class RefusedRow(NamedTuple):
    """A row that is none."""

    number: int
    reasons: tuple[Reason, ...]
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """One step of an import: some rows in the order of the file, up to the row ``last``."""

    last: int
    count: int
    rows: tuple[PreparedRow, ...]
    refused: tuple[RefusedRow, ...]

    def packed(self) -> tuple[Any, ...]:
        """As plain values."""
        return (
            *(self.last, self.count),
            tuple((*row[:6], None if row.sealed is None else tuple(row.sealed), row.cells) for row in self.rows),
            tuple(
                (row.number, tuple((each.code, each.column, each.detail) for each in row.reasons), row.cells)
                for row in self.refused
            ),
        )


def prepared(values: tuple[Any, ...]) -> Prepared:
    """The step out of ``Prepared.packed``."""
    last, count, rows, refused = values
    return Prepared(
        last,
        count,
        tuple(PreparedRow._make((*row[:6], None if row[6] is None else Sealed(*row[6]), row[7])) for row in rows),
        tuple(
            RefusedRow(number, tuple(Reason(*each) for each in reasons), cells) for number, reasons, cells in refused
        ),
    )


def seal(record: Record, sealing: Sealing) -> Sealed:
    """The rows of a new customer."""
    keyring, customer_id = sealing.keyring, new_text_id()
    key, wrapped = keyring.new_personal_key(new_id())
    key_id, sealer = str(key.id), keyring.sealer(key)
    name = record.name or ""
    clear, cipher = seal_custom(sealer, customer_id, sealing.fields, record.custom)
    return Sealed(
        id=customer_id,
        key=(key_id, wrapped.sealed, wrapped.master),
        customer=(
            *(customer_id, key_id, record.kind or "person"),
            sealer("customer", "name_cipher", customer_id, name),
            *(keyring.name_tokens(name), record.locale, _text(sealing.tiers.get(record.tier or ""))),
            *(record.classification, _text(record.responsible or sealing.responsible), clear, cipher),
            *(_text(sealing.created_by), SOURCE),
        ),
        points=tuple(
            seal_point(keyring, sealer, customer_id, point, position) for position, point in enumerate(record.points)
        ),
        addresses=tuple(
            seal_address(sealer, customer_id, address, position) for position, address in enumerate(record.addresses)
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


def seal_point(keyring: Keyring, sealer: Sealer, customer_id: str, point: Point, position: int) -> tuple[Any, ...]:
    """The row of a contact point."""
    kind, value, label = point
    point_id = new_text_id()
    return (
        *(point_id, customer_id, kind),
        sealer("contact_point", "value_cipher", point_id, value.value),
        keyring.contact_index(kind, value.value),
        keyring.contact_tokens(kind, value.value),
        *(label, value.country, position),
    )


def seal_address(
    sealer: Sealer, customer_id: str, address: tuple[str, str, str | None], position: int
) -> tuple[Any, ...]:
    """The row of a postal address."""
    text, label, country = address
    address_id = new_text_id()
    return (address_id, customer_id, label, sealer("address", "cipher", address_id, text), country, position)


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
