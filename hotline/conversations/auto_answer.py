"""hotline's own answers: that a message arrived, with its ticket's number and when somebody is there; and what the
words STOP, START and HELP are answered. Own words of the company may hold ``{ticket}``, ``{company}`` and ``{hours}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal

Which = Literal["received", "stop", "start", "help"]

#: Answers that one person gets in an interval: one for each of some conversations.
MOST_ANSWERS: Final = 3

WORDS: Final[Mapping[str, Mapping[Which, str]]] = {
    "en": {
        "received": "Thank you for your message. Your ticket is {ticket}. {hours}",
        "stop": "{company}: you will get no more messages from this number. Reply START to get them again.",
        "start": "{company}: you will get messages from this number again. Reply STOP to get no more, HELP for help.",
        "help": "{company}: customer service; we answer what you write. {contact}Messages as you write to us. Message"
        " and data rates may apply. Reply STOP to get no more messages.",
    },
    "zh": {
        "received": "已收到您的消息，工单号 {ticket}。{hours}",
        "stop": "{company}：您已退订，不会再收到本号码的消息。回复 START 可恢复。",
        "start": "{company}：您将重新收到本号码的消息。回复 TD 退订，回复 HELP 获取帮助。",
        "help": "{company}：客户服务，我们会答复您的留言。{contact}消息按您的咨询发送，可能产生短信及流量费用。"
        "回复 TD 退订。",
    },
}
HOURS: Final[Mapping[str, tuple[str, str, str]]] = {
    # (open now, open again at, nothing is known)
    "en": ("We are here and answer soon.", "We are here again on {day} at {time}.", "We will answer soon."),
    "zh": ("我们正在服务时间内，会尽快答复您。", "我们将于{day} {time} 恢复服务。", "我们会尽快答复您。"),
}
_DAYS: Final[Mapping[str, tuple[str, ...]]] = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "zh": ("星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日"),
}
_PLACE: Final = re.compile(r"\{(\w+)\}")
_SPACES: Final = re.compile(r"[ \t]{2,}")


def language_for(*candidates: str | None) -> str:
    """The first of these languages that there are words in."""
    for each in candidates:
        short = (each or "").replace("_", "-").partition("-")[0].lower()
        if short in WORDS:
            return short
    return "en"


def text_of(which: Which, language: str, own: Mapping[str, str], values: Mapping[str, str]) -> str:
    """An answer in a language: the company's ``own`` words where it has some, else hotline's. A placeholder that is
    not known is left out."""
    template = own.get(language) or WORDS[language][which]
    filled = _PLACE.sub(lambda found: values.get(found[1], ""), template)
    return _SPACES.sub(" ", filled).strip()


def hours(language: str, is_open: bool | None, opens: datetime | None) -> str:
    """When somebody is there; ``opens`` in the company's own zone. ``is_open`` None: nobody knows."""
    now, later, unknown = HOURS[language]
    if is_open:
        return now
    if is_open is None or opens is None:
        return unknown
    return later.format(day=_DAYS[language][opens.weekday()], time=f"{opens:%H:%M}")


def may_answer(
    now: datetime,
    at: datetime,
    *,
    automatic: bool,
    answered_before: datetime | None,
    to_person: int,
    interval: timedelta,
) -> bool:
    """Whether a message is answered by hotline: not what a machine wrote, not what lay about for long, no conversation
    twice in an interval, and nobody more than ``MOST_ANSWERS`` times in it, in whatever conversations, so that two
    machines never talk to each other for ever. ``answered_before`` is of the conversation, ``to_person`` counts all
    in the interval."""
    if automatic or now - at > interval or to_person >= MOST_ANSWERS:
        return False
    return answered_before is None or now - answered_before >= interval
