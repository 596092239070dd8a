"""Conversations as rows and threads: days, bubbles, what became of a message in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from hotline.crm.queries.conversations.messages import MessageFileView, MessageView
from hotline.web.desktop.conversations.message_words import DELIVERY, ERRORS
from hotline.web.desktop.i18n import Calendar
from hotline.web.desktop.words import N_

#: Pictures and sounds that every browser shows, and that run nothing.
PICTURES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
SOUNDS: Final = frozenset(
    {"audio/mpeg", "audio/ogg", "application/ogg", "audio/wav", "audio/wave", "audio/x-wav", "audio/aac", "audio/mp4"}
)
#: A preview of more than this is no preview.
MOST_PREVIEW: Final = 8_000_000
#: Pictures that a mail shows within its text, and how large one may be, in bytes.
MOST_PICTURES: Final = 12
LARGEST_PICTURE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class FileLine:
    """A file of a message. ``shown``: as a picture, a sound, or by its name alone ("")."""

    file: MessageFileView
    shown: str


@dataclass(frozen=True, slots=True)
class Bubble:
    """A message, ready to be shown. ``first``: the first of several in a row by one person; ``look`` is a class.
    ``state`` is (icon, word, class); ``why`` what went wrong, as a message to translate."""

    message: MessageView
    look: str
    first: bool
    files: tuple[FileLine, ...]
    state: tuple[str, str, str] | None
    why: str
    code: str


@dataclass(frozen=True, slots=True)
class ThreadDay:
    """The messages of one day. ``name`` is "Today" or "Yesterday" to translate, else ``date`` says which day."""

    name: str
    date: str
    bubbles: tuple[Bubble, ...]


def thread(messages: Sequence[MessageView], calendar: Calendar) -> list[ThreadDay]:
    """The messages, the oldest first, under their days."""
    found = []
    for ago, group in groupby(messages, lambda message: calendar.days_ago(message.at)):
        some = list(group)
        name = {0: N_("Today"), 1: N_("Yesterday")}.get(ago, "")
        bubbles = tuple(_bubble(message, some[at - 1] if at else None) for at, message in enumerate(some))
        found.append(ThreadDay(name, "" if name else calendar.day(some[0].at), bubbles))
    return found


def _bubble(message: MessageView, before: MessageView | None) -> Bubble:
    look = "is-note" if message.kind == "note" else "is-in" if message.direction == "in" else "is-out"
    if message.kind == "auto":
        look += " is-auto"
    same = before is not None and _by(before) == _by(message)
    state = None
    if message.direction == "out" and message.kind != "note":
        state = DELIVERY.get(message.state or "")
    code = message.error_code or ""
    within = {each.id for each in pictures_of(message) if f"cid:{each.content_id}" in (message.html or "")}
    files = tuple(_file(each) for each in message.files if each.id not in within)
    return Bubble(message, look, not same, files, state, ERRORS.get(code, ""), code)


def _by(message: MessageView) -> tuple[object, ...]:
    """Who wrote a message: a mail may be somebody else's than the conversation."""
    return message.direction, message.kind, message.user_id, message.extra.get("from")


def pictures_of(message: MessageView) -> list[MessageFileView]:
    """The pictures that a mail may show within its text, as it does logos: they are seen there, and no attachments."""
    return [
        file
        for file in message.files
        if file.content_id and file.state == "kept" and file.media_type in PICTURES
        and (file.bytes or 0) <= LARGEST_PICTURE
    ][:MOST_PICTURES]  # fmt: skip


def _file(file: MessageFileView) -> FileLine:
    shown = ""
    if file.state == "kept" and not file.suspicious and (file.bytes or 0) <= MOST_PREVIEW:
        shown = "picture" if file.media_type in PICTURES else "sound" if file.media_type in SOUNDS else ""
    return FileLine(file, shown)
