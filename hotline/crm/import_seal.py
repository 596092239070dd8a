"""Records of an import sealed for COPY: what ``commands.customers`` writes one by one, made ahead in other processes.

Kept free of the database's libraries: a worker process that only reads and seals stays small.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from hotline.crm.keys import Keyring, PersonalKey
from hotline.customers import custom_fields
from hotline.customers.custom_fields import FieldSet
from hotline.customers.import_record import Point, Reason, Record
from hotline.ids import new_id

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


@dataclass(frozen=True, slots=True)
class Sealing:
    """What sealing needs besides a record."""

    keyring: Keyring
    fields: FieldSet
    tiers: Mapping[str, UUID]
    created_by: UUID | None
    #: Who becomes responsible when a row names nobody.
    responsible: UUID | None = None


@dataclass(frozen=True, slots=True)
class Sealed:
    """The rows of one new customer, without the moment of their making."""

    id: UUID
    key: tuple[Any, ...]
    customer: tuple[Any, ...]
    points: tuple[tuple[Any, ...], ...]
    addresses: tuple[tuple[Any, ...], ...]


def seal(record: Record, sealing: Sealing) -> Sealed:
    """The rows of a new customer."""
    keyring, customer_id = sealing.keyring, new_id()
    key, wrapped = keyring.new_personal_key(new_id())
    name = record.name or ""
    clear, cipher = seal_custom(keyring, key, customer_id, sealing.fields, record.custom)
    return Sealed(
        id=customer_id,
        key=(key.id, wrapped.sealed, wrapped.master),
        customer=(
            *(customer_id, key.id, record.kind or "person"),
            keyring.encrypt(key, "customer", "name_cipher", customer_id, name),
            *(keyring.name_tokens(name), record.locale, sealing.tiers.get(record.tier or ""), record.classification),
            *(record.responsible or sealing.responsible, clear, cipher, sealing.created_by, SOURCE),
        ),
        points=tuple(
            seal_point(keyring, key, customer_id, point, position) for position, point in enumerate(record.points)
        ),
        addresses=tuple(
            seal_address(keyring, key, customer_id, address, position)
            for position, address in enumerate(record.addresses)
        ),
    )


def seal_custom(
    keyring: Keyring, key: PersonalKey, customer_id: UUID, fields: FieldSet, values: Mapping[str, Any]
) -> tuple[dict[str, Any], bytes | None]:
    """The readable values of the company's own fields, and the sealed ones; these are there whenever there are any."""
    if not values:
        return {}, None
    clear, hidden = custom_fields.split(fields.fields, values)
    text = json.dumps(hidden, ensure_ascii=False)
    return clear, keyring.encrypt(key, "customer", "custom_cipher", customer_id, text)


def seal_point(keyring: Keyring, key: PersonalKey, customer_id: UUID, point: Point, position: int) -> tuple[Any, ...]:
    """The row of a contact point."""
    kind, value, label = point
    point_id = new_id()
    return (
        *(point_id, customer_id, kind),
        keyring.encrypt(key, "contact_point", "value_cipher", point_id, value.value),
        keyring.contact_index(kind, value.value),
        keyring.contact_tokens(kind, value.value),
        *(label, value.country, position),
    )


def seal_address(
    keyring: Keyring, key: PersonalKey, customer_id: UUID, address: tuple[str, str, str | None], position: int
) -> tuple[Any, ...]:
    """The row of a postal address."""
    text, label, country = address
    address_id = new_id()
    cipher = keyring.encrypt(key, "address", "cipher", address_id, text)
    return (address_id, customer_id, label, cipher, country, position)


@dataclass(frozen=True, slots=True)
class PreparedRow:
    """A row that is a record. ``indexes`` find customers with one of its contact points; ``sealed`` is there unless
    nothing is to be written; ``cells`` are the row as it stands in the file."""

    number: int
    record: Record
    indexes: tuple[bytes, ...]
    sealed: Sealed | None
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RefusedRow:
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
