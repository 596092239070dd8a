"""By which words a customer's name is found. The same words are made of a stored name and of what a person
types.

Latin and other alphabets: the beginnings of each word, without case and accents. Chinese, Japanese and
Korean, which are written without spaces: each character and each pair of neighbours.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

#: Shortest and longest beginning of a word that is kept; a longer word is found by its first letters, then
#: compared.
SHORTEST_PREFIX: Final = 2
LONGEST_PREFIX: Final = 8
#: A name with more words than these is found by the first of them.
MOST_WORDS: Final = 12

# Letters that are no base letter with an accent to Unicode, but are to the people who type them.
_FOLDED: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t"}
)
_EAST_ASIAN: Final = "\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_RUNS: Final = re.compile(f"[{_EAST_ASIAN}]+|[^\\W_{_EAST_ASIAN}]+")
_STARTS_EAST_ASIAN: Final = re.compile(f"[{_EAST_ASIAN}]")


def fold(text: str) -> str:
    """``text`` without case, accents and width: ``Ångström`` → ``angstrom``, ``Łódź`` → ``lodz``."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in apart if unicodedata.category(letter) != "Mn")
    return unicodedata.normalize("NFKC", bare).casefold().translate(_FOLDED)


def stored_words(name: str) -> frozenset[str]:
    """Every word under which ``name`` is to be found."""
    words: set[str] = set()
    for run in _runs(name):
        if _STARTS_EAST_ASIAN.match(run):
            words.update(run)
            words.update(_pairs(run))
        else:
            shortest = min(SHORTEST_PREFIX, len(run))
            words.update(run[:length] for length in range(shortest, min(LONGEST_PREFIX, len(run)) + 1))
    return frozenset(words)


def searched_words(text: str) -> frozenset[str]:
    """The words that must all be among a name's stored words; empty when there is nothing to search by."""
    words: set[str] = set()
    for run in _runs(text):
        if _STARTS_EAST_ASIAN.match(run):
            words.update(_pairs(run) if len(run) > 1 else run)
        else:
            words.add(run[:LONGEST_PREFIX])
    return frozenset(words)


def matches(name: str, text: str) -> bool:
    """Whether ``name`` really holds every word of ``text``: words can share their first letters or pairs."""
    runs = _runs(name)
    return all(
        any(part in run if _STARTS_EAST_ASIAN.match(part) else run.startswith(part) for run in runs)
        for part in _runs(text)
    )


def _runs(text: str) -> list[str]:
    return _RUNS.findall(fold(text))[:MOST_WORDS]


def _pairs(run: str) -> set[str]:
    return {run[at : at + 2] for at in range(len(run) - 1)}
