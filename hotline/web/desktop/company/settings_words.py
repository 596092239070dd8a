"""Words of the settings pages: what each setting is called, and what is wrong with what was typed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, get_args

from aiohttp import web
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from hotline.errors import HotlineError
from hotline.web.desktop.company import settings_channel_words as channel_labels
from hotline.web.desktop.company.settings_label import Label as Label
from hotline.web.desktop.forms import problems
from hotline.web.desktop.render import say
from hotline.web.desktop.words import N_

#: Most characters of a text whose model names no bound.
LONGEST_TEXT: Final = 500


#: The sections with what each of them is about.
SECTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "company": (N_("Company"), N_("Who you are, as your customers read it.")),
    "brand": (N_("Brand"), N_("Your colour and your logo, at the head of the desk and on public pages.")),
    "formats": (N_("Formats"), N_("How numbers, dates and money are written, whatever the language.")),
    "security": (N_("Security"), N_("How people stay signed in.")),
    "tickets": (N_("Tickets and wrap-up"), N_("How calls become tickets, and what follows a call.")),
    "messages": (N_("Messages"), N_("SMS and WhatsApp: what hotline answers by itself, files, when all is said.")),
    "mail": (N_("Mail"), N_("The address that customers write to, and how answers leave.")),
    "campaigns": (N_("Campaigns"), N_("Who must review what is sent to many, and how long an approval holds.")),
    "prices": (N_("Prices"), N_("What messages cost, so that campaigns tell beforehand what they will.")),
    "recordings": (N_("Recordings"), N_("Voicemails and recordings of calls: what is kept, for how long.")),
    "twilio_ivr": (
        N_("Twilio callers"),
        N_("How flows sound to who calls a Twilio number, and what becomes of recordings there."),
    ),
    "twilio_voice": (
        N_("Twilio agents"),
        N_("How callers of Twilio come to an agent, and how agents call out by Twilio."),
    ),
    "files": (N_("Files"), N_("What may be kept with customers' records.")),
    "privacy": (N_("Privacy"), N_("What customers are told about their data, and who answers for it.")),
    "retention": (
        N_("Retention"),
        N_("How long is kept what nobody deletes by hand. What is past its time is forgotten for good."),
    ),
}

#: Every setting of every section; a test holds the models against it.
LABELS: Final[Mapping[str, Label]] = {
    "company.name": Label(N_("Name"), N_("At the desk and on public pages. Empty: hotline.")),
    "company.address": Label(N_("Address")),
    "company.phone": Label(N_("Telephone"), N_("As customers shall dial it.")),
    "company.email": Label(N_("Email")),
    "company.website": Label(N_("Website"), N_("With https:// before it.")),
    "brand.colour": Label(
        N_("Colour"), N_("Like #0a6b4f. It is made darker or lighter where it would not stand out. Empty: none.")
    ),
    "brand.logo": Label(N_("Logo"), N_("A PNG, JPEG or WebP picture of at most 100 kB. A square one fits best.")),
    "formats.numbers": Label(
        N_("Numbers"),
        choices={
            "language": N_("as the reader's language does"),
            "comma_point": "1,234.5",
            "point_comma": "1.234,5",
            "space_comma": "1 234,5",
        },
    ),
    "formats.dates": Label(
        N_("Dates"),
        choices={
            "language": N_("as the reader's language does"),
            "year_first": "2026-11-22",
            "day_first": "22.11.2026",
            "month_first": "11/22/2026",
        },
    ),
    "formats.currency": Label(N_("Currency"), N_("Of amounts that name none: EUR, USD, CNY.")),
    "security.session_hours": Label(
        N_("Signed out after"),
        N_("Without a click. 0: as the installation says; it is never longer than that."),
        N_("hours"),
    ),
    "security.confirm_minutes": Label(
        N_("The password is asked again after"),
        N_("Before what takes the house away: tokens, roles, erasure, other people's passwords."),
        N_("minutes"),
    ),
    "security.password_length": Label(
        N_("A new password has at least"), N_("A sentence is easy to keep in mind."), N_("characters")
    ),
    "tickets.attach_days": Label(
        N_("A call joins an open ticket of its customer for"),
        N_("Counted from when the ticket was opened. 0: every call opens its own ticket."),
        N_("days"),
    ),
    "tickets.attach_same_kind": Label(N_("Only when the ticket is of the kind that the caller chose")),
    "tickets.reopen_days": Label(
        N_("A resolved ticket can be opened again for"), N_("After that a new ticket follows it."), N_("days")
    ),
    "tickets.close_after_days": Label(N_("A resolved ticket is closed after"), "", N_("days")),
    "tickets.discard_unanswered_seconds": Label(
        N_("No ticket for callers who hang up within"),
        N_("And chose nothing in the menu. 0: every missed caller leaves a ticket."),
        N_("seconds"),
    ),
    "tickets.callback_minutes": Label(
        N_("Missed callers are called back within"), N_("In business time."), N_("minutes")
    ),
    "tickets.wrap_up_seconds": Label(N_("Longest wrap-up after a call"), N_("0: no wrap-up."), N_("seconds")),
    "tickets.wrap_up_pause": Label(N_("Agents are paused in their queues during the wrap-up")),
    "recordings.record_calls": Label(N_("Record whole calls"), N_("Voicemails are recorded in any case.")),
    "recordings.announce": Label(
        N_("Tell callers before a call is recorded"), N_("In many countries the law wants it.")
    ),
    "recordings.announcement": Label(
        N_("What they are told"), N_("Empty: “This call is recorded.” in the caller's language.")
    ),
    "recordings.voicemail_seconds": Label(N_("Longest voicemail"), "", N_("seconds")),
    "recordings.retention_days": Label(N_("Recorded calls are kept for"), "", N_("days")),
    "recordings.voicemail_retention_days": Label(N_("Voicemails are kept for"), "", N_("days")),
    "recordings.quota_mb": Label(N_("Recordings take at most"), "", N_("MB")),
    "recordings.when_full": Label(
        N_("When that is used up"),
        choices={"delete_oldest": N_("the oldest are deleted"), "refuse": N_("new ones are not kept")},
    ),
    "recordings.largest_mb": Label(N_("One recording takes at most"), "", N_("MB")),
    "files.largest_mb": Label(N_("One file takes at most"), "", N_("MB")),
    "files.most_per_customer": Label(N_("One customer has at most"), "", N_("files")),
    "files.quota_mb": Label(N_("Files take at most"), "", N_("MB")),
    "files.refuse_programs": Label(
        N_("Refuse programs"), N_("Files that run on the computer of who opens them, whatever their name says.")
    ),
    "privacy.notice": Label(
        N_("Privacy notice"),
        N_("What everybody reads at /privacy. Empty: a text that comes with hotline. A blank line begins a paragraph."),
    ),
    "privacy.controller": Label(
        N_("Responsible for the data"), N_("Name and address of the company, as the notice and reports show it.")
    ),
    "privacy.contact": Label(
        N_("Contact for privacy"), N_("Where customers ask for their data, its correction and erasure.")
    ),
    "retention.callers_days": Label(
        N_("A caller's number is forgotten after"),
        N_("In calls that belong to no customer. What the call was about stays. 0: it is kept."),
        N_("days"),
    ),
    "retention.tickets_days": Label(
        N_("A closed ticket's texts are forgotten after"),
        N_("Its kind, times and outcome stay for the statistics. 0: they are kept."),
        N_("days"),
    ),
    "retention.notes_days": Label(N_("Notes are deleted after"), N_("0: they are kept."), N_("days")),
    "retention.files_days": Label(N_("Customers' files are deleted after"), N_("0: they are kept."), N_("days")),
    "retention.messages_days": Label(
        N_("Messages of a closed conversation are forgotten after"), N_("0: they are kept."), N_("days")
    ),
    "retention.changes_days": Label(
        N_("The history of a record's fields is forgotten after"), N_("0: it is kept."), N_("days")
    ),
    "retention.clicks_days": Label(
        N_("Clicks and tries of campaigns' messages are forgotten after"),
        N_("What came of each message stays. 0: tries for 400 days, clicks for good."),
        N_("days"),
    ),
    "retention.customers_days": Label(
        N_("Customers are erased for good after"),
        N_("Without a call, ticket, note, purchase or change in this time. 0: never."),
        N_("days"),
    ),
    "privacy.speak_ticket_number": Label(
        N_("The menu says the number of a caller's open ticket"),
        N_("Whoever calls from the customer's number hears it."),
    ),
    **channel_labels.LABELS,
}

KINDS: Final[Mapping[str, str]] = {
    "consultation": N_("Consultation"),
    "complaint": N_("Complaint"),
    "service_request": N_("Service request"),
}
PRIORITIES: Final[Mapping[str, str]] = {
    "low": N_("Low"),
    "normal": N_("Normal"),
    "high": N_("High"),
    "urgent": N_("Urgent"),
}
CLOCKS: Final[Mapping[str, str]] = {"first_response": N_("First response"), "resolution": N_("Resolution")}
WEEKDAYS: Final[Mapping[str, str]] = {
    "mon": N_("Monday"),
    "tue": N_("Tuesday"),
    "wed": N_("Wednesday"),
    "thu": N_("Thursday"),
    "fri": N_("Friday"),
    "sat": N_("Saturday"),
    "sun": N_("Sunday"),
}
CATEGORIES: Final[Mapping[str, str]] = {
    "public": N_("Public holidays"),
    "bank": N_("Bank holidays"),
    "half_day": N_("Half days"),
    "government": N_("Government"),
    "school": N_("School holidays"),
    "optional": N_("Optional"),
    "unofficial": N_("Unofficial"),
    "workday": N_("Working days of remembrance"),
}

#: pydantic's kinds of errors → words; {placeholders} are filled from the error's context.
_KINDS: Final[Mapping[str, str]] = {
    "missing": N_("Something must stand here."),
    "string_too_short": N_("Something must stand here."),
    "string_too_long": N_("At most {max_length} characters."),
    "string_pattern_mismatch": N_("This cannot be read; write it as the example shows."),
    "too_long": N_("At most {max_length}."),
    "too_short": N_("Something must stand here."),
    "int_parsing": N_("Write a whole number."),
    "int_type": N_("Write a whole number."),
    "int_from_float": N_("Write a whole number."),
    "greater_than_equal": N_("At least {ge}."),
    "less_than_equal": N_("At most {le}."),
    "date_from_datetime_parsing": N_("Write a date like 2026-12-24."),
    "date_parsing": N_("Write a date like 2026-12-24."),
    "literal_error": N_("Choose one of those offered."),
}

#: What the models and workflows refuse in sentences of their own.
_SENTENCES: Final = tuple(
    (re.compile(pattern, re.DOTALL), message)
    for pattern, message in (
        (r"(?P<text>'.*') is not a time\..*", N_("{text} is not a time. Write it like 09:00, up to 24:00.")),
        (r".* is empty\. Write 00:00–24:00 .*", N_("This opening is empty. Write 00:00–24:00 for the whole day.")),
        (r"An opening cannot begin at 24:00.*", N_("An opening cannot begin at 24:00; begin it at 00:00 next day.")),
        (r"There is no time zone (?P<text>.*)\. Write.*", N_("There is no time zone {text}.")),
        (r"choose one for its holidays\.", N_("Choose the country whose holidays these are.")),
        (r"no holidays are known for (?P<text>'.*')\..*", N_("No holidays are known for {text}.")),
        (r"(?P<country>\S+) has no (?P<text>'.*')\.", N_("{country} has no part {text}.")),
        (r"(?P<day>\d{4}-\d\d-\d\d) stands here twice\.", N_("{day} stands here twice.")),
        (r"small letters, digits and _ only.*", N_("Small letters, digits and _ only, at most 40, a letter first.")),
        (r"another calendar has this key\.", N_("Another calendar has this name.")),
        (r"the policy (?P<name>.*) counts by it\. A calendar without.*",
         N_("The policy {name} counts by this calendar: it needs opening hours.")),
        (r"the policy (?P<name>.*) counts by it\. With these hours.*",
         N_("The policy {name} counts by this calendar: with so few hours it would take years.")),
        (r"The policy (?P<name>.*) counts by this calendar\.", N_("The policy {name} counts by this calendar.")),
        (r"This calendar always stays.*", N_("This calendar always stays: flows and policies refer to it.")),
        (r"A calendar without any opening hours cannot count a deadline\.",
         N_("A calendar without any opening hours cannot count a deadline.")),
        (r"With these hours a deadline would lie more.*",
         N_("With the hours of this calendar the deadline would lie years ahead.")),
        (r"the policy (?P<name>.*) is for the same tickets\.", N_("The policy {name} is for the same tickets.")),
        (r"a policy promises an answer.*", N_("Promise an answer, a resolution, or both.")),
        (r"a warning must come before the deadline\.", N_("A warning must come before the deadline.")),
        (r"the policy has no such target\.", N_("This policy has no such deadline.")),
        (r"there is no role (?P<text>'.*')\.", N_("There is no role {text}.")),
        (r"there is no user (?P<text>'.*')\.", N_("There is no user {text}.")),
        (r"there is no such calendar\.", N_("There is no such calendar.")),
        (r"at least (?P<least>\d+) days, or 0: never\.", N_("At least {least} days, or 0: never.")),
        (r"there is no tier .*", N_("There is no such tier.")),
        (r"a PNG, JPEG or WebP picture of at most 100 kB\.", N_("A PNG, JPEG or WebP picture of at most 100 kB.")),
        (r"write it with https:// before it\.", N_("Write it with https:// before it.")),
        (r"(?P<key>[a-z0-9_]+) stands here twice\.", N_("{key} stands here twice.")),
        (r"(?P<key>[a-z0-9_]+) is always offered; give it another name instead\.",
         N_("{key} is always offered: give it another name instead.")),
        (r"a name in en, and if you like in zh\.", N_("Every entry needs an English name.")),
        (r"at most (?P<most>\d+) entries.*", N_("At most {most} entries, with those that were archived.")),
        (r"Somebody else changed .* meanwhile\.", N_("Somebody else changed this meanwhile. Reload to see it.")),
    )
)  # fmt: skip


def refused(request: web.Request, error: ValidationError | HotlineError) -> dict[str, str]:
    """What is wrong, by the name of its field, "" for the whole form, in the person's language."""
    if isinstance(error, HotlineError):
        name, _, text = error.detail.partition(": ")
        known = _sentence(request, text) or _sentence(request, error.detail)
        if known is None:
            return problems(request, error)
        return {name.partition("[")[0] if re.fullmatch(r"[a-z_]+(\[\d+\])?", name) else "": known}
    found: dict[str, str] = {}
    for each in error.errors(include_url=False):
        name, text = _where(request, each)
        found.setdefault(name, text)
    return found


def _where(request: web.Request, error: ErrorDetails) -> tuple[str, str]:
    places = [str(part) for part in error["loc"]]
    text = _KINDS.get(error["type"], "")
    if text:
        text = say(request, text, **error.get("ctx", {}))
    else:
        message = error["msg"].removeprefix("Value error, ")
        name, colon, rest = message.partition(": ")
        if colon and re.fullmatch(r"[a-z_]+(\[\d+\])?", name):
            places, message = [*places, name.partition("[")[0]], rest
        text = _sentence(request, message) or message
    return _field(places), text


def _sentence(request: web.Request, text: str) -> str | None:
    for pattern, message in _SENTENCES:
        if found := pattern.fullmatch(text):
            return say(request, message, **found.groupdict())
    return None


def _field(places: list[str]) -> str:
    """The field of a form that a place in the model is written in."""
    if not places:
        return ""
    if places[0] in ("names", "hours", "announcement", "notice", "voices") and len(places) > 1:
        return f"{places[0]}_{places[1]}"
    if places[0] in ("first_response", "resolution"):
        return f"{places[0]}_warn" if "warn" in places else places[0]
    return places[0]


def label_of(section: str, name: str) -> Label:
    """What a setting is called."""
    return LABELS[f"{section}.{name}"]


def constraints(metadata: list[Any]) -> dict[str, int]:
    """The bounds of a number's field."""
    found: dict[str, int] = {}
    for each in metadata:
        for name in ("ge", "le"):
            if (value := getattr(each, name, None)) is not None:
                found[name] = value
    return found


def longest(info: FieldInfo) -> int:
    """Most characters of a field of text, or of each text of several languages."""
    parts = [*info.metadata, *get_args(info.annotation)[-1:]]
    for part in parts:
        for each in (part, *getattr(part, "__metadata__", ())):
            if (most := getattr(each, "max_length", None)) is not None:
                return int(most)
    return LONGEST_TEXT
