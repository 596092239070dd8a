"""Who may be one and the same: how alike two names are, and by which words candidates are found. Pure.

Names are compared without case, accents, order of words and forms of companies; Chinese, Cyrillic and other letters
also as they are written in Latin ones, so that 王小明 is like Wang Xiaoming.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, groupby
from typing import Final, Literal

from anyascii import anyascii
from rapidfuzz import fuzz

from hotline.customers.names import fold

#: Why two customers seem one: they share a number or an email, or their names are alike or the same.
Reason = Literal["phone", "email", "same_name", "similar_name"]
#: From this likeness on names alone make a pair.
ALIKE: Final = 88
#: How alike two words must be to be one with a slip of the pen.
WORD_ALIKE: Final = 74
#: Names of which one has a word more; East Asian names that sound the same.
NAME_MORE: Final = 93
SOUNDS_SAME: Final = 90
#: From this score on, up to 100, a pair is worth a look.
WORTH: Final = 50
#: Words of a name by which candidates are found, the longest first.
WORDS: Final = 3
#: How a block begins of whom hardly any two are alike.
LOOSE: Final = "way "
#: Letters of a name, all words together, and of a word in which a slip is looked for.
LONGEST_BLOCK: Final = 40
LONGEST_SLIP: Final = 14

_FORMS: Final = frozenset(
    (
        *("ag", "bv", "co", "company", "corp", "corporation", "gmbh", "inc", "kg", "limited", "llc", "llp", "ltd"),
        *("nv", "oy", "plc", "pte", "sa", "sarl", "sas", "se", "spa", "srl"),
    )
)
_CHINESE_FORMS: Final = re.compile("(股份)?(有限)?(责任)?公司$")
_TITLES: Final = frozenset(["dr", "frau", "herr", "madam", "miss", "mr", "mrs", "ms", "prof", "professor", "sir"])
_WORD: Final = re.compile(r"[^\W_]+")
_SYLLABLE: Final = re.compile(r"[A-Z]?[^A-Z\W_]+|[A-Z]+(?![a-z])|\d+")
_EAST_ASIAN: Final = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")
#: Two spellings of one sound in German and its neighbours.
#: Letters that are taken for one another, and those that slips put in and leave out.
_CONSONANTS: Final = str.maketrans("bfpvcgjkqsxzdtmn", "bbbbkkkkkkkkttnn")
_UNHEARD: Final = frozenset("aeiouhwy")
_UMLAUTS: Final = (("ae", "a"), ("oe", "o"), ("ue", "u"))


@dataclass(frozen=True, slots=True)
class Likeness:
    """How sure it is that two are one, from 0 to 100, and why."""

    score: int
    reasons: tuple[Reason, ...]


def compare(mine: str, theirs: str, *, phone: bool = False, email: bool = False, same_kind: bool = True) -> Likeness:
    """Two customers by their names and by what they share. A score below WORTH is nothing."""
    names = name_likeness(mine, theirs)
    reasons: list[Reason] = []
    if phone:
        reasons.append("phone")
    if email:
        reasons.append("email")
    if names >= ALIKE:
        reasons.append("same_name" if names == 100 else "similar_name")
    # A family shares a number, a company its mailbox: the name decides between perhaps and surely.
    shared = 60 if phone and email else 50 if email else 40 if phone else 0
    if shared:
        score = shared + round(names * (100 - shared) / 100) if names >= WORTH else shared + 10
    else:
        score = round(names * 0.85) if names >= ALIKE else 0
    if not same_kind:
        score -= 15
    return Likeness(max(0, min(100, score)), tuple(reasons))


def name_likeness(mine: str, theirs: str) -> int:
    """How alike two names are, from 0 to 100; 100 is the same but for case, accents, order and spelling of umlauts."""
    one, other = _words(mine), _words(theirs)
    best = _words_likeness(one, other)
    best = max(best, _words_likeness([_plain(word) for word in one], [_plain(word) for word in other]))
    if best < 100 and not (mine.isascii() and theirs.isascii()):
        sounds = _words_likeness(_words(romanised(mine)), _words(romanised(theirs)))
        if all(_EAST_ASIAN.search(name) for name in (mine, theirs)):
            # Many names sound the same: of longer ones that is worth a look, and never certain.
            sounds = min(sounds, SOUNDS_SAME) if min(len(mine), len(theirs)) > 2 else 0
        best = max(best, sounds)
    return best


def _words_likeness(one: Sequence[str], other: Sequence[str]) -> int:
    if not one or not other:
        return 0
    one, other = sorted((list(one), list(other)))  # so that it is the same from both sides
    joined = "".join(one)
    if sorted(one) == sorted(other):
        return 100
    if len(joined) >= 4 and any("".join(turned) == joined for turned in _turned(other)):
        return 100
    few, many = sorted((one, other), key=len)
    if 1 < len(few) < len(many) and set(few) < set(many):
        return NAME_MORE
    # In the order of the alphabet, a first letter that differs would turn the words round.
    texts = " ".join(one), " ".join(other)
    whole = round(max(fuzz.token_sort_ratio(*texts), fuzz.ratio(*texts)))
    if len(one) != len(other):
        return min(whole, ALIKE - 1)
    # One word that is another one makes two people of two names, however much the rest is the same.
    left = list(other)
    worst = 100.0
    for word in sorted(one, key=len, reverse=True):
        best = max(left, key=partial(fuzz.ratio, word))
        worst = min(worst, fuzz.ratio(word, best))
        left.remove(best)
    return min(whole, 99 if worst >= WORD_ALIKE else ALIKE - 1)


def search_words(name: str) -> list[frozenset[str]]:
    """The ways to candidates for a name: all words of a way must be among theirs (``names.stored_words``).

    All words whole, since of what is common only some are looked at. Beginnings of two words each, whatever their
    order, so that a letter too many or too few does no harm; of a single word its beginning. East Asian names by pairs
    of their characters, and by their Latin words.
    """
    whole = frozenset(f"={word}" for word in _words(name))
    return list(dict.fromkeys([*([whole] if whole else []), *_begun(name)]))


def _begun(name: str) -> list[frozenset[str]]:
    ways: list[frozenset[str]] = []
    for words in dict.fromkeys((tuple(_words(name)), tuple(_words(romanised(name))))):
        ways += _ways([word for word in words if not _EAST_ASIAN.search(word)])
    for word in _words(name):
        if _EAST_ASIAN.search(word):
            letters = list(dict.fromkeys(word))[:4]
            ways += [frozenset(pair) for pair in combinations(letters, 2)]
    return ways


def block_words(name: str) -> frozenset[str]:
    """The blocks that a name is in, as texts: two names that ``compare`` finds alike share one, nearly always, and few
    others do. For a search among all, where looking for each name by :func:`search_words` would take hours.

    All letters whatever the order; each two whole words; all words but for one letter of one of them, which is in the
    same block with a letter too many, too few or wrong. Loosely: the beginnings of ``search_words``, and how all words
    sound, which most slips leave alone however many there are.
    """
    blocks = {f"{LOOSE}{' '.join(sorted(way))}" for way in _begun(name)}
    spellings = {tuple(_plain(word) for word in _words(name))}
    if not name.isascii():
        spellings.add(tuple(_words(romanised(name))))
    for words in spellings:
        blocks.add(f"letters {_first_turn(''.join(words)[:LONGEST_BLOCK])}")
        several = sorted(set(words), key=lambda word: (-len(word), word))[: WORDS + 1]
        blocks |= {f"words {one} {other}" for one, other in combinations(sorted(several), 2)}
        blocks |= _slips(words)
        if words and all(word.isascii() for word in words):
            blocks.add(f"{LOOSE}sound {' '.join(sorted(map(_sound, words)))}")
    return frozenset(blocks)


def _slips(words: Sequence[str]) -> set[str]:
    blocks = {f"slip {' '.join(sorted(words))}"}
    for word in sorted(set(words), key=lambda word: (-len(word), word))[:2]:
        if not 3 <= len(word) <= LONGEST_SLIP or _EAST_ASIAN.search(word):
            continue
        rest = list(words)
        rest.remove(word)
        without = {word[:at] + word[at + 1 :] for at in range(len(word))}
        blocks |= {f"slip {' '.join(sorted([*rest, less]))}" for less in without}
    return blocks


def _sound(word: str) -> str:
    """The word's first letter and its consonants by kind (as Soundex has them, of any length), doubled ones once."""
    kinds = word.translate(_CONSONANTS)
    return word[:1] + "".join(kind for kind, _ in groupby(letter for letter in kinds[1:] if letter not in _UNHEARD))


def _first_turn(letters: str) -> str:
    """The same for all turns of a text: which word stands first does not matter."""
    return min((letters[at:] + letters[:at] for at in range(len(letters))), default="")


def romanised(name: str) -> str:
    """The name in Latin letters, syllable by syllable where it was East Asian."""
    if name.isascii():
        return name
    words = []
    for word in name.split():
        latin = anyascii(word)
        words.append(" ".join(_SYLLABLE.findall(latin)) if _EAST_ASIAN.search(word) else latin)
    return " ".join(words)


def _ways(words: Sequence[str]) -> list[frozenset[str]]:
    long = sorted((word for word in words if len(word) > 1), key=lambda word: (-len(word), word))[:WORDS]
    if len(long) > 1:
        return [frozenset((f"^{one[:2]}", f"^{other[:2]}")) for one, other in combinations(long, 2)]
    if not long or len(long[0]) < 4:
        return [frozenset((f"={word}",)) for word in long]
    return [frozenset((f"={long[0]}",)), frozenset((f"^{long[0][:3]}", long[0][1:4]))]


def _words(name: str) -> list[str]:
    """The words that matter: without titles and forms of companies, unless nothing else is left."""
    bare = _CHINESE_FORMS.sub("", name.strip())
    words = _WORD.findall(fold(bare))
    return [word for word in words if word not in _FORMS and word not in _TITLES] or words


def _plain(word: str) -> str:
    for two, single in _UMLAUTS:
        word = word.replace(two, single)
    return word


def _turned(words: Sequence[str]) -> list[list[str]]:
    """The words beginning with each of them: family names stand first or last."""
    return [[*words[at:], *words[:at]] for at in range(len(words))]
