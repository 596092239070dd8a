"""Customers as their viewer may see them: one by id, all by page, some by a part of a name, a number or a
tag.

Each function reads its customers by one statement of a fixed shape, however many contact points or tags they
have.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline import phone
from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring, PersonalKey, Wrapped
from hotline.crm.queries.tiers import TierView
from hotline.crm.viewer import Viewer
from hotline.customers import contact_points, names
from hotline.customers.text import one_line
from hotline.errors import Invalid, NotFound

#: However many are asked for, a page holds no more than this.
MOST: Final = 201
#: Customers who share one number beyond this are not told: it is a switchboard.
MOST_SHARING: Final = 50
LONGEST_SEARCH: Final = 200
#: A search by name reads at most this many pages of customers whose name only seemed to fit.
_ROUNDS: Final = 5

_BY_ID: Final = "WHERE c.id = (SELECT COALESCE(merged_into_id, id) FROM customer WHERE id = $1)"
_BY_VALUE: Final = "SELECT customer_id FROM contact_point WHERE value_index = {}"
_BY_TAG: Final = (
    "SELECT ct.customer_id FROM customer_tag ct JOIN tag g ON g.id = ct.tag_id WHERE lower(g.name) = lower({})"
)
_REFERENCE: Final = re.compile(r"[cC]\s?(\d{1,12})")
_NUMBER_LIKE: Final = re.compile(r"[+＋]?[\d\s()./-]*\d[\d\s()./-]*")


@dataclass(frozen=True, slots=True)
class ContactPointView:
    """A way to reach a customer. ``value`` is masked when the viewer may not read it; ``display`` is for
    eyes."""

    id: UUID
    kind: contact_points.Kind
    value: str
    display: str
    label: str
    country: str | None
    masked: bool


@dataclass(frozen=True, slots=True)
class AddressView:
    """A postal address; ``text`` is empty when the viewer may not read it."""

    id: UUID
    label: str
    text: str
    country: str | None
    masked: bool


@dataclass(frozen=True, slots=True)
class CustomerView:
    """A customer. ``reference`` is ``number`` as people say it: C10001. ``erased``: their key is
    destroyed."""

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


_SELECT: Final = """
SELECT c.id, c.number, c.kind, c.name_cipher, c.locale, c.responsible_id, c.custom, c.version, c.created_at,
    c.updated_at, c.key_id, k.wrapped, k.master,
    t.id AS tier_id, t.key AS tier_key, t.names AS tier_names, t.rank AS tier_rank,
    t.queue_priority AS tier_priority,
    ARRAY(SELECT g.name FROM customer_tag ct JOIN tag g ON g.id = ct.tag_id
          WHERE ct.customer_id = c.id ORDER BY lower(g.name)) AS tags,
    ARRAY(SELECT (p.id, p.kind, p.value_cipher, p.label, p.country) FROM contact_point p
          WHERE p.customer_id = c.id ORDER BY p.position, p.id) AS contact_points,
    ARRAY(SELECT (a.id, a.label, a.cipher, a.country) FROM address a
          WHERE a.customer_id = c.id ORDER BY a.position, a.id) AS addresses
FROM customer c
JOIN personal_key k ON k.id = c.key_id
LEFT JOIN tier t ON t.id = c.tier_id
"""


async def get_customer(db: Reader, keyring: Keyring, viewer: Viewer, customer_id: UUID) -> CustomerView:
    """One customer; of one who was merged into another, that other. Raises NotFound."""
    viewer.require("customers.read")
    row = await db.fetchrow(
        _SELECT + _BY_ID,
        customer_id,
    )
    if row is None:
        raise NotFound()
    return _customer(keyring, viewer, row)


async def list_customers(
    db: Reader,
    keyring: Keyring,
    viewer: Viewer,
    *,
    limit: int,
    after: UUID | None = None,
    tag: str | None = None,
    tier: str | None = None,
) -> list[CustomerView]:
    """Customers, the newest first; only those with a tag (by name) or of a tier (by key) where these are
    given."""
    viewer.require("customers.read")
    return await _page(db, keyring, viewer, _narrowed(tag, tier), limit, after)


async def lookup(db: Reader, keyring: Keyring, viewer: Viewer, text: str, *, region: str) -> list[CustomerView]:
    """Every customer who has this telephone number. Raises Invalid when ``text`` is no number."""
    viewer.require("customers.read")
    try:
        number = phone.parse(one_line(text, "phone", LONGEST_SEARCH, needed=True), region)
    except phone.NotANumber as wrong:
        raise Invalid("phone: this is not a telephone number.") from wrong
    sharing = _Filter()
    sharing.ids((_BY_VALUE, keyring.blind_index("phone", number.value)))
    return await _page(db, keyring, viewer, sharing, MOST_SHARING, None)


async def search_customers(
    db: Reader,
    keyring: Keyring,
    viewer: Viewer,
    text: str,
    *,
    region: str,
    limit: int,
    after: UUID | None = None,
    tag: str | None = None,
    tier: str | None = None,
) -> list[CustomerView]:
    """Customers by what a person types: part of a name, a number or its last digits, an email, C10001 or
    #tag.

    The newest first. Answers nothing for a text that holds nothing to search by.
    """
    viewer.require("customers.read")
    # Full-width letters and digits, as a Chinese keyboard writes them, are the same to who searches.
    text = unicodedata.normalize("NFKC", one_line(text, "q", LONGEST_SEARCH))
    if text.startswith("#"):
        return await _page(db, keyring, viewer, _narrowed(text[1:].strip(), tier), limit, after)
    found = _narrowed(tag, tier)
    if reference := _REFERENCE.fullmatch(text):
        found.where("c.number = {}", int(reference[1]))
        return await _page(db, keyring, viewer, found, limit, after)
    if "@" in text:
        found.ids((_BY_VALUE, keyring.blind_index("email", text.lower())))
        return await _page(db, keyring, viewer, found, limit, after)
    if _NUMBER_LIKE.fullmatch(text):
        return await _search_number(db, keyring, viewer, found, text, region, limit, after)
    return await _search_name(db, keyring, viewer, found, text, limit, after)


class _Filter:
    """Conditions on ``customer c`` with their arguments; ``{}`` stands for the argument."""

    def __init__(self) -> None:
        self.conditions: list[str] = ["c.merged_into_id IS NULL"]
        self.arguments: list[Any] = []

    def where(self, condition: str, argument: Any) -> None:
        self.arguments.append(argument)
        self.conditions.append(condition.format(f"${len(self.arguments)}"))

    def ids(self, *ways: tuple[str, Any]) -> None:
        """Only customers whom one of the (select, argument) pairs names."""
        union = []
        for select, argument in ways:
            self.arguments.append(argument)
            union.append(select.format(f"${len(self.arguments)}"))
        self.conditions.append(f"c.id IN ({' UNION '.join(union)})")


def _narrowed(tag: str | None, tier: str | None) -> _Filter:
    narrowed = _Filter()
    if tag is not None:
        narrowed.ids((_BY_TAG, one_line(tag, "tag", LONGEST_SEARCH)))
    if tier is not None:
        narrowed.where("c.tier_id = (SELECT id FROM tier WHERE key = {})", one_line(tier, "tier", 64))
    return narrowed


async def _page(
    db: Reader, keyring: Keyring, viewer: Viewer, found: _Filter, limit: int, after: UUID | None
) -> list[CustomerView]:
    conditions, arguments = list(found.conditions), list(found.arguments)
    if after is not None:
        arguments.append(after)
        conditions.append(f"c.id < ${len(arguments)}")
    arguments.append(max(0, min(limit, MOST)))
    sql = f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY c.id DESC LIMIT ${len(arguments)}"
    return [_customer(keyring, viewer, row) for row in await db.fetch(sql, *arguments)]


async def _search_number(
    db: Reader,
    keyring: Keyring,
    viewer: Viewer,
    found: _Filter,
    text: str,
    region: str,
    limit: int,
    after: UUID | None,
) -> list[CustomerView]:
    digits = "".join(letter for letter in text if letter in "0123456789")
    ways: list[tuple[str, Any]] = []
    if 1 <= len(digits) <= 12:
        ways.append(("SELECT id FROM customer WHERE number = {}::bigint", int(digits)))
    with suppress(phone.NotANumber):
        value = phone.parse(text, region).value
        ways.append((_BY_VALUE, keyring.blind_index("phone", value)))
    # More digits than are kept as a suffix, but no number of the region: a zero, a country code or a prefix
    # may be missing or too many. The last seven narrow it down; 7 digits in a row are hardly anybody else's.
    ending = digits[-phone.SUFFIX_DIGITS[-1] :]
    if (token := keyring.suffix_token(ending)) is not None:
        ways.append(("SELECT customer_id FROM contact_point WHERE suffix_tokens @> {}::bigint[]", [token]))
    if not ways:
        return []
    found.ids(*ways)
    return await _page(db, keyring, viewer, found, limit, after)


async def _search_name(
    db: Reader,
    keyring: Keyring,
    viewer: Viewer,
    found: _Filter,
    text: str,
    limit: int,
    after: UUID | None,
) -> list[CustomerView]:
    tokens = keyring.name_query_tokens(text)
    if not tokens:
        return []
    found.where("c.search_tokens @> {}::bigint[]", tokens)
    wanted = max(0, min(limit, MOST))
    kept: list[CustomerView] = []
    for _ in range(_ROUNDS):
        page = await _page(db, keyring, viewer, found, wanted, after)
        kept += [customer for customer in page if names.matches(customer.name, text)]
        if len(kept) >= wanted or len(page) < wanted:
            break
        after = page[-1].id
    return kept[:wanted]


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


def tier_of(row: Row) -> TierView | None:
    """The tier of a row that carries the ``tier_…`` columns."""
    if row["tier_id"] is None:
        return None
    return TierView(row["tier_id"], row["tier_key"], row["tier_names"], row["tier_rank"], row["tier_priority"])


def contact_point_view(keyring: Keyring, viewer: Viewer, key: PersonalKey, fields: Sequence[Any]) -> ContactPointView:
    """A contact point from ``(id, kind, value_cipher, label, country)``, masked for viewers who may not read
    it."""
    point_id, kind, cipher, label, country = fields
    value = keyring.decrypt(key, "contact_point", "value_cipher", point_id, cipher)
    masked = "phone" in viewer.masks
    if masked:
        value = contact_points.mask(kind, value)
    shown = value if masked else contact_points.display(kind, value)
    return ContactPointView(point_id, kind, value, shown, label, country, masked)


def _customer(keyring: Keyring, viewer: Viewer, row: Row) -> CustomerView:
    key = personal_key(keyring, row)
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
            contact_point_view(keyring, viewer, key, fields) for fields in row["contact_points"] if key
        ),
        addresses=tuple(_address(keyring, viewer, key, fields) for fields in row["addresses"] if key),
        custom=row["custom"],
        erased=key is None,
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _address(keyring: Keyring, viewer: Viewer, key: PersonalKey, fields: Sequence[Any]) -> AddressView:
    address_id, label, cipher, country = fields
    masked = "phone" in viewer.masks
    text = "" if masked else keyring.decrypt(key, "address", "cipher", address_id, cipher)
    return AddressView(address_id, label, text, country, masked)
