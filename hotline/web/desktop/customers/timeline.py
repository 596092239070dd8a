"""A customer's timeline as the pages show it: lines under the day on which they happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from hotline.crm.queries.customers.timeline import TimelineCall, TimelineItem
from hotline.web.desktop.calls.call_words import DISPOSITIONS, MISSED
from hotline.web.desktop.campaigns.result_words import CHANNELS as PUSHED
from hotline.web.desktop.campaigns.result_words import STATES as DELIVERIES
from hotline.web.desktop.consent.consent_words import SOURCES
from hotline.web.desktop.conversations.message_words import CHANNELS, STATES
from hotline.web.desktop.i18n import Calendar
from hotline.web.desktop.tickets import ticket_words
from hotline.web.desktop.words import N_

#: The filters above a timeline: kind → its name. "" shows everything.
KINDS: Final[Mapping[str, str]] = {
    "": N_("All"), "call": N_("Calls"), "conversation": N_("Messages"), "ticket": N_("Tickets"), "note": N_("Notes"),
    "push": N_("Pushes"), "consent": N_("Consents"), "purchase": N_("Purchases"), "file": N_("Files"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One line, ready to be shown. ``title`` and ``outcome`` are messages to translate, ``look`` is a class."""

    item: TimelineItem
    icon: str
    look: str
    title: str
    outcome: str

    @property
    def call(self) -> TimelineCall | None:
        """The call that the line is about."""
        return self.item.call


@dataclass(frozen=True, slots=True)
class Day:
    """The lines of one day. ``name`` is "Today" or "Yesterday" to translate, else ``date`` says which day."""

    name: str
    date: str
    lines: tuple[Line, ...]


def days(items: Iterable[TimelineItem], calendar: Calendar) -> list[Day]:
    """Lines under their days, in the order they come."""
    found = []
    for ago, group in groupby(items, lambda item: calendar.days_ago(item.at)):
        lines = tuple(line(item) for item in group)
        name = {0: N_("Today"), 1: N_("Yesterday")}.get(ago, "")
        found.append(Day(name, "" if name else calendar.day(lines[0].item.at), lines))
    return found


def line(item: TimelineItem) -> Line:
    """How an item looks."""
    if item.kind == "note":
        return Line(item, "pencil", "is-note", N_("Note"), "")
    if item.ticket is not None:
        kind = ticket_words.kinds.get(item.ticket.kind, item.ticket.kind)
        return Line(item, "ticket", "", kind, ticket_words.states.get(item.ticket.state, item.ticket.state))
    if item.conversation is not None:
        icon, channel = CHANNELS.get(item.conversation.channel, ("chat", N_("Messages")))
        look = "is-bad" if item.conversation.unanswered else ""
        outcome = N_("not answered yet") if item.conversation.unanswered else STATES[item.conversation.state]
        return Line(item, icon, look, channel, outcome)
    if item.purchase is not None:
        title = N_("Service bought") if item.purchase.kind == "service" else N_("Bought")
        return Line(item, "wallet", "", title, "")
    if item.file is not None:
        return Line(item, "file", "", N_("File"), "")
    if item.push is not None:
        icon, channel = PUSHED.get(item.push.channel, ("push", N_("Pushes")))
        outcome = N_("opted out") if item.push.opted_out else DELIVERIES[item.push.state][0]
        bad = item.push.opted_out or item.push.state == "permanent_failure"
        return Line(item, icon, "is-bad" if bad else "", channel, N_("clicked") if _clicked(item) else outcome)
    if item.consent is not None:
        agreed = item.consent.action == "granted"
        title = N_("Agreed") if agreed else N_("Took it back")
        return Line(item, "shield", "" if agreed else "is-bad", title, SOURCES[item.consent.source])
    call = item.call
    if call is None:
        return Line(item, "clock", "", item.kind.capitalize(), "")
    title = N_("Call out") if item.direction == "out" else N_("Call in")
    if call.state != "ended":
        # Waiting or talking: what the desk shows here stands while the call goes on, and stays true.
        return Line(item, "phone", "is-live", title, N_("in progress"))
    disposition = call.disposition or ""
    return Line(
        item, "phone", "is-bad" if disposition in MISSED else "", title, DISPOSITIONS.get(disposition, disposition)
    )


def _clicked(item: TimelineItem) -> bool:
    return item.push is not None and item.push.clicked and not item.push.opted_out


def since(at: datetime, calendar: Calendar) -> str:
    """The month in which a customer came."""
    return calendar.month(at)
