"""What a person types into a search, taken apart: words of names, numbers, emails, customer numbers and tags, several
of them at once, for example ``wang 4711 #vip``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

from hotline.customers.text import one_line

LONGEST: Final = 200
#: Parts of one search; what follows them narrows nothing down.
MOST_PARTS: Final = 8
#: Words that a tag's name may have.
MOST_TAG_WORDS: Final = 4

Kind = Literal["name", "number", "reference", "email", "word", "tag"]

_REFERENCE: Final = re.compile(r"[cC]-?(\d{1,12})")
_NUMBER: Final = re.compile(r"[+＋(]?[\d()./-]*\d[\d()./-]*")
_DOTTED: Final = re.compile(r"[^\W\d_][\w+-]*([._][\w+-]+)+")


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that is searched for. A ``word`` may be of a name or of an email: ``anna.miller``, ``example.com``. Of
    a ``tag`` the ``text`` is the first word, ``tags`` are all the names that it may begin, the longest first, in the
    case that was typed: the database folds the names of tags, and Python folds ``ß`` otherwise."""

    kind: Kind
    text: str
    tags: tuple[str, ...] = ()

    @property
    def digits(self) -> str:
        """The digits of a number."""
        return "".join(letter for letter in self.text if letter in "0123456789")


def parse(text: str, tags: Collection[str] = ()) -> list[Part]:
    """The parts; none for a text that holds nothing to search by. Of a tag whose name is among ``tags`` all words are
    the tag's; of another, the words after the first are parts, too. Raises Invalid for a text that is too long."""
    # Full-width letters and digits, as a Chinese keyboard writes them, are the same to who searches.
    typed = unicodedata.normalize("NFKC", one_line(text, "q", LONGEST)).split()
    parts: list[Part] = []
    name: list[str] = []
    at = 0
    while at < len(typed):
        word = typed[at]
        if word.startswith("#") and len(word) > 1:
            words = [word[1:], *typed[at + 1 : at + MOST_TAG_WORDS]]
            names = [" ".join(words[:count]) for count in range(len(words), 0, -1)]
            if known := next((name for name in names if name in tags), None):
                parts.append(Part("tag", known, (known,)))
                at += known.count(" ")
            else:
                parts.append(Part("tag", names[-1], tuple(names)))
        elif found := _REFERENCE.fullmatch(word):
            parts.append(Part("reference", found[1]))
        elif _NUMBER.fullmatch(word):
            number = [word]
            while at + 1 < len(typed) and _NUMBER.fullmatch(typed[at + 1]):
                at += 1
                number.append(typed[at])
            parts.append(Part("number", " ".join(number)))
        elif "@" in word:
            if word.strip("@"):
                parts.append(Part("email", word.casefold()))
        elif _DOTTED.fullmatch(word):
            parts.append(Part("word", word.casefold()))
        elif any(letter.isalnum() for letter in word):
            name.append(word)
        at += 1
    if name:
        parts.insert(0, Part("name", " ".join(name)))
    return parts[:MOST_PARTS]
