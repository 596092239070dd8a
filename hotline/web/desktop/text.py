"""Text from outside as a page may show it, the same rules as the scripts' ``lib/text.js``."""

from __future__ import annotations

import re
from typing import Final

# What hides or reorders the text after it: controls, zero-width and direction characters, tags, surrogates.
_HIDDEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)
_HIDDEN_BUT_LINES: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)


def plain(value: object, longest: int = 120) -> str:
    """One line of plain text, at most ``longest`` letters; a template escapes it."""
    if value is None:
        return ""
    text = " ".join(_HIDDEN.sub(" ", str(value)[: longest * 10]).split())
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def passage(value: object, longest: int = 4000) -> str:
    """Some lines of plain text, at most ``longest`` letters."""
    if value is None:
        return ""
    text = _HIDDEN_BUT_LINES.sub("", str(value)[: longest * 2].replace("\r\n", "\n")).strip()
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def initials(name: str) -> str:
    """What stands in the round badge: the first letter, of two for Latin names."""
    parts = [part for part in plain(name, 60).split(" ") if part and part[0].isalnum()]
    if not parts:
        return "?"
    if not any(part[0].isalpha() for part in parts):
        return "#"  # a number stands for the name
    first = parts[0][0]
    if not (first.isascii() or first < "\u0250") or len(parts) == 1:
        return first.upper()
    return (first + parts[-1][0]).upper()


def duration(seconds: float) -> str:
    """0:07, 12:40 or 1:02:09."""
    whole = max(0, int(seconds))
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
