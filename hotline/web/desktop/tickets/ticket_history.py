"""A ticket's history as its page shows it: lines under their days, what changed in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from aiohttp import web

from hotline.crm.queries.tickets.ticket_history import EntryView
from hotline.customers.custom_fields import to_text
from hotline.web.context import house_of
from hotline.web.desktop.i18n import Calendar, language_of
from hotline.web.desktop.render import say
from hotline.web.desktop.text import plain
from hotline.web.desktop.tickets import ticket_words
from hotline.web.desktop.words import N_
from hotline.workflows.company import fields as fields_of

_FIELDS: Final[Mapping[str, str]] = {
    "subject": N_("Subject"),
    "description": N_("Description"),
    "kind": N_("Kind"),
    "state": N_("Status"),
    "priority": N_("Priority"),
    "category": N_("Category"),
    "assignee_id": N_("Assignee"),
    "assignee": N_("Assignee"),
    "customer_id": N_("Customer"),
    "queue": N_("Queue"),
    "service": N_("Service"),
    "disposition": N_("Outcome"),
    "first_response_due": N_("First response due"),
    "first_response_at": N_("First response"),
    "resolution_due": N_("Resolution due"),
    "callback_due": N_("Call back due"),
    "callback_done_at": N_("Call back done"),
    "escalated": N_("Escalation step"),
}
_MOMENTS: Final = frozenset(
    {"first_response_due", "first_response_at", "resolution_due", "callback_due", "callback_done_at"}
)
_CODES: Final[Mapping[str, Mapping[str, str]]] = {
    "kind": ticket_words.kinds,
    "state": ticket_words.states,
    "priority": ticket_words.priorities,
    "disposition": ticket_words.dispositions,
}
_ATTACHED: Final[Mapping[str, str]] = {
    "opened": N_("Opened by a call"),
    "rule": N_("A call joined by rule"),
    "hand": N_("A call joined by hand"),
    "callback": N_("Called back"),
}
_SLA: Final[Mapping[str, tuple[str, str]]] = {
    "warned": (N_("A deadline comes near"), "is-warn"),
    "breached": (N_("A deadline has passed"), "is-bad"),
    "escalated": (N_("Escalated by rule"), "is-bad"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line, in the person's language."""

    at: datetime
    icon: str
    look: str
    title: str
    who: str
    changes: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Day:
    """The lines of one day. ``name`` is "Today" or "Yesterday" to translate, else ``date`` says which day."""

    name: str
    date: str
    lines: tuple[Line, ...]


def days(request: web.Request, entries: Iterable[EntryView], calendar: Calendar, names: Mapping[str, str]) -> list[Day]:
    """The lines under their days, in the order they come. ``names`` are people by id, categories by slug."""
    found = []
    for ago, group in groupby(entries, lambda entry: calendar.days_ago(entry.at)):
        lines = tuple(line(request, entry, calendar, names) for entry in group)
        name = {0: N_("Today"), 1: N_("Yesterday")}.get(ago, "")
        found.append(Day(name, "" if name else calendar.day(lines[0].at), lines))
    return found


def line(request: web.Request, entry: EntryView, calendar: Calendar, names: Mapping[str, str]) -> Line:
    """How an entry looks."""
    icon, look, title = _look(entry)
    changes = tuple(_changes(request, entry.data, calendar, names)) if entry.kind in ("changed", "wrap_up") else ()
    who = entry.user_name or ""
    return Line(entry.at, icon, look, say(request, title), who, changes, entry.note or "")


_OPENED: Final = {
    "call": N_("Opened by a call"),
    "sms": N_("Opened by an SMS"),
    "whatsapp": N_("Opened by a WhatsApp message"),
    "email": N_("Opened by an email"),
}


def _look(entry: EntryView) -> tuple[str, str, str]:
    match entry.kind:
        case "created":
            return "ticket", "", _OPENED.get(str(entry.data.get("source")), N_("Opened by hand"))
        case "message":
            return "chat", "", N_("A message") if entry.data.get("direction") == "in" else N_("A reply")
        case "note":
            return "pencil", "is-note", N_("Note")
        case "call_note":
            return "pencil", "is-note", N_("Call note")
        case "call":
            return "phone", "", _ATTACHED.get(str(entry.data.get("by") or ""), N_("A call"))
        case "call_left":
            return "phone", "", N_("A call got a ticket of its own")
        case "callback":
            return "callback", "", N_("Call back")
        case "gap":
            return "alert", "is-bad", N_("hotline was away for a part of it")
        case "wrap_up":
            return "check", "", N_("Wrap-up")
        case "sla":
            title, look = _SLA.get(str(entry.data.get("sla") or ""), (N_("Deadline"), ""))
            return "clock", look, title
        case _:
            return "sliders", "", N_("Changed")


def _changes(
    request: web.Request, data: Mapping[str, Any], calendar: Calendar, names: Mapping[str, str]
) -> Iterable[str]:
    for name, word in _FIELDS.items():
        pair = data.get(name)
        if isinstance(pair, list) and len(pair) == 2:
            before, after = (_value(request, name, value, calendar, names) for value in pair)
            yield f"{say(request, word)}: {before} → {after}"
    known, language = fields_of.known(house_of(request)), language_of(request)
    for name, pair in data.items():
        if name.startswith("custom.") and isinstance(pair, list) and len(pair) == 2:
            field = known.get(name.removeprefix("custom."), "ticket")
            word = field.name(language) if field else name.removeprefix("custom.")
            said = [
                "–" if value is None else plain(to_text(field, value, language) if field else value, 80)
                for value in pair
            ]
            yield word if pair == [None, None] else f"{word}: {said[0]} → {said[1]}"


def _value(request: web.Request, name: str, value: Any, calendar: Calendar, names: Mapping[str, str]) -> str:
    if value is None or value == "":
        return "–"
    if name in _MOMENTS:
        try:
            return calendar.moment(datetime.fromisoformat(str(value)))
        except ValueError:
            return str(value)
    if name in _CODES:
        return say(request, _CODES[name].get(str(value), str(value)))
    return names.get(str(value), plain(value, 80) if name != "customer_id" else "…")
