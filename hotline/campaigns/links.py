"""The links of what a campaign sends. Tracked ones lead over hotline's own address, which knows by a signed token whose
link it is; where it leads on was approved with the campaign and stands in no address, so that nobody makes an open
redirect of it. What a recipient's values choose is a part of its path, query or fragment, written as addresses are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from hotline.campaigns.placeholders import Parts, Placeholder, changes, parse, source
from hotline.campaigns.render_errors import MissingValue

#: More different links than these are not in one campaign.
MOST: Final = 500
#: Where tracked links lead.
PATH: Final = "/c/"
#: The name of a link's address among the values that a text is filled with.
VALUE: Final = "link:"

_URL: Final = re.compile(r"https?://[^\s<>\"'`{}|\\^【】（）《》「」“”‘’，。；！？、\x00-\x1f]+", re.IGNORECASE)
# What ends a sentence ends no address.
_TRAILING: Final = ".,;:!?)]*_~"
# Stands for a placeholder while an address is looked for.
_FILLED: Final = "\ufffc"


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a link in a text, ``at`` these places of its parts: some of a text, and placeholders."""

    parts: Parts
    at: tuple[int, ...]

    @property
    def written(self) -> str:
        """As it is known by: the address, with its placeholders as a template writes them."""
        return source(self.parts)


def in_text(text: str) -> Iterator[tuple[int, int, str]]:
    """(from, to, address) of each link that is written in a plain text."""
    for match in _URL.finditer(text):
        url = match[0].rstrip(_TRAILING)
        if url.count("(") > url.count(")") and match[0][len(url) : len(url) + 1] == ")":
            url += ")"
        if len(url) > len("https://"):
            yield match.start(), match.start() + len(url), url


def in_parts(parts: Sequence[str | Placeholder]) -> Iterator[str | int | Address]:
    """A text in its pieces: what stands in it, the places of its placeholders, and the addresses of its links, which
    may hold some."""
    text = "".join(part.replace(_FILLED, " ") if isinstance(part, str) else _FILLED for part in parts)
    kept = "".join(part if isinstance(part, str) else _FILLED for part in parts)
    places: dict[int, int] = {}
    length = 0
    for place, part in enumerate(parts):
        if isinstance(part, Placeholder):
            places[length] = place
        length += len(part) if isinstance(part, str) else 1

    def cut(start: int, end: int) -> Iterator[str | int]:
        at = start
        for hole in (each for each in places if start <= each < end):
            if hole > at:
                yield kept[at:hole]
            yield places[hole]
            at = hole + 1
        if end > at:
            yield kept[at:end]

    at = 0
    for start, end, _ in in_text(text):
        yield from cut(at, start)
        pieces = tuple(cut(start, end))
        filled = tuple(piece for piece in pieces if isinstance(piece, int))
        yield Address(tuple(parts[piece] if isinstance(piece, int) else piece for piece in pieces), filled)
        at = end
    yield from cut(at, length)


def is_filled(written: str) -> bool:
    """Whether an address, as it is known by, holds placeholders."""
    return "{{" in written


def fields_of(written: str) -> frozenset[str]:
    """The values that an address needs or uses."""
    return frozenset(part.name for part in parse(written, "link", markup=True) if isinstance(part, Placeholder))


def filled(written: str, values: Mapping[str, str]) -> str:
    """Where an address leads for one recipient. Scheme and host are what is written: a value is part of what stands
    behind them. Raises MissingValue, and ValueError for an address that would lead elsewhere."""
    parts = parse(written, "link", markup=True)
    address = "".join(part if isinstance(part, str) else _value(part, values) for part in parts)
    head = parts[0] if parts and isinstance(parts[0], str) else ""
    approved, made = urlsplit(head), urlsplit(address)
    if not approved.netloc or (made.scheme, made.netloc) != (approved.scheme, approved.netloc):
        raise ValueError("a value chose the host")
    return address


def _value(placeholder: Placeholder, values: Mapping[str, str]) -> str:
    text = values.get(placeholder.name) or ""
    if not text or text.isspace():
        if placeholder.default is None:
            raise MissingValue(placeholder.name)
        text = placeholder.default
    for change in changes(placeholder):
        text = change(text)
    return as_part(text)


def as_part(text: str) -> str:
    """A value as it stands in an address: no sign in it parts one piece of the address from the next."""
    return quote(text, safe="", errors="replace")


def link_values(numbers: Iterable[int], public_url: str, token_of: Callable[[int], str]) -> dict[str, str]:
    """The values of tracked links for one recipient; ``token_of`` makes the signed token of a link's number."""
    return {f"{VALUE}{number}": f"{public_url.rstrip('/')}{PATH}{token_of(number)}" for number in numbers}


def numbered(urls: Iterable[str]) -> Mapping[str, int]:
    """Each address once with its number, from 1 in their order."""
    return {url: at for at, url in enumerate(dict.fromkeys(urls), 1)}
