"""Replies that stand ready: their texts with placeholders, and what they do beside answering.

A placeholder is a name in braces, ``{customer.name}``; braces around anything else are text. What cannot be filled in
stays as it is and is named, so that nobody sends "Dear {customer.name}".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

Audience = Literal["own", "team", "all"]
Channel = Literal["sms", "whatsapp", "email"]
MacroState = Literal["waiting", "closed"]
MacroAssign = Literal["me", "nobody"]

AUDIENCES: Final[tuple[Audience, ...]] = get_args(Audience)
CHANNELS: Final[tuple[Channel, ...]] = get_args(Channel)

#: Placeholder → what it stands for.
PLACEHOLDERS: Final[Mapping[str, str]] = {
    "customer.name": "The customer's name.",
    "customer.reference": "The customer's number: C10001.",
    "ticket.reference": "The number of the conversation's ticket: T10001.",
    "ticket.subject": "What the ticket is about.",
    "agent.name": "The name of whoever replies.",
    "company.name": "The company's name.",
    "today": "Today's date.",
}

_PLACEHOLDER: Final = re.compile(r"\{\s*([a-z]+(?:\.[a-z]+)?)\s*\}")


@dataclass(frozen=True, slots=True)
class Actions:
    """What a macro does beside its text: the ticket's kind, tags for the customer, the conversation's state and who
    has it. What is None or empty stays."""

    kind: str | None = None
    tags: tuple[str, ...] = ()
    state: MacroState | None = None
    assign: MacroAssign | None = None

    def __bool__(self) -> bool:
        return any((self.kind, self.tags, self.state, self.assign))


@dataclass(frozen=True, slots=True)
class Filled:
    """A text as it would be sent. ``missing`` are placeholders for which there is nothing: they stand in it still."""

    text: str
    missing: tuple[str, ...]


def unknown_placeholders(text: str) -> tuple[str, ...]:
    """What is written like a placeholder and is none, each once."""
    found = dict.fromkeys(match[1] for match in _PLACEHOLDER.finditer(text))
    return tuple(name for name in found if name not in PLACEHOLDERS)


def fill(text: str, values: Mapping[str, str]) -> Filled:
    """The text with ``values`` by placeholder; an empty value counts as none."""
    missing: dict[str, None] = {}

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in PLACEHOLDERS:
            return match[0]
        if not (found := values.get(name, "")):
            missing[name] = None
            return match[0]
        return found

    return Filled(_PLACEHOLDER.sub(value, text), tuple(missing))


def left_unfilled(text: str) -> tuple[str, ...]:
    """The placeholders that still stand in a text that is to be sent, each once."""
    return tuple(dict.fromkeys(match[1] for match in _PLACEHOLDER.finditer(text) if match[1] in PLACEHOLDERS))


def text_for(texts: Mapping[str, str], languages: Sequence[str | None]) -> tuple[str, str]:
    """(language, text): the first of ``languages`` that there is a text in, else English, else any; ("", "") without
    texts. ``zh-CN`` finds ``zh``."""
    for language in (*languages, "en", *texts):
        code = (language or "").partition("-")[0].partition("_")[0].lower()
        if text := texts.get(code):
            return code, text
    return "", ""
