"""The groups of words that triage weighs, read from ``triage_words.yaml`` and made into patterns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

from hotline.tickets.states import Kind, Priority

_NUMBER: Final = (
    r"(?:[$£€]?\d[\d.,]*k?|a|an|one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|forty|couple|"
    r"couple of|few|several|half an?)"
)


@dataclass(frozen=True, slots=True)
class Group:
    """Phrases that say the same. ``negated`` is the group that counts instead under a negation; ``substring`` groups
    are found inside words (Chinese); ``tags`` groups are whole hashtags."""

    name: str
    pattern: re.Pattern[str]
    negated: str | None = None
    substring: bool = False
    tags: bool = False


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All groups; the weight of each feature by kind and the bias of each kind, both against a consultation; and what
    asks for a priority, the most pressing first. ``spelled``: words written in haste and what they stand for;
    ``acronyms``: capitals that shout nothing; ``ends_negation``: words over which a negation does not reach."""

    groups: tuple[Group, ...]
    weights: Mapping[str, Mapping[Kind, float]]
    bias: Mapping[Kind, float]
    priorities: tuple[tuple[Priority, Group], ...]
    spelled: Mapping[str, str]
    acronyms: frozenset[str]
    negates: frozenset[str]
    ends_negation: frozenset[str]
    zh_negates: tuple[str, ...]


@cache
def lexicon() -> Lexicon:
    """The words that come with hotline; read once."""
    return parse(files("hotline.tickets").joinpath("triage_words.yaml").read_text("utf-8"))


def parse(text: str) -> Lexicon:
    """A lexicon of the form that ``triage_words.yaml`` explains at its head."""
    data: dict[str, Any] = yaml.safe_load(text)
    priorities = [(each["priority"], _group("priority", each)) for each in data["priorities"]]
    return Lexicon(
        groups=tuple(_group(name, spec) for name, spec in data["groups"].items()),
        weights={name: _by_kind(row) for name, row in data["weights"].items() if name != "bias"},
        bias=_by_kind(data["weights"]["bias"]),
        priorities=tuple(priorities),
        spelled={short: long for long, shorts in data["spelled"].items() for short in shorts.split()},
        acronyms=frozenset(data["acronyms"].split()),
        negates=frozenset(data["negates"].split()),
        ends_negation=frozenset(data["ends_negation"].split()),
        zh_negates=tuple(sorted(data["zh_negates"].split(), key=len, reverse=True)),
    )


def _by_kind(row: list[float]) -> dict[Kind, float]:
    return {"complaint": row[0], "service_request": row[1]}


def _group(name: str, spec: Mapping[str, Any]) -> Group:
    substring, tags = bool(spec.get("substring")), bool(spec.get("tags"))
    phrases = sorted(_phrases(spec["words"]), key=len, reverse=True)
    if substring:
        pattern = "|".join(re.escape(phrase) for phrase in phrases)
    elif tags:
        pattern = "|".join(_fragment(phrase) for phrase in phrases)
    else:
        # The blank before a phrase is looked at, not taken: two phrases may stand side by side.
        pattern = rf"(?<!\S)(?:{'|'.join(_fragment(phrase) for phrase in phrases)})(?!\S)"
    return Group(name, re.compile(pattern), spec.get("negated"), substring, tags)


def _phrases(text: str) -> list[str]:
    """The phrases between commas; a comma inside brackets parts nothing."""
    return [" ".join(part.split()) for part in re.split(r",(?![^\[]*\])", text) if part.strip()]


def _fragment(phrase: str) -> str:
    out = []
    for piece in re.findall(r"\[[^\]]*\]|\s*\.\.\.\s*|[^\[\s]+|\s+", phrase):
        if piece.startswith("["):
            inside = (_fragment(" ".join(each.split())) for each in re.split(r"[|,]", piece[1:-1]) if each.strip())
            out.append(f"(?:{'|'.join(sorted(inside, key=len, reverse=True))})")
        elif piece.strip() == "...":
            out.append(r" (?:[^\s.]\S* ){0,4}")
        elif piece.isspace():
            out.append(" ")
        else:
            out.append(re.escape(piece).replace(r"\*", r"\S*").replace(r"\#", _NUMBER))
    return "".join(out)
