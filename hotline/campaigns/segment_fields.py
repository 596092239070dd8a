"""What the rules of segments can ask: a company's own fields among it. Each field has a type, each type its questions.

A field on the facts of customers is counted at once. Those of ``records`` are looked up record by record, which takes
longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from hotline.campaigns.consent import ASKED, PURPOSES
from hotline.customers.custom_fields import CustomField
from hotline.customers.preferences import CHANNELS as PREFERRED

Type = Literal["choice", "set", "number", "money", "time", "flag", "answer", "event"]
Group = Literal["customer", "contact", "consent", "tickets", "calls", "purchases", "campaigns", "custom"]
Op = Literal[
    "in", "not_in", "any_of", "all_of", "none_of", "equals", "at_least", "at_most", "between", "within", "not_within",
    "in_next", "before", "after", "anniversary", "is_set", "is_empty", "has", "has_not",
]  # fmt: skip

#: The questions of each type, the usual one first.
OPS: Final[Mapping[Type, tuple[Op, ...]]] = {
    "choice": ("in", "not_in", "is_set", "is_empty"),
    "set": ("any_of", "all_of", "none_of", "is_set", "is_empty"),
    "number": ("at_least", "at_most", "equals", "between", "is_set", "is_empty"),
    "money": ("at_least", "at_most"),
    "time": ("within", "not_within", "in_next", "before", "after", "anniversary", "is_set", "is_empty"),
    "flag": ("equals", "is_set", "is_empty"),
    "answer": ("in", "not_in", "at_least", "at_most", "is_set", "is_empty"),
    "event": ("has", "has_not"),
}
#: Questions that take no value.
BARE: Final[frozenset[Op]] = frozenset({"is_set", "is_empty"})

CUSTOM: Final = "custom."
SURVEY: Final = "survey."


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to ask. ``choices`` are all values that it can have, None where these are a list of the company's own
    (``chosen_from``) or anything. ``ops`` narrow those of its type."""

    name: str
    type: Type
    group: Group
    choices: tuple[str, ...] | None = None
    chosen_from: str | None = None
    ops: tuple[Op, ...] = ()
    records: bool = False

    @property
    def questions(self) -> tuple[Op, ...]:
        """What can be asked about it."""
        return self.ops or OPS[self.type]


_MEMBERS: Final[tuple[Op, ...]] = ("any_of", "all_of", "none_of")
_COUNTS: Final[tuple[Op, ...]] = ("at_least", "at_most", "equals", "between")
_CONSENTS: Final = tuple(f"{channel}:{purpose}" for channel in ASKED for purpose in PURPOSES)
_CHANNELS: Final = ("sms", "whatsapp", "email", "voice")
#: Nothing lies in the future of what happened.
_PAST: Final[tuple[Op, ...]] = ("within", "not_within", "before", "after", "is_set", "is_empty")

FIELDS: Final[Mapping[str, Field]] = {
    field.name: field
    for field in (
        Field("kind", "choice", "customer", ("person", "organisation"), ops=("in", "not_in")),
        Field("tier", "choice", "customer", chosen_from="tiers"),
        Field("tags", "set", "customer", chosen_from="tags"),
        Field("classification", "choice", "customer", chosen_from="classifications"),
        Field("responsible", "choice", "customer", chosen_from="users"),
        Field("locale", "choice", "customer", chosen_from="languages"),
        Field("source", "choice", "customer", chosen_from="sources"),
        Field("created_at", "time", "customer", ops=("within", "not_within", "before", "after", "anniversary")),
        Field("country", "set", "contact", chosen_from="countries"),
        Field("channels", "set", "contact", _CHANNELS, ops=_MEMBERS),
        Field("preferred_channel", "choice", "contact", PREFERRED, records=True),
        Field("suppressed", "set", "contact", _CHANNELS, ops=_MEMBERS),
        Field("consent", "set", "consent", _CONSENTS, ops=_MEMBERS),
        Field("consent_withdrawn", "set", "consent", _CONSENTS, ops=_MEMBERS),
        Field("open_tickets", "number", "tickets", ops=_COUNTS),
        Field("tickets", "number", "tickets", ops=_COUNTS),
        Field("complaints", "number", "tickets", ops=_COUNTS),
        Field("last_ticket_at", "time", "tickets", ops=_PAST),
        Field("last_resolved_at", "time", "tickets", ops=_PAST),
        Field("ticket", "event", "tickets", records=True),
        Field("calls", "number", "calls", ops=_COUNTS),
        Field("last_call_at", "time", "calls", ops=_PAST),
        Field("last_message_at", "time", "calls", ops=_PAST),
        Field("last_contact_at", "time", "calls", ops=_PAST),
        Field("survey_at", "time", "calls", ops=_PAST),
        Field("call", "event", "calls", records=True),
        Field("purchases", "number", "purchases", ops=_COUNTS),
        Field("spent", "money", "purchases"),
        Field("first_purchase_at", "time", "purchases"),
        Field("last_purchase_at", "time", "purchases", ops=_PAST),
        Field("purchase", "event", "purchases", records=True),
        Field("delivery", "event", "campaigns", records=True),
    )
}

#: What an event can be narrowed by: the name and the kind of its value. ``days``: it was within so many days.
EVENTS: Final[Mapping[str, Mapping[str, str]]] = {
    "ticket": {
        "kinds": "words", "states": "words", "category": "word", "days": "number", "resolved_days": "number",
        "times": "number",
    },
    "call": {"direction": "word", "dispositions": "words", "queue": "word", "days": "number", "times": "number"},
    "purchase": {
        "kinds": "words", "states": "words", "days": "number", "ends_in_days": "number", "at_least": "money",
        "times": "number",
    },
    "delivery": {"campaign": "id", "channel": "word", "did": "word", "days": "number", "times": "number"},
}  # fmt: skip
#: Words that stand in some of them.
EVENT_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "ticket.kinds": ("consultation", "complaint", "service_request"),
    "ticket.states": ("new", "open", "waiting", "resolved", "closed"),
    "call.direction": ("in", "out"),
    "call.dispositions": ("answered", "abandoned", "no_answer", "busy", "failed", "voicemail"),
    "purchase.kinds": ("product", "service"),
    "delivery.channel": (*_CHANNELS, "inapp"),
    "delivery.did": ("sent", "delivered", "read", "clicked", "opted_out", "failed"),
}

_OF_CUSTOM: Final[Mapping[str, Type]] = {
    "number": "number",
    "decimal": "number",
    "money": "money",
    "date": "time",
    "datetime": "time",
    "boolean": "flag",
    "choice": "choice",
    "multi_choice": "set",
}


def custom_field(described: CustomField) -> Field | None:
    """A company's own field as one that rules can ask; None where its values are sealed, or on tickets."""
    if described.sealed or described.target != "customer" or described.type not in _OF_CUSTOM:
        return None
    choices = tuple(choice.key for choice in described.choices)
    return Field(
        CUSTOM + described.key, _OF_CUSTOM[described.type], "custom", choices if choices else None, records=True
    )


def field_named(name: str, custom: Iterable[CustomField]) -> Field | None:
    """The field of a name; None where there is none."""
    if name.startswith(CUSTOM):
        key = name.removeprefix(CUSTOM)
        found = next((each for each in custom if each.key == key and each.target == "customer"), None)
        return None if found is None else custom_field(found)
    if name.startswith(SURVEY) and len(name) > len(SURVEY):
        return Field(name, "answer", "calls")
    return FIELDS.get(name)
