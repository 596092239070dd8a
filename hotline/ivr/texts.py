"""Variables in texts: ``${name}``, or ``${name:digits}`` to have digits read one by one. Filled in, never evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from hotline.ivr import names

_PLACE: Final = re.compile(r"\$\{([^{}]*)\}")
_INSIDE: Final = re.compile(r"([a-z][a-z0-9_]{0,39}(?:\.[a-z][a-z0-9_]{0,39})?)(:digits)?")


class Place(NamedTuple):
    """A ``${…}`` of a text; ``name`` is None when it is not one of ours."""

    name: str | None
    written: str


def places(text: str) -> Iterator[Place]:
    """Every ``${…}``, and every ``${`` that does not end."""
    for found in _PLACE.finditer(text):
        inside = _INSIDE.fullmatch(found[1])
        yield Place(inside[1] if inside else None, found[0])
    for rest in _PLACE.sub("", text).split("${")[1:]:
        yield Place(None, "${" + rest[:20])


def has_places(text: str) -> bool:
    """Whether the text is not the same for everybody."""
    return "${" in text


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its variables; what is not known is empty, what is not ours stays as it stands."""

    def one(found: re.Match[str]) -> str:
        inside = _INSIDE.fullmatch(found[1])
        if inside is None:
            return found[0]
        value = values.get(inside[1], "")
        return " ".join(value) if inside[2] else value

    return _PLACE.sub(one, text)[: names.LONGEST_TEXT + names.LONGEST_VALUE]


def clean(value: str) -> str:
    """A value as variables hold it: one line, no control characters, not endless, and no ``${`` that a later text
    would fill in again."""
    kept = "".join(" " if ord(c) < 32 or 127 <= ord(c) < 160 else c for c in value[: names.LONGEST_VALUE])
    return kept.replace("${", "$ {").strip()
