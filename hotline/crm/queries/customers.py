"""Customers as their viewer may see them: one by id, all by page, some by a part of a name, a number or a
tag.

Each function reads its customers by one statement of a fixed shape, however many contact points or tags they
have.
"""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

from hotline import phone
from hotline.crm.database import Reader
from hotline.crm.keys import Keyring
from hotline.crm.queries.customer_views import (
    SELECT,
    AddressView,
    ContactPointView,
    CustomerView,
    contact_point_view,
    customer_name,
    customer_reference,
    customer_view,
    personal_key,
    tier_of,
)
from hotline.crm.viewer import Viewer
from hotline.customers import names
from hotline.customers.text import one_line
from hotline.errors import Invalid, NotFound

__all__ = [
    "AddressView",
    "ContactPointView",
    "CustomerView",
    "contact_point_view",
    "customer_name",
    "customer_reference",
    "customer_view",
    "get_customer",
    "list_customers",
    "lookup",
    "personal_key",
    "search_customers",
    "tier_of",
]

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


async def get_customer(db: Reader, keyring: Keyring, viewer: Viewer, customer_id: UUID) -> CustomerView:
    """One customer; of one who was merged into another, that other. Raises NotFound."""
    viewer.require("customers.read")
    row = await db.fetchrow(
        SELECT + _BY_ID,
        customer_id,
    )
    if row is None:
        raise NotFound()
    return customer_view(keyring, viewer, row)


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
    sql = f"{SELECT} WHERE {' AND '.join(conditions)} ORDER BY c.id DESC LIMIT ${len(arguments)}"
    return [customer_view(keyring, viewer, row) for row in await db.fetch(sql, *arguments)]


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
