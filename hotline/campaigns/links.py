"""The links of what a campaign sends. Tracked ones lead over hotline's own address, which knows by a signed token whose
link it is; where it leads on was approved with the campaign and stands in no address, so that nobody makes an open
redirect of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

#: More different links than these are not in one campaign.
MOST: Final = 500
#: Where tracked links lead.
PATH: Final = "/c/"
#: The name of a link's address among the values that a text is filled with.
VALUE: Final = "link:"

_URL: Final = re.compile(r"https?://[^\s<>\"'`{}|\\^【】（）《》「」“”‘’，。；！？、\x00-\x1f]+", re.IGNORECASE)
# What ends a sentence ends no address.
_TRAILING: Final = ".,;:!?)]*_~"


def in_text(text: str) -> Iterator[tuple[int, int, str]]:
    """(from, to, address) of each link that is written in a plain text."""
    for match in _URL.finditer(text):
        url = match[0].rstrip(_TRAILING)
        if url.count("(") > url.count(")") and match[0][len(url) : len(url) + 1] == ")":
            url += ")"
        if len(url) > len("https://"):
            yield match.start(), match.start() + len(url), url


def link_values(numbers: Iterable[int], public_url: str, token_of: Callable[[int], str]) -> dict[str, str]:
    """The values of tracked links for one recipient; ``token_of`` makes the signed token of a link's number."""
    return {f"{VALUE}{number}": f"{public_url.rstrip('/')}{PATH}{token_of(number)}" for number in numbers}


def numbered(urls: Iterable[str]) -> Mapping[str, int]:
    """Each address once with its number, from 1 in their order."""
    return {url: at for at, url in enumerate(dict.fromkeys(urls), 1)}
