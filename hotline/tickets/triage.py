"""What a message is about, by its words: a consultation, a complaint or a request for service.

A small linear model that can be read. ``triage_words.yaml`` holds groups of phrases with one weight per kind, English
and Chinese; beside them stand a few features of structure (question marks, capitals, how long somebody waits). Every
group found adds its weight to the odds of each kind, so that the words that decided can be told with the answer.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from hotline.tickets.states import Kind, Priority
from hotline.tickets.triage_lexicon import Group, Lexicon, lexicon
from hotline.tickets.triage_text import Reading, read

Language = Literal["en", "zh"]

#: Characters of a text that are read; what follows a long beginning seldom changes what it is about.
LONGEST: Final = 4_000
#: The most words that an answer tells.
MOST_WORDS: Final = 12
#: A second phrase of the same group counts half, a third a quarter: ten curses are not ten times one.
_FADE: Final = 0.5
#: Words before a phrase in which a negation is looked for.
_NEGATION_WORDS: Final = 3


@dataclass(frozen=True, slots=True)
class Deciding:
    """A word or phrase of the text that counted: for which ``kind``, and how much (natural log of the odds).
    ``form``: no word, but how the text is written: that it is short, asks nothing, ends in a question."""

    word: str
    kind: Kind
    weight: float
    form: bool = False


@dataclass(frozen=True, slots=True)
class Triage:
    """``confidence`` is how likely the kind is right, 0 to 1. ``words`` are those that counted most, first the
    strongest. ``priority`` is a hint (None: nothing asks for one), ``priority_words`` say why."""

    kind: Kind
    confidence: float
    words: tuple[Deciding, ...]
    priority: Priority | None = None
    priority_words: tuple[str, ...] = ()


def triage(text: str, language: Language | None = None) -> Triage:
    """What ``text`` is about. ``language`` leaves out the other language's words; None: both are looked for.

    A text without any word that is known is a consultation, with the confidence of a guess.
    """
    reading = read(text[:LONGEST])
    words = lexicon()
    scores: dict[Kind, float] = {"consultation": 0.0, **words.bias}
    told: dict[str, dict[Kind, float]] = {}
    for name, found in features(reading, words, language).items():
        weights = words.weights.get(name, {})
        for position, word in enumerate(found):
            share = told.setdefault(word, dict.fromkeys(scores, 0.0))
            for kind, weight in weights.items():
                scores[kind] += weight * _FADE**position
                share[kind] += weight * _FADE**position
    chances = _softmax(scores)
    kind = max(chances, key=lambda each: chances[each])
    deciding = sorted(
        (_spoken(word, share) for word, share in told.items()), key=lambda each: (-each.weight, each.word)
    )
    priority, why = _priority(reading, words)
    strong = tuple(each for each in deciding if each.weight >= _LEAST_TOLD)[:MOST_WORDS]
    return Triage(kind, round(chances[kind], 3), strong, priority, why)


_ENDS_ASKING: Final = "…?"
#: Less than this decides nothing.
_LEAST_TOLD: Final = 0.1


def _spoken(word: str, share: Mapping[Kind, float]) -> Deciding:
    """The kind for which a word speaks most, against the mean of the others."""
    kind = max(share, key=lambda each: share[each])
    others = [weight for each, weight in share.items() if each != kind]
    weight = round(share[kind] - sum(others) / len(others), 2)
    return Deciding(word, kind, weight, form=word == _ENDS_ASKING or word.startswith("("))


def features(reading: Reading, words: Lexicon, language: Language | None = None) -> dict[str, list[str]]:
    """The groups that a text shows, each with the words that showed it, at most a handful of each."""
    found: dict[str, list[str]] = {}
    for group in words.groups:
        if (group.substring and language == "en") or (not group.substring and language == "zh"):
            continue
        if group.substring and not reading.chinese:
            continue
        for name, word in _matches(group, reading):
            shown = found.setdefault(name, [])
            if word not in shown and len(shown) < _MOST_OF_A_GROUP:
                shown.append(word)
    for name, word in _structure(reading):
        found[name] = [word]
    for name, word in _chinese_forms(reading.chinese) if reading.chinese and language != "en" else ():
        shown = found.setdefault(name, [])
        if len(shown) < _MOST_OF_A_GROUP:
            shown.append(word)
    if not reading.question_marks and not found.keys() & _ASKS:
        # Who asks nothing and praises nothing tells what happened: most of what is told to a company is no praise.
        length = len(reading.words.split()) + len(reading.chinese)
        name = (
            "praising_statement"
            if found.keys() & _PRAISES
            else "statement"
            if length >= _LEAST_STATEMENT
            else "short_statement"
        )
        found[name] = ["(asks nothing)"]
    return found


_ASKS: Final = {
    *("how_to", "may_i", "offer_question", "wh_question", "polite_question", "opens_asking", "please_do"),
    *("zh_question", "zh_which", "zh_asks", "zh_please_do"),
}
_PRAISES: Final = {"praise", "delight", "happy_face", "no_trouble", "zh_praise"}
_LEAST_STATEMENT: Final = 7


_MOST_OF_A_GROUP: Final = 4


def _matches(group: Group, reading: Reading) -> Iterator[tuple[str, str]]:
    if group.tags:
        for tag in reading.tags:
            if group.pattern.fullmatch(tag):
                yield group.name, f"#{tag}"
        return
    text = reading.chinese if group.substring else reading.words
    for match in group.pattern.finditer(text):
        word = match[0].strip()
        if group.negated is not None:
            before = text[max(0, match.start() - 40) : match.start()]
            negation = _zh_negation(before) if group.substring else _negation(before)
            if negation:
                yield group.negated, f"{negation}{'' if group.substring else ' … '}{word}"
                continue
        yield group.name, word


def _negation(before: str) -> str:
    for word in reversed(before.split()[-_NEGATION_WORDS:]):
        if word in lexicon().negates:
            return word
        if word in lexicon().ends_negation:
            return ""
    return ""


def _zh_negation(before: str) -> str:
    return next((word for word in lexicon().zh_negates if before.endswith(word)), "")


def _structure(reading: Reading) -> Iterator[tuple[str, str]]:
    """What the form of a text tells, beside its words."""
    if reading.question_marks:
        yield "question_mark", "?"
        if reading.ends_in_question:
            yield "ends_in_question", _ENDS_ASKING
        if len(reading.words) + 3 * len(reading.chinese) < _SHORT:
            yield "short_question", "(short question)"
    elif (opening := _OPENS_ASKING.search(reading.words)) is not None:
        yield "opens_asking", opening[1]
    if reading.exclaims:
        yield "many_marks", reading.exclaims
    if reading.shouted:
        yield "shouting", reading.shouted
    if reading.stretched:
        yield "stretched", reading.stretched
    if reading.angry:
        yield "angry_face", reading.angry
    if reading.happy:
        yield "happy_face", reading.happy
    if reading.link:
        yield "link", "(link)"
    if (number := _NUMBER.search(reading.words)) is not None:
        yield "number", number[0]
    if len(reading.tags) >= _MANY_TAGS:
        yield "many_tags", "(many #)"
    if len(reading.words) + 3 * len(reading.chinese) > _LONG:
        yield "long_text", "(long text)"
    if (first := _FIRST_PERSON.search(reading.words)) is not None:
        yield "first_person", first[0]


def _chinese_forms(text: str) -> Iterator[tuple[str, str]]:
    """Denials, and questions that are asked without a word for it: 能不能, 要不要, 能带上飞机不."""
    for match in _ZH_NOT.finditer(text):
        at = match.start()
        before, after = text[at - 1 : at], text[at + 1 : at + 2]
        if before and before == after:
            yield "zh_asks", text[at - 1 : at + 2]
        elif not after or after in "?？。!！,，":
            yield "zh_asks", text[max(0, at - 1) : at + 1]
        elif after not in "错用少":
            yield "zh_denies", text[at : at + 2]


_ZH_NOT: Final = re.compile(r"[不没未]")
#: A sentence that begins as questions do and ends without a mark.
_OPENS_ASKING: Final = re.compile(
    r"(?:^|(?<= \. ))(?:(?:hi|hiya|hey|hello|so|and|ok|also|please|sir|just|guys|there|wondering|thanks) ){0,3}"
    r"((?:how|what|when|where|which|who|do|does|is|are|can|could|will|would|should|may|am|any|anyone|has|have)(?!\S) "
    r"(?!the (?:hell|fuck|heck))\S+)"
)
_SHORT: Final = 80
_LONG: Final = 160
_MANY_TAGS: Final = 3
_NUMBER: Final = re.compile(r"(?<!\S)[$£€]?\d[\d.,:]*k?(?!\S)")
_FIRST_PERSON: Final = re.compile(r"(?<!\S)(?:i|i'm|i've|i'd|my|me|mine)(?!\S)")


def _softmax(scores: Mapping[Kind, float]) -> dict[Kind, float]:
    top = max(scores.values())
    powers = {kind: math.exp(score - top) for kind, score in scores.items()}
    whole = sum(powers.values())
    return {kind: power / whole for kind, power in powers.items()}


def _priority(reading: Reading, words: Lexicon) -> tuple[Priority | None, tuple[str, ...]]:
    for level, group in words.priorities:
        text = reading.chinese if group.substring else reading.words
        found = Counter(
            match[0].strip()
            for match in group.pattern.finditer(text)
            if group.substring or not _negation(text[max(0, match.start() - 40) : match.start()])
        )
        if found:
            return level, tuple(found)[:MOST_WORDS]
    return None, ()


@cache
def known_features() -> frozenset[str]:
    """Every feature that may carry a weight."""
    structure = "question_mark ends_in_question short_question many_marks shouting stretched angry_face happy_face link"
    own = [*structure.split(), "many_tags", "long_text", "first_person", "not_praise", "number"]
    own += ["statement", "short_statement", "praising_statement", "opens_asking", "zh_asks", "zh_denies"]
    return frozenset([*own, *(group.name for group in lexicon().groups)])
