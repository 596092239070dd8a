"""What placeholders may stand for: the schema that templates are checked against when they are saved."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from hotline.errors import Invalid

#: Of the recipient, and of the company.
CUSTOMER: Final = ("customer.name", "customer.first_name", "customer.reference", "customer.tier", "customer.locale",
                   "customer.classification")  # fmt: skip
COMPANY: Final = ("company.name", "company.address", "company.phone", "company.email", "company.website")
#: Of the moment and of the message itself.
MESSAGE: Final = ("today", "unsubscribe_url")
#: Of what made a triggered campaign send: there for nobody in others.
TRIGGER: Final = (
    "ticket.reference", "ticket.subject", "purchase.title", "purchase.amount", "fee.amount", "fee.due",
)  # fmt: skip
FIELDS: Final = (*CUSTOMER, *COMPANY, *MESSAGE, *TRIGGER)

#: Shorter ways to write some of them.
SHORT: Final[Mapping[str, str]] = {
    "name": "customer.name",
    "first_name": "customer.first_name",
    "reference": "customer.reference",
    "number": "customer.reference",
    "tier": "customer.tier",
    "locale": "customer.locale",
    "language": "customer.locale",
    "classification": "customer.classification",
    "company": "company.name",
}
#: Those whose value is a whole address: it may be what a link leads to.
ADDRESSES: Final = frozenset({"unsubscribe_url", "company.website"})
#: What customers choose themselves and is read by nobody before it is sent.
OWN_WORDS: Final = frozenset({"customer.name", "customer.first_name"})


def known_name(name: str, custom: Collection[str], field: str) -> str:
    """The whole name of a placeholder; ``custom`` are the keys of the company's own fields. Raises Invalid, which
    names ``field``, for a name that stands for nothing."""
    if name in FIELDS:
        return name
    if name.startswith("custom.") and name.removeprefix("custom.") in custom:
        return name
    if name in SHORT:
        return SHORT[name]
    if name in custom:
        return f"custom.{name}"
    offered = ", ".join((*list(SHORT)[:5], *(f"custom.{key}" for key in list(custom)[:8]), "company.name", "today"))
    raise Invalid(f"{field}: there is no value called {name}; there are {offered} …")
