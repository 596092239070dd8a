"""What the rules of segments are called on the pages, and rules as people read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hotline.campaigns.segment_fields import CUSTOM, SURVEY
from hotline.customers import money
from hotline.web.desktop.words import N_

GROUPS: Final[Mapping[str, str]] = {
    "customer": N_("Customer"),
    "contact": N_("How they are reached"),
    "consent": N_("Consent"),
    "tickets": N_("Tickets"),
    "calls": N_("Calls and messages"),
    "purchases": N_("Purchases"),
    "campaigns": N_("Campaigns"),
    "custom": N_("Your own fields"),
}

FIELDS: Final[Mapping[str, str]] = {
    "kind": N_("Person or organisation"),
    "tier": N_("Tier"),
    "tags": N_("Tags"),
    "classification": N_("Classification"),
    "responsible": N_("Responsible"),
    "locale": N_("Language"),
    "source": N_("How they came to be here"),
    "created_at": N_("Customer since"),
    "country": N_("Country of a number"),
    "channels": N_("Can be reached by"),
    "preferred_channel": N_("Likes to be reached by"),
    "suppressed": N_("Gets no more by"),
    "consent": N_("Has agreed to"),
    "consent_withdrawn": N_("Has taken back"),
    "open_tickets": N_("Open tickets"),
    "tickets": N_("Tickets in all"),
    "complaints": N_("Complaints in all"),
    "last_ticket_at": N_("Last ticket"),
    "last_resolved_at": N_("Last ticket that was resolved"),
    "ticket": N_("A ticket"),
    "calls": N_("Calls in all"),
    "last_call_at": N_("Last call"),
    "last_message_at": N_("Last message from them"),
    "last_contact_at": N_("Last contact of any kind"),
    "survey_at": N_("Last survey"),
    "call": N_("A call"),
    "purchases": N_("Purchases in all"),
    "spent": N_("Spent in all"),
    "first_purchase_at": N_("First purchase"),
    "last_purchase_at": N_("Last purchase"),
    "purchase": N_("A purchase"),
    "delivery": N_("A message of a campaign"),
}

OPS: Final[Mapping[str, str]] = {
    "in": N_("is one of"),
    "not_in": N_("is none of"),
    "any_of": N_("has one of"),
    "all_of": N_("has all of"),
    "none_of": N_("has none of"),
    "equals": N_("is"),
    "at_least": N_("at least"),
    "at_most": N_("at most"),
    "between": N_("between"),
    "within": N_("within the last"),
    "not_within": N_("not within the last"),
    "in_next": N_("within the next"),
    "before": N_("before"),
    "after": N_("after"),
    "anniversary": N_("has its day of the year"),
    "is_set": N_("is known"),
    "is_empty": N_("is not known"),
    "has": N_("there is one"),
    "has_not": N_("there is none"),
}

#: How the conditions of a group belong together.
MODES: Final[Mapping[str, str]] = {
    "all": N_("all of these hold"),
    "any": N_("one of these holds"),
    "none": N_("none of these holds"),
    "not_all": N_("not all of these hold"),
}

#: What an event can be narrowed by.
PARTS: Final[Mapping[str, str]] = {
    "ticket.kinds": N_("of the kind"),
    "ticket.states": N_("in the state"),
    "ticket.category": N_("about (category)"),
    "ticket.days": N_("opened within so many days"),
    "ticket.resolved_days": N_("resolved within so many days"),
    "call.direction": N_("direction"),
    "call.dispositions": N_("that ended as"),
    "call.queue": N_("in the queue"),
    "call.days": N_("within so many days"),
    "purchase.kinds": N_("of a"),
    "purchase.states": N_("in the state"),
    "purchase.days": N_("bought within so many days"),
    "purchase.ends_in_days": N_("ends within so many days"),
    "purchase.at_least": N_("of at least"),
    "delivery.campaign": N_("campaign"),
    "delivery.channel": N_("channel"),
    "delivery.did": N_("was"),
    "delivery.days": N_("within so many days"),
    "times": N_("at least so many"),
}

#: The same with its number, as a sentence says it.
COUNTED: Final[Mapping[str, str]] = {
    "ticket.days": N_("opened within {number} days"),
    "ticket.resolved_days": N_("resolved within {number} days"),
    "call.days": N_("within {number} days"),
    "purchase.days": N_("bought within {number} days"),
    "purchase.ends_in_days": N_("ends within {number} days"),
    "delivery.days": N_("within {number} days"),
    "times": N_("at least {number} times"),
}

WORDS: Final[Mapping[str, str]] = {
    "person": N_("Person"),
    "organisation": N_("Organisation"),
    "sms": N_("SMS"),
    "whatsapp": N_("WhatsApp"),
    "email": N_("Mail"),
    "voice": N_("Calls"),
    "inapp": N_("In-app"),
    "console": N_("Console"),
    "phone": N_("Phone"),
    "post": N_("Post"),
    "marketing": N_("marketing"),
    "service": N_("service"),
    "consultation": N_("Consultation"),
    "complaint": N_("Complaint"),
    "service_request": N_("Service request"),
    "new": N_("New"),
    "open": N_("Open"),
    "waiting": N_("Waiting"),
    "resolved": N_("Resolved"),
    "closed": N_("Closed"),
    "in": N_("from them"),
    "out": N_("to them"),
    "answered": N_("Answered"),
    "abandoned": N_("Abandoned"),
    "no_answer": N_("No answer"),
    "busy": N_("Busy"),
    "failed": N_("Failed"),
    "voicemail": N_("Voicemail"),
    "product": N_("Product"),
    "sent": N_("Sent"),
    "delivered": N_("Delivered"),
    "read": N_("Read"),
    "clicked": N_("Clicked"),
    "opted_out": N_("Opted out"),
    "hand": N_("by hand"),
    "import": N_("import"),
    "api": N_("a program"),
}

#: Why somebody of a segment gets nothing.
REASONS: Final[Mapping[str, str]] = {
    "excluded_by_list": N_("On the list of who is out"),
    "no_contact_point": N_("No address for this channel"),
    "suppressed": N_("Wants no more, or nothing arrives there"),
    "consent_withdrawn": N_("Has taken consent back"),
    "no_consent": N_("Has never agreed"),
    "same_address": N_("Another recipient has the same address"),
    "over_limit": N_("More than the limit allows"),
}
PURPOSES: Final[Mapping[str, str]] = {"marketing": N_("Marketing"), "service": N_("Service")}


@dataclass(frozen=True, slots=True)
class Names:
    """What values are called that are the company's own, by field: tiers, classifications, fields, campaigns."""

    values: Mapping[str, Mapping[str, str]]
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """A part of rules in words: a condition, or how its ``parts`` belong together. ``holds``: whether it does, for the
    one customer it was asked of."""

    text: str
    parts: tuple[Line, ...] = ()
    holds: bool | None = None


def said(say: Callable[[str], str], names: Names, rules: Mapping[str, Any]) -> Line:
    """Rules as people read them; ``say`` is the translation."""
    holds = rules.get("holds")
    if "all" in rules or not {"any", "not", "field"} & rules.keys():
        parts = rules.get("all", ())
        if not parts:
            return Line(say(N_("Every customer")), holds=holds)
        if len(parts) == 1:
            return said(say, names, parts[0])
        return Line(say(MODES["all"]), tuple(said(say, names, part) for part in parts), holds)
    if "any" in rules:
        return Line(say(MODES["any"]), tuple(said(say, names, part) for part in rules["any"]), holds)
    if "not" in rules:
        inner = rules["not"]
        if "any" in inner:
            return Line(say(MODES["none"]), tuple(said(say, names, part) for part in inner["any"]), holds)
        if "all" in inner:
            return Line(say(MODES["not_all"]), tuple(said(say, names, part) for part in inner["all"]), holds)
        return Line(say(MODES["none"]), (said(say, names, inner),), holds)
    name, op = rules["field"], rules["op"]
    what = field_name(say, names, name)
    value = value_words(say, names, name, op, rules.get("value"))
    if op in ("has", "has_not"):
        return Line(f"{what}: {say(OPS[op])}{f' ({value})' if value else ''}", holds=holds)
    return Line(" ".join(part for part in (what, say(OPS[op]), value) if part), holds=holds)


def field_name(say: Callable[[str], str], names: Names, name: str) -> str:
    """What a field is called."""
    if name in FIELDS:
        return say(FIELDS[name])
    if name.startswith(SURVEY):
        return say(N_("Answer to “{question}”")).format(question=name.removeprefix(SURVEY))
    return names.fields.get(name, name.removeprefix(CUSTOM))


def word(say: Callable[[str], str], names: Names, field: str, value: str) -> str:
    """What one value is called."""
    own = names.values.get(field, {})
    if value in own:
        return own[value]
    if field in ("consent", "consent_withdrawn"):
        channel, _, purpose = value.partition(":")
        return f"{say(WORDS[channel])} · {say(WORDS[purpose])}"
    return say(WORDS[value]) if value in WORDS else value


def value_words(say: Callable[[str], str], names: Names, field: str, op: str, value: Any) -> str:
    """What a condition asks for."""
    match value:
        case None:
            return ""
        case bool():
            return say(N_("yes")) if value else say(N_("no"))
        case str() | int():
            return str(value)
        case {"amount": amount, "currency": currency}:
            return f"{money.major_units(amount, currency)} {currency}"
        case {"days": days} if len(value) == 1 and field not in ("ticket", "call", "purchase", "delivery"):
            return say(N_("{days} days")).format(days=days)
        case {"hours": hours} if len(value) == 1:
            return say(N_("{hours} hours")).format(hours=hours)
        case {"in_days": first}:
            last = value.get("to_days", first)
            if (first, last) == (0, 0):
                return say(N_("today"))
            if first == last:
                return say(N_("in {days} days")).format(days=first)
            return say(N_("in {first} to {last} days")).format(first=first, last=last)
        case list() if op == "between":
            return f"{value[0]} – {value[1]}"
        case list():
            return ", ".join(word(say, names, field, each) for each in value)
        case Mapping():
            return ", ".join(_part(say, names, field, part, given) for part, given in value.items())
    return str(value)


def _part(say: Callable[[str], str], names: Names, field: str, part: str, given: Any) -> str:
    own = f"{field}.{part}"
    if isinstance(given, int):
        return say(COUNTED.get(own, COUNTED["times"])).format(number=given)
    what = say(PARTS[own])
    if isinstance(given, list):
        return f"{what} {' / '.join(word(say, names, own, each) for each in given)}"
    if isinstance(given, Mapping):
        return f"{what} {money.major_units(given['amount'], given['currency'])} {given['currency']}"
    return f"{what} {word(say, names, own, str(given))}"
