"""By which parts an email address is found: the beginnings of the words before the ``@``, the domain, and the first
word of the domain. Of ``anna.miller@mail.example.com``: ``^ann ^anna ^mil ^mill …``, ``@mail.example.com``, ``@mail``.
"""

from __future__ import annotations

import re
from typing import Final

SHORTEST: Final = 3
LONGEST: Final = 6
#: Words of one address by which it is found.
MOST_WORDS: Final = 5

_BETWEEN: Final = re.compile(r"[^\w]+|_+")


def stored_words(email: str) -> frozenset[str]:
    """Every word under which a normalised address is to be found."""
    local, _, domain = email.rpartition("@")
    words = {f"^{word[:length]}" for word in _words(local) for length in range(SHORTEST, min(LONGEST, len(word)) + 1)}
    return frozenset(words | _domain(domain))


def searched_words(text: str, *, local: bool = True) -> frozenset[str]:
    """The words that an address must all have to hold ``text``, which is a part of one; empty when it holds nothing to
    search by. Without ``local`` by the domain alone. Whether it really holds it, :func:`holds` says."""
    before, at, domain = text.casefold().rpartition("@")
    if not at:
        before, domain = text.casefold(), ""
    words = {f"^{word[:LONGEST]}" for word in _words(before)} if local else set()
    if domain:
        words.add(f"@{domain}")
    return frozenset(words)


def holds(email: str, text: str) -> bool:
    """Whether an address holds ``text``, or, without an ``@`` in it, every word of it at the beginning of a word."""
    text = text.casefold()
    if "@" in text:
        return text in email
    parts = _BETWEEN.split(email)
    return all(any(part.startswith(word) for part in parts) for word in _BETWEEN.split(text) if word)


def _words(local: str) -> list[str]:
    return [word for word in _BETWEEN.split(local) if len(word) >= SHORTEST][:MOST_WORDS]


def _domain(domain: str) -> set[str]:
    return {f"@{domain}", f"@{domain.partition('.')[0]}"} if domain else set()
