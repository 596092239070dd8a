"""The tiny language of templates: ``{{ name }}``, ``{{ name | default("there") | upper }}``; nothing else.

There is no code in it: no conditions, no loops, no attributes, no calls but the filters below, so that whoever writes a
template reaches nothing but the values of its schema. A value is never read as a template again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from hotline.errors import Invalid

#: More placeholders than these are not in one text.
MOST: Final = 200

# Bounded: many that never end would each be looked for to the end of the text.
_HOLE: Final = re.compile(r"\{\{(.{0,400}?)\}\}", re.DOTALL)
_STRAY: Final = re.compile(r"\{\{|\}\}|\{%|%\}|\{#|#\}")
# Style sheets end their blocks with }} and begin them with {#.
_STRAY_IN_MARKUP: Final = re.compile(r"\{\{|\{%")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}(?:\.[A-Za-z0-9_][A-Za-z0-9_-]{0,63})?")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,1}")
# | default("there")   | truncate(20)   | upper
_FILTER: Final = re.compile(r"""\|\s*([a-z_]+)\s*(?:\(\s*(?:"([^"{}]*)"|'([^'{}]*)'|(\d{1,4}))\s*\))?\s*""")

Change = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A place that a value is filled in. ``default`` stands in for a missing value, None: its recipient gets nothing.
    ``filters``: (name, argument) in their order."""

    name: str
    default: str | None = None
    filters: tuple[tuple[str, int], ...] = ()

    @property
    def source(self) -> str:
        """As it is written."""
        parts = [self.name]
        if self.default is not None:
            parts.append(f"default({_quoted(self.default)})")
        parts += [f"{name}({argument})" if name in _SIZED else name for name, argument in self.filters]
        return "{{ " + " | ".join(parts) + " }}"


#: A text in parts: what stands in it as it is, and what is filled in.
Parts = tuple["str | Placeholder", ...]


def parse(text: str, field: str, *, numbered: bool = False, markup: bool = False) -> Parts:
    """The parts of a text. ``numbered``: the gaps {{1}}, {{2}} … of an approved WhatsApp template are meant;
    ``markup``: it is HTML or MJML.

    Raises Invalid, naming ``field``, for whatever is written like a placeholder and is none.
    """
    parts: list[str | Placeholder] = []
    at = 0
    for match in _HOLE.finditer(text):
        if match.start() > at:
            parts.append(_plain(text[at : match.start()], field, markup))
        parts.append(_placeholder(match[1], field, numbered))
        at = match.end()
    if at < len(text):
        parts.append(_plain(text[at:], field, markup))
    if len(parts) > 2 * MOST:
        raise Invalid(f"{field}: at most {MOST} placeholders.")
    return tuple(parts)


def names(parts: Iterable[str | Placeholder]) -> tuple[str, ...]:
    """The names of what is filled in, each once, in order."""
    return tuple(dict.fromkeys(part.name for part in parts if isinstance(part, Placeholder)))


def source(parts: Sequence[str | Placeholder]) -> str:
    """The text of parts, as it is written."""
    return "".join(part if isinstance(part, str) else part.source for part in parts)


def renamed(parts: Sequence[str | Placeholder], known: Callable[[str], str]) -> Parts:
    """The parts with the placeholders' names as ``known`` answers them."""
    return tuple(
        part if isinstance(part, str) else Placeholder(known(part.name), part.default, part.filters) for part in parts
    )


def changes(placeholder: Placeholder) -> tuple[Change, ...]:
    """What its filters do, in order."""
    return tuple(_filter(name, argument) for name, argument in placeholder.filters)


def _placeholder(inside: str, field: str, numbered: bool) -> Placeholder:
    written = inside.strip()
    shown = "{{ " + written[:60] + " }}"
    head = (_NUMBER if numbered and _NUMBER.match(written) else _NAME).match(written)
    if head is None:
        raise Invalid(f"{field}: {shown} is no placeholder; write {{{{ name }}}}.")
    name, at = head[0], head.end()
    default: str | None = None
    filters: list[tuple[str, int]] = []
    rest = written[at:].lstrip()
    while rest:
        match = _FILTER.match(rest)
        if match is None:
            raise Invalid(f'{field}: {shown} cannot be read; write {{{{ name | default("…") }}}}.')
        word, quoted, single, number = match.groups()
        text = quoted if quoted is not None else single
        if word == "default" and text is not None and number is None:
            default = text
        elif word in _SIZED and number is not None and int(number):
            filters.append((word, int(number)))
        elif word in _PLAIN and text is None and number is None:
            filters.append((word, 0))
        else:
            known = ", ".join(('default("…")', *_PLAIN, *(f"{each}(20)" for each in _SIZED)))
            raise Invalid(f"{field}: {shown}: there is no such filter; there are {known}.")
        rest = rest[match.end() :]
    if len(filters) > 5:
        raise Invalid(f"{field}: {shown}: at most 5 filters.")
    return Placeholder(name, default, tuple(filters))


def _plain(text: str, field: str, markup: bool) -> str:
    if (stray := (_STRAY_IN_MARKUP if markup else _STRAY).search(text)) is not None:
        raise Invalid(f"{field}: {stray[0]} begins or ends nothing; placeholders are written {{{{ name }}}}.")
    return text


def _quoted(text: str) -> str:
    return f"'{text}'" if '"' in text else f'"{text}"'


def _filter(name: str, argument: int) -> Change:
    if name == "truncate":
        return lambda value: value if len(value) <= argument else value[: argument - 1].rstrip() + "…"
    return _PLAIN[name]


_PLAIN: Final[dict[str, Change]] = {
    "upper": str.upper,
    "lower": str.lower,
    "capitalize": lambda value: value[:1].upper() + value[1:],
}
_SIZED: Final = ("truncate",)
