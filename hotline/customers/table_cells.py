"""Cells that leave the house: none of them is a formula to the spreadsheet that opens the file.

A cell that begins with = + - @ or a control character is run by spreadsheets (OWASP, CSV injection), so it gets an
apostrophe in front, which they take for "this is text". A number is none of these: telephone numbers stay as they are.
"""

from __future__ import annotations

import re
from typing import Final

_STARTERS: Final = frozenset("=+-@\t\r\n＝＋－＠")
_NUMBER: Final = re.compile(r"[+-]?[\d][\d\s().,/-]*", re.ASCII)


def defused(text: str) -> str:
    """The text as a harmless cell; ``import_values.bare`` takes the apostrophe off again."""
    bare = text.lstrip(" \xa0\u3000\ufeff")
    if bare and bare[0] in _STARTERS and not _NUMBER.fullmatch(bare):
        return f"'{text}"
    return text
