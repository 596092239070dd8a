"""Text from outside, made safe to keep: no NUL, no control characters, never longer than its field."""

from __future__ import annotations

import re
from typing import Final

from hotline.errors import Invalid

# C0 and C1 controls, line and paragraph separators; and the characters that turn the direction of writing,
# with which one text can be made to look like another.
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_CONTROLS_BUT_LINES: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]+")
_DIRECTION: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_SPACES: Final = re.compile(r"\s+")


def one_line(text: str, field: str, longest: int, *, needed: bool = False) -> str:
    """``text`` on one line, controls and runs of spaces as one space. Raises Invalid naming ``field``."""
    # Most texts are clean: what is printable has no control, no mark of direction, no space but the plain one.
    if text.isprintable() and "  " not in text:
        return _sized(text.strip(), field, longest, needed)
    line = _SPACES.sub(" ", _CONTROLS.sub(" ", _readable(text.replace("\0", "")))).strip()
    return _sized(line, field, longest, needed)


def many_lines(text: str, field: str, longest: int, *, needed: bool = False) -> str:
    """``text`` with its lines and tabs, without other controls. Raises Invalid naming ``field``."""
    if text.isprintable():
        return _sized(text.strip(), field, longest, needed)
    lines = re.sub("\r\n?|\x85|\u2028|\u2029", "\n", _readable(text))
    return _sized(_CONTROLS_BUT_LINES.sub("", lines).strip(), field, longest, needed)


def _readable(text: str) -> str:
    return _SURROGATES.sub("\ufffd", _DIRECTION.sub("", text))


def _sized(text: str, field: str, longest: int, needed: bool) -> str:
    if needed and not text:
        raise Invalid(f"{field}: something must stand here.")
    if len(text) > longest:
        raise Invalid(f"{field}: at most {longest} characters, these are {len(text)}.")
    return text
