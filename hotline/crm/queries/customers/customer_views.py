"""A customer as their viewer may see them, read by one statement of a fixed shape, however many contact points,
addresses or tags they have."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.crm.database import Row
from hotline.crm.keys import Keyring, PersonalKey, Wrapped
from hotline.crm.queries.customers.tiers import TierView
from hotline.crm.viewer import Viewer
from hotline.customers import contact_points

#: The mask under which a kind of contact point falls.
MASK_OF: Final[Mapping[str, str]] = {"phone": "phone", "whatsapp": "phone", "inapp": "phone", "email": "email"}


@dataclass(frozen=True, slots=True)
class Bounces:
    """Mails in a row that did not arrive at an address: ``hard`` for good, ``soft`` for now; ``status`` is the last
    one's code (RFC 3463)."""

    hard: int
    soft: int
    at: datetime | None
    status: str | None


@dataclass(frozen=True, slots=True)
class ContactPointView:
    """A way to reach a customer. ``value`` is masked when the viewer may not read it; ``display`` is for
    eyes. ``bounces``: mail to it does not arrive; None where nothing failed."""

    id: UUID
    kind: contact_points.Kind
    value: str
    display: str
    label: str
    country: str | None
    masked: bool
    bounces: Bounces | None = None


@dataclass(frozen=True, slots=True)
class AddressView:
    """A postal address; ``text`` is empty when the viewer may not read it."""

    id: UUID
    label: str
    text: str
    country: str | None
    masked: bool


@dataclass(frozen=True, slots=True)
class UserBrief:
    """A user whom a record names."""

    id: UUID
    login: str
    name: str


@dataclass(frozen=True, slots=True)
class CustomerView:
    """A customer. ``reference`` is ``number`` as people say it: C10001. ``erased``: their key is
    destroyed. ``custom_masked`` names the values that the viewer may not read; ``created_source`` says how they came
    to be here, None when that is not known."""

    id: UUID
    number: int
    reference: str
    kind: str
    name: str
    locale: str | None
    tier: TierView | None
    responsible_id: UUID | None
    tags: tuple[str, ...]
    contact_points: tuple[ContactPointView, ...]
    addresses: tuple[AddressView, ...]
    custom: Mapping[str, Any]
    erased: bool
    version: int
    created_at: datetime
    updated_at: datetime
    responsible: UserBrief | None = None
    classification: str | None = None
    preferences: Mapping[str, Any] = field(default_factory=dict)
    custom_masked: tuple[str, ...] = ()
    created_by: UserBrief | None = None
    created_source: str | None = None


#: Reads customers; conditions on ``customer c`` follow it.
SELECT: Final = """
SELECT c.id, c.number, c.kind, c.name_cipher, c.locale, c.responsible_id, c.classification, c.preferences,
    c.custom, c.custom_cipher, c.created_source, c.version, c.created_at, c.updated_at, c.key_id, k.wrapped, k.master,
    t.id AS tier_id, t.key AS tier_key, t.names AS tier_names, t.rank AS tier_rank,
    t.queue_priority AS tier_priority, r.login AS responsible_login, r.name AS responsible_name,
    m.id AS created_by_id, m.login AS created_by_login, m.name AS created_by_name,
    ARRAY(SELECT f.key FROM custom_field f WHERE f.private AND f.record <> 'ticket') AS private_keys,
    ARRAY(SELECT g.name FROM customer_tag ct JOIN tag g ON g.id = ct.tag_id
          WHERE ct.customer_id = c.id ORDER BY lower(g.name)) AS tags,
    ARRAY(SELECT (p.id, p.kind, p.value_cipher, p.label, p.country, f.hard_bounces, f.soft_bounces, f.bounced_at,
                  f.status)
          FROM contact_point p
          LEFT JOIN mail_address f ON p.kind = 'email' AND f.address_index = p.value_index
          WHERE p.customer_id = c.id ORDER BY p.position, p.id) AS contact_points,
    ARRAY(SELECT (a.id, a.label, a.cipher, a.country) FROM address a
          WHERE a.customer_id = c.id ORDER BY a.position, a.id) AS addresses
FROM customer c
JOIN personal_key k ON k.id = c.key_id
LEFT JOIN tier t ON t.id = c.tier_id
LEFT JOIN users r ON r.id = c.responsible_id
LEFT JOIN users m ON m.id = c.created_by_id
"""


def customer_view(keyring: Keyring, viewer: Viewer, row: Row, *, for_eyes: bool = True) -> CustomerView:
    """The customer of a row of ``SELECT``. Not ``for_eyes``: their numbers are displayed as they are kept, which takes
    much less where thousands are read only to be changed."""
    key = personal_key(keyring, row)
    custom = custom_values(keyring, key, "customer", row)
    hidden = frozenset(row["private_keys"]) & custom.keys() if "private" in viewer.masks else frozenset()
    return CustomerView(
        id=row["id"],
        number=row["number"],
        reference=customer_reference(row["number"]),
        kind=row["kind"],
        name=customer_name(keyring, key, row),
        locale=row["locale"],
        tier=tier_of(row),
        responsible_id=row["responsible_id"],
        tags=tuple(row["tags"]),
        contact_points=tuple(
            contact_point_view(keyring, viewer, key, fields, for_eyes=for_eyes)
            for fields in row["contact_points"]
            if key
        ),
        addresses=tuple(_address(keyring, viewer, key, fields) for fields in row["addresses"] if key),
        custom={name: value for name, value in custom.items() if name not in hidden},
        erased=key is None,
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        responsible=_user(row, "responsible"),
        classification=row["classification"],
        preferences=row["preferences"],
        custom_masked=tuple(sorted(hidden)),
        created_by=_user(row, "created_by"),
        created_source=row["created_source"],
    )


def customer_reference(number: int) -> str:
    """A customer's number as people say it."""
    return f"C{number}"


def personal_key(keyring: Keyring, row: Row) -> PersonalKey | None:
    """The key of a row that carries ``key_id, wrapped, master``; None when it was destroyed."""
    if row["wrapped"] is None:
        return None
    return keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))


def customer_name(keyring: Keyring, key: PersonalKey | None, row: Row) -> str:
    """The name of a row that carries ``id, name_cipher``; empty when its key was destroyed."""
    return keyring.decrypt(key, "customer", "name_cipher", row["id"], row["name_cipher"]) if key else ""


def custom_values(keyring: Keyring, key: PersonalKey | None, table: str, row: Row) -> dict[str, Any]:
    """All values of custom fields of a row that carries ``id, custom, custom_cipher``, readable and sealed ones."""
    values: dict[str, Any] = dict(row["custom"])
    if key is not None and row["custom_cipher"] is not None:
        values.update(json.loads(keyring.decrypt(key, table, "custom_cipher", row["id"], row["custom_cipher"])))
    return values


def tier_of(row: Row) -> TierView | None:
    """The tier of a row that carries the ``tier_…`` columns."""
    if row["tier_id"] is None:
        return None
    return TierView(row["tier_id"], row["tier_key"], row["tier_names"], row["tier_rank"], row["tier_priority"])


def contact_point_view(
    keyring: Keyring, viewer: Viewer, key: PersonalKey, fields: Sequence[Any], *, for_eyes: bool = True
) -> ContactPointView:
    """A contact point from ``(id, kind, value_cipher, label, country)``, masked for viewers who may not read it; how
    mail to it fared may stand behind these."""
    point_id, kind, cipher, label, country, *fared = fields
    value = keyring.decrypt(key, "contact_point", "value_cipher", point_id, cipher)
    masked = MASK_OF[kind] in viewer.masks
    if masked:
        value = contact_points.mask(kind, value)
    shown = value if masked or not for_eyes else contact_points.display(kind, value)
    return ContactPointView(point_id, kind, value, shown, label, country, masked, _bounces(fared))


def _bounces(fared: Sequence[Any]) -> Bounces | None:
    hard, soft, at, status = fared or (0, 0, None, None)
    return Bounces(hard, soft, at, status) if hard or soft else None


def _address(keyring: Keyring, viewer: Viewer, key: PersonalKey, fields: Sequence[Any]) -> AddressView:
    address_id, label, cipher, country = fields
    masked = "address" in viewer.masks
    text = "" if masked else keyring.decrypt(key, "address", "cipher", address_id, cipher)
    return AddressView(address_id, label, text, country, masked)


def _user(row: Row, column: str) -> UserBrief | None:
    user_id = row[f"{column}_id"]
    return None if user_id is None else UserBrief(user_id, row[f"{column}_login"], row[f"{column}_name"])
