"""What a customer's record holds, in a person's words: fields by their names, values as they are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

from aiohttp import web

from hotline import phone
from hotline.crm.company import Formats
from hotline.crm.queries.company.lists import Lists
from hotline.crm.queries.customers.customers import CustomerView
from hotline.crm.queries.tickets.tickets import TicketView
from hotline.customers.custom_fields import CustomField, FieldSet
from hotline.web.context import house_of
from hotline.web.desktop.i18n import country_name, language_of
from hotline.web.desktop.numbers import Numbers
from hotline.web.desktop.render import calendar_of, say
from hotline.web.desktop.words import N_
from hotline.workflows.company import company
from hotline.workflows.company import fields as fields_of
from hotline.workflows.company import lists as lists_of

#: A field of the record → its name, as the history and conflicts call it.
FIELDS: Final[Mapping[str, str]] = {
    "kind": N_("Kind"),
    "name": N_("Name"),
    "locale": N_("Language"),
    "tier": N_("Tier"),
    "classification": N_("Classification"),
    "responsible": N_("Looked after by"),
    "tags": N_("Tags"),
    "contact_points": N_("Contact points"),
    "addresses": N_("Addresses"),
    "preferences.channel": N_("Preferred channel"),
    "preferences.times": N_("Preferred times"),
    "preferences.timezone": N_("Time zone"),
    "relations": N_("Relations"),
    "purchases": N_("Purchases"),
    "files": N_("Files"),
}
#: How a customer is reached, as codes of channels and of contact points.
CHANNELS: Final[Mapping[str, str]] = {
    "phone": N_("Phone"), "email": N_("Email"), "whatsapp": N_("WhatsApp"), "inapp": N_("In-app"), "post": N_("Post"),
}  # fmt: skip
KINDS: Final[Mapping[str, str]] = {"person": N_("Person"), "organisation": N_("Organisation")}
PURCHASE_KINDS: Final[Mapping[str, str]] = {"product": N_("Product"), "service": N_("Service")}
#: Where a change came from.
SOURCES: Final[Mapping[str, str]] = {
    "hand": N_("manually"), "api": N_("over the API"), "import": N_("by an import"), "merge": N_("by a merge"),
    "batch": N_("in a batch"), "undo": N_("taken back"), "retention": N_("at the end of its time"),
    "call": N_("by a call"), "message": N_("by a message"),
}  # fmt: skip
_DAYS: Final = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))
_LANGUAGES: Final = {"zh": "中文", "en": "English"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A custom field's value, ready to be shown. ``kind`` is its type; ``masked``: there is one, not for you."""

    name: str
    text: str
    kind: str
    masked: bool = False


class Speaker:
    """Says values in the language of a request."""

    def __init__(self, request: web.Request, fields: FieldSet, lists: Lists) -> None:
        self._request = request
        self.language = language_of(request)
        self.fields = fields
        self.lists = lists
        self._numbers = Numbers.of(self.language, company.known(house_of(request), Formats))
        self._calendar = calendar_of(request)

    def field(self, field: str) -> str:
        """What a field of the record is called."""
        if field in FIELDS:
            return say(self._request, FIELDS[field])
        described = self.fields.get(field.removeprefix("custom."))
        return described.name(self.language) if described else field.removeprefix("custom.")

    def customs(self, customer: CustomerView, *, pop: bool = False) -> list[Shown]:
        """The values of a customer's custom fields in their order; with ``pop`` only those that a call shows."""
        known = self.fields.in_pop(customer.kind) if pop else self.fields.of(customer.kind)
        shown = [
            Shown(each.name(self.language), self.custom(each, customer.custom.get(each.key)), each.type,
                  each.key in customer.custom_masked)
            for each in known
            if customer.custom.get(each.key) is not None or each.key in customer.custom_masked
        ]  # fmt: skip
        if pop:
            return shown
        named = {each.key for each in known}
        others = [(key, value) for key, value in customer.custom.items() if key not in named]
        return shown + [
            Shown(self.field(f"custom.{key}"), self.value(f"custom.{key}", value), "text") for key, value in others
        ]

    def ticket_customs(self, ticket: TicketView) -> list[Shown]:
        """The values of a ticket's custom fields in their order."""
        known = self.fields.of("ticket")
        named = {each.key for each in known}
        shown = [
            Shown(
                each.name(self.language),
                self.custom(each, ticket.custom.get(each.key)),
                each.type,
                each.key in ticket.custom_masked,
            )
            for each in known
            if ticket.custom.get(each.key) is not None or each.key in ticket.custom_masked
        ]
        return shown + [
            Shown(key, self.value(key, value), "text") for key, value in ticket.custom.items() if key not in named
        ]

    def custom(self, field: CustomField, value: Any) -> str:
        """A value of a custom field."""
        if value is None:
            return ""
        match field.type:
            case "money" if isinstance(value, Mapping):
                return self.money(value["amount"], value["currency"])
            case "boolean":
                return say(self._request, N_("Yes") if value else N_("No"))
            case "number":
                return self._numbers.number(value)
            case "decimal":
                return self._numbers.number(Decimal(str(value)))
            case "date":
                return self.day(date.fromisoformat(str(value)))
            case "datetime":
                return self._calendar.moment(datetime.fromisoformat(str(value)))
            case "choice" | "multi_choice":
                keys = value if isinstance(value, list) else [value]
                found = [(key, field.choice(str(key))) for key in keys]
                return self.join(choice.name(self.language) if choice else str(key) for key, choice in found)
            case "phone":
                return phone.display(str(value))
        return str(value)

    def money(self, amount: int, currency: str) -> str:
        """¥1,250.50"""
        return self._numbers.money(amount, currency)

    def day(self, day: date) -> str:
        """31 January 2026"""
        # Noon, so that no time zone makes another day of it.
        return self._calendar.day(datetime.combine(day, time(12), self._calendar.zone))

    def times(self, times: Sequence[Mapping[str, Any]]) -> list[str]:
        """Mon–Fri 09:00–12:00, a line each."""
        return [f"{self.days(span['days'])} {span['from']}–{span['to']}" for span in times]

    def days(self, days: Sequence[int]) -> str:
        """Days of the week; neighbours as a span."""
        names = [say(self._request, name) for name in _DAYS]
        spans: list[list[int]] = []
        for day in sorted(days):
            if spans and spans[-1][-1] == day - 1:
                spans[-1].append(day)
            else:
                spans.append([day])
        return self.join(
            names[span[0] - 1] if len(span) == 1 else f"{names[span[0] - 1]}–{names[span[-1] - 1]}" for span in spans
        )

    def days_text(self, text: str) -> str:
        """The same for days as a form sends them: ``1,3,5``."""
        return self.days([int(day) for day in text.split(",") if day in ("1", "2", "3", "4", "5", "6", "7")])

    def join(self, words: Iterable[str]) -> str:
        """Words of a list."""
        return ("、" if self.language == "zh" else ", ").join(words)

    def lines(self, field: str, value: Any, known: Mapping[str, str] | None = None) -> list[str]:
        """A value out of the history, a line for each thing in it; ``known`` are names of users and customers by id,
        and of tiers by key."""
        known = known or {}
        if value is None:
            return []
        if field == "responsible":
            return [known.get(str(value), say(self._request, N_("another user")))]
        if field == "tier":
            return [known.get(str(value), str(value))]
        if field == "contact_points":
            return [self._point(point) for point in value]
        if field == "addresses":
            return [self._labelled(address, address["text"]) for address in value]
        if field == "tags":
            return [self.join(value)]
        if field == "preferences.times":
            return self.times(value)
        if field in ("relations", "purchases", "files"):
            return [self._thing(field, value, known)]
        return [self.value(field, value)]

    def value(self, field: str, value: Any) -> str:
        """A single value of the record."""
        words = {"kind": KINDS, "preferences.channel": CHANNELS}.get(field)
        if words is not None and value in words:
            return say(self._request, words[value])
        if field == "classification":
            return self.lists.label("classification", str(value), self.language)
        if field == "locale":
            return _LANGUAGES.get(str(value), str(value))
        if field.startswith("custom.") and (described := self.fields.get(field.removeprefix("custom."))) is not None:
            return self.custom(described, value)
        if isinstance(value, list):
            return self.join(str(each) for each in value)
        return str(value)

    def _point(self, point: Mapping[str, Any]) -> str:
        value = str(point["value"])
        shown = phone.display(value) if point["kind"] in ("phone", "whatsapp") and value.startswith("+") else value
        return self._labelled(point, shown)

    def _labelled(self, item: Mapping[str, Any], text: str) -> str:
        more = [item.get("label") or "", country_name(self.language, item.get("country")) if "text" in item else ""]
        said = self.join(word for word in more if word)
        return f"{text} ({said})" if said else text

    def _thing(self, field: str, value: Mapping[str, Any], known: Mapping[str, str]) -> str:
        if field == "files":
            return str(value.get("name") or value.get("media_type") or "")
        if field == "purchases":
            amount, currency = value.get("amount"), value.get("currency")
            price = self.money(int(amount), str(currency)) if amount is not None and currency else ""
            state = self.lists.label("purchase_state", value["state"], self.language) if value.get("state") else ""
            return self.join(word for word in (str(value.get("title", "")), price, state) if word)
        kind = self.lists.label("relation", str(value.get("kind")), self.language)
        role = self.lists.label("contact_role", value["role"], self.language) if value.get("role") else ""
        weight = f"{value['weight']} %" if value.get("weight") is not None else ""
        who = known.get(str(value.get("customer_id")), "")
        return self.join(word for word in (who, kind, role, weight, str(value.get("note") or "")) if word)


async def speaker(request: web.Request) -> Speaker:
    """Who says values to this request."""
    house = house_of(request)
    return Speaker(request, await fields_of.load(house), await lists_of.load(house))
