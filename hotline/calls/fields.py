"""How the fields of an AMI event are read.

Asterisk writes ``<unknown>`` for what it does not know; ``present`` turns that into None. Free text (names, headers)
is the caller's own and stays untrusted.
"""

from __future__ import annotations

import re

_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
#: What an anonymous caller's number looks like; compared without case and without brackets.
_NO_NUMBER = frozenset({
    "unknown", "anonymous", "restricted", "unavailable", "withheld", "private", "blocked", "asterisk", "s",
    "+266696687", "266696687", "anonymous.invalid", "nobody", "none", "null", "-",
})  # fmt: skip
_NO_NAME = frozenset({"<unknown>", "unknown", "anonymous", ""})


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

    Takes both notations: ``33 (Presentation Prohibited, Passed Screen)`` or ``33`` (AGI, NewCallerid) and the words
    of CALLERID(pres) such as ``prohib_passed_screen`` or ``unavailable``. Bits 6 and 5 (0x60) decide: 0x20 is
    restricted, 0x40 unavailable (Asterisk, callerid.h).
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
