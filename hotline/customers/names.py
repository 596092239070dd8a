"""By which words a customer's name is found. The same words are made of a stored name and of what a person types.

Latin and other alphabets: ``^`` with the first two and the first three letters of each word, without case and
accents; every three letters in a row from its second letter on; ``=`` with the whole word. So ``^mil ill lle`` finds
Miller by ``mille``, and ``ill lle`` by ``ille``. Chinese, Japanese and Korean, which are written without spaces: each
character and each pair of neighbours, ``^`` with the first character, ``=`` with the whole.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import product
from typing import Final

#: Longest beginning of a word whose letters are kept; a longer word is found by these, then compared.
LONGEST_KEPT: Final = 24
#: A name with more words than these is found by the first of them.
MOST_WORDS: Final = 12
#: A word of this many letters is looked for inside of other words, too.
SHORTEST_PART: Final = 3
#: Words beyond these are looked for at the beginnings of words only: each one doubles the ways to look.
MOST_PARTS: Final = 3

#: How well a name fits: it is the text; it has all its words; words that begin so; words that hold it.
SAME, WHOLE, BEGINNING, PART = range(4)

# Letters that are no base letter with an accent to Unicode, but are to the people who type them.
_FOLDED: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t"}
)
_EAST_ASIAN: Final = "\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_RUNS: Final = re.compile(f"[{_EAST_ASIAN}]+|[^\\W_{_EAST_ASIAN}]+")
_STARTS_EAST_ASIAN: Final = re.compile(f"[{_EAST_ASIAN}]")
_SPACED_EAST_ASIAN: Final = re.compile(f"(?<=[{_EAST_ASIAN}])\\s+(?=[{_EAST_ASIAN}])")


def fold(text: str) -> str:
    """``text`` without case, accents and width: ``Ångström`` → ``angstrom``, ``Łódź`` → ``lodz``."""
    # Word by word: nothing of it reaches over a space, and the same words stand in many names.
    return text.lower() if text.isascii() else " ".join(map(_fold_word, text.split(" ")))


@lru_cache(maxsize=8_192)
def _fold_word(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in apart if unicodedata.category(letter) != "Mn")
    return unicodedata.normalize("NFKC", bare).casefold().translate(_FOLDED)


def stored_words(name: str) -> frozenset[str]:
    """Every word under which ``name`` is to be found."""
    return frozenset().union(*map(stored_words_of, stored_runs(name)))


def whole_words(text: str) -> frozenset[str]:
    """The words of a name that has every word of ``text``, whole."""
    return frozenset(f"={run}" for run in _runs(text))


def searched_words(text: str) -> frozenset[str]:
    """The words that must all be among those of a name whose words begin as those of ``text`` do; empty when there is
    nothing to search by. A single letter beside other words narrows nothing down and is left to :func:`fit`."""
    runs = _runs(text)
    long = [run for run in runs if len(run) > 1 or _is_east_asian(run)]
    if not long:
        return frozenset(f"={run}" for run in runs)
    return frozenset().union(*(_beginning(run) for run in long))


def part_words(text: str) -> list[frozenset[str]]:
    """The further ways to find ``text``, any of which will do: one or more of its words inside of a name's words."""
    options: list[list[frozenset[str]]] = []
    inside = 0
    for run in _runs(text):
        if _is_east_asian(run):
            options.append([frozenset(_neighbours(run, 2) if len(run) > 1 else run)])
            inside += 1
        elif len(run) >= SHORTEST_PART and inside < MOST_PARTS:
            options.append([_beginning(run), _neighbours(run[:LONGEST_KEPT], 3)])
            inside += 1
        elif len(run) > 1:
            options.append([_beginning(run)])
    beginnings = searched_words(text)
    ways = [frozenset().union(*way) for way in product(*options)] if inside else []
    return [way for way in dict.fromkeys(ways) if way and way != beginnings]


def fit(name: str, text: str) -> int | None:
    """How well ``name`` fits ``text``: SAME, WHOLE, BEGINNING or PART; None when it does not hold every word of it.

    Words that are kept by their letters can share these in another order: whoever was found is compared by this."""
    stored, typed = stored_runs(name), _runs(text)
    if not typed:
        return None
    if _runs(name) == typed:
        return SAME
    worst = WHOLE
    for part in typed:
        best = min((_fit_run(run, part) for run in stored), default=_NOT)
        if best == _NOT:
            return None
        worst = max(worst, best)
    return worst


def matches(name: str, text: str) -> bool:
    """Whether ``name`` holds every word of ``text``."""
    return fit(name, text) is not None


_NOT: Final = PART + 1


def _fit_run(run: str, part: str) -> int:
    if run == part:
        return WHOLE
    if run.startswith(part):
        return BEGINNING
    inside = part in run and (len(part) >= SHORTEST_PART or _is_east_asian(part))
    return PART if inside else _NOT


def stored_words_of(run: str) -> frozenset[str]:
    """The words under which one of a name's ``stored_runs`` is to be found."""
    words = {f"={run}"}
    if _is_east_asian(run):
        return frozenset({*words, f"^{run[:1]}", *run, *_neighbours(run, 2)})
    words.add(f"^{run[:2]}")
    if len(run) >= SHORTEST_PART:
        words.add(f"^{run[:3]}")
        words.update(_neighbours(run[1:LONGEST_KEPT], 3))
    return frozenset(words)


def _beginning(run: str) -> frozenset[str]:
    if _is_east_asian(run):
        return frozenset({f"^{run[:1]}", *_neighbours(run, 2)})
    return frozenset({f"^{run[:3]}", *_neighbours(run[1:LONGEST_KEPT], 3)})


def stored_runs(name: str) -> list[str]:
    """The words of a name; what is East Asian also without the spaces in between, for whoever types it so."""
    runs = _runs(name)
    if name.isascii():
        return list(dict.fromkeys(runs))
    together = _SPACED_EAST_ASIAN.sub("", fold(name))
    return list(dict.fromkeys([*runs, *(_RUNS.findall(together)[:MOST_WORDS])]))


def _runs(text: str) -> list[str]:
    return _RUNS.findall(fold(text))[:MOST_WORDS]


def _is_east_asian(run: str) -> bool:
    return _STARTS_EAST_ASIAN.match(run) is not None


def _neighbours(run: str, count: int) -> frozenset[str]:
    return frozenset(run[at : at + count] for at in range(len(run) - count + 1))
