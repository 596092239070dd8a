"""One AMI event as the tracker takes it, and how its fields are read.

Asterisk writes ``<unknown>`` for what it does not know; ``present`` turns that into None. Free text (names, headers)
is the caller's own and stays untrusted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
#: What an anonymous caller's number looks like; compared without case and without brackets.
_NO_NUMBER = frozenset({
    "unknown", "anonymous", "restricted", "unavailable", "withheld", "private", "blocked", "asterisk", "s",
    "+266696687", "266696687", "anonymous.invalid", "nobody", "none", "null", "-",
})  # fmt: skip
_NO_NAME = frozenset({"<unknown>", "unknown", "anonymous", ""})


@dataclass(frozen=True, slots=True)
class AmiEvent:
    """An event of the manager interface.

    ``fields`` holds the last value of each header; ``repeated`` all values of the headers that came more than once.
    ``at`` is the event's Timestamp by the PBX's clock (manager.conf ``timestampevents=yes``), else None.
    """

    name: str
    fields: Mapping[str, str]
    at: datetime | None = None
    repeated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def event_of(headers: Iterable[tuple[str, str]]) -> AmiEvent:
    """An event made of its header lines, in order; repeated headers (ChanVariable, a second Event) do no harm."""
    fields: dict[str, str] = {}
    repeated: dict[str, list[str]] = {}
    name = ""
    for key, value in headers:
        if key == "Event" and not name:
            name = value
        if key in fields:
            repeated.setdefault(key, [fields[key]]).append(value)
        fields[key] = value
    return AmiEvent(name, fields, instant(fields.get("Timestamp")), {k: tuple(v) for k, v in repeated.items()})


def instant(timestamp: str | None) -> datetime | None:
    """The instant of a Timestamp header (seconds since 1970, with a fraction), or None."""
    if not timestamp:
        return None
    try:
        return datetime.fromtimestamp(float(timestamp), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def present(value: str | None) -> str | None:
    """The value, or None where Asterisk says nothing or ``<unknown>``."""
    return None if value is None or value == "" or value == "<unknown>" else value


def caller_number(value: str | None) -> str | None:
    """The caller's number as sent, or None for every way of saying that there is none."""
    if value is None:
        return None
    text = value.strip().strip("<>").strip()
    return None if not text or text.lower() in _NO_NUMBER else text


def caller_name(value: str | None) -> str | None:
    """The caller's own text without Asterisk's C escapes and control characters; hostile, at most 80 characters."""
    if value is None or value.strip().lower() in _NO_NAME:
        return None
    text = _ESCAPED.sub(lambda m: " " if m[1] in "abfnrtv" else m[1], value)
    text = "".join(c if c.isprintable() else " " for c in text).strip()
    return text[:80] or None


def presentation_withheld(value: str | None) -> bool | None:
    """Whether a calling presentation says "do not show": None when it says nothing.

    Takes both notations: ``33 (Presentation Prohibited, Passed Screen)`` or ``33`` (AGI, NewCallerid) and CALLERID(pres)'s
    words such as ``prohib_passed_screen`` or ``unavailable``. Bits 6 and 5 (0x60) decide; 0x20 is restricted and
    0x40 is unavailable (Asterisk, callerid.h).
    """
    text = (value or "").strip().lower()
    if not text:
        return None
    digits = text.split(" ", 1)[0]
    if digits.isdigit():
        return bool(int(digits) & 0x60)
    if text.startswith("allowed"):
        return False
    return True if text.startswith(("prohib", "unavailable")) else None
