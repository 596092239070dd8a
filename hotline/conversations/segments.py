"""How many parts an SMS is sent in, and what it costs therefore (3GPP TS 23.038 §6.2.1, TS 23.040 §9.2.3.24.1).

One part carries 140 octets: 160 letters of GSM 7-bit or 70 code units of UCS-2; a part of several gives six octets to
its header: 153 or 67. A letter of the extension table counts two, one outside of the basic plane two code units, and
neither is ever cut in halves. One letter that GSM 7-bit lacks makes the whole message UCS-2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

Encoding = Literal["gsm7", "ucs2"]

_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
#: Units of one part alone, and of one of several.
_ROOM: Final[dict[Encoding, tuple[int, int]]] = {"gsm7": (160, 153), "ucs2": (70, 67)}
#: Twilio's limit of a message's text.
LONGEST_SMS: Final = 1_600


@dataclass(frozen=True, slots=True)
class Segments:
    """How a text is sent. ``units``: septets or code units; ``left`` of these fit into the last part still.
    ``letters`` are those that made it UCS-2, at most ten, each once."""

    encoding: Encoding
    count: int
    units: int
    left: int
    letters: str


def count(text: str) -> Segments:
    """How a text is sent as SMS. The empty text takes one part."""
    others = dict.fromkeys(letter for letter in text if letter not in _BASIC and letter not in _EXTENSION)
    if others:
        encoding: Encoding = "ucs2"
        sizes = [2 if ord(letter) > 0xFFFF else 1 for letter in text]
    else:
        encoding = "gsm7"
        sizes = [2 if letter in _EXTENSION else 1 for letter in text]
    alone, several = _ROOM[encoding]
    units = sum(sizes)
    if units <= alone:
        return Segments(encoding, 1, units, alone - units, "".join(others)[:10])
    parts, last = _packed(sizes, several)
    return Segments(encoding, parts, units, several - last, "".join(others)[:10])


def _packed(sizes: Iterable[int], room: int) -> tuple[int, int]:
    """(parts, units in the last one)."""
    parts, used = 1, 0
    for size in sizes:
        if used + size > room:
            parts, used = parts + 1, 0
        used += size
    return parts, used
