"""A flow's YAML as plain values, with the place of each; only what flows need of YAML.

Built from the parser's events, so that nothing grows before it is counted: no aliases (and thus no bombs), no tags, no
merge keys, no duplicate keys, few levels, few values. Every scalar is a text: ``no`` is a word and ``012`` is a number
as it was keyed, whatever YAML 1.1 makes of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from hotline.ivr import names
from hotline.ivr.problems import Mark, Problem

Path = tuple[str | int, ...]

# The parser in C reads the largest file in some 30 ms; the one in Python, for where there is none, takes a second.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """The values of one file. ``marks`` are the places of values, ``keys`` those of the keys of mappings."""

    file: str
    value: Any
    marks: Mapping[Path, Mark] = field(repr=False)
    keys: Mapping[Path, Mark] = field(repr=False)

    def place(self, path: Path) -> Mark:
        """Where ``path`` stands: its key, else its value, else the nearest thing around it. Parts of ``path`` that are
        not in the file (pydantic names the type that it tried) are passed over."""
        found: Path = ()
        for part in path:
            if (*found, part) in self.marks:
                found = (*found, part)
        return self.keys.get(found) or self.marks[found]

    def problem(self, path: Path, text: str, *, warning: bool = False) -> Problem:
        """A finding at ``path``."""
        mark = self.place(path)
        return Problem(self.file, mark.line, mark.column, text, warning)


class Unreadable(Exception):
    """The file is not the YAML of a flow; carries the problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def read(file: str, content: bytes) -> Document:
    """The values of a file. Raises Unreadable at the first thing that cannot be."""
    if len(content) > names.MOST_BYTES:
        raise Unreadable(
            Problem(file, 1, 1, f"The file has more than {names.MOST_BYTES // 1024} KiB; make several flows of it.")
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        raise Unreadable(Problem(file, line, column, "The file is not UTF-8 text; save it as UTF-8.")) from None
    try:
        return _Reader(file, text).document()
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        line, column = (at.line + 1, at.column + 1) if at is not None else (1, 1)
        raise Unreadable(Problem(file, line, column, _yaml_sentence(error))) from None
    except yaml.reader.ReaderError as error:
        before_it = text[: error.position]
        line, column = before_it.count("\n") + 1, len(before_it) - before_it.rfind("\n")
        text = "A control character stands here; remove it."
        raise Unreadable(Problem(file, line, column, text)) from None


class _Reader:
    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        self._left = names.MOST_VALUES
        self._marks: dict[Path, Mark] = {}
        self._keys: dict[Path, Mark] = {}

    def document(self) -> Document:
        value: Any = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._fail(event, "A second document begins here; a file holds one flow.")
            elif isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent, yaml.AliasEvent)):
                value = self._value(event, ())
        if not isinstance(value, dict):
            raise Unreadable(Problem(self._file, 1, 1, "The file holds no flow; it begins with `flow: NAME`."))
        return Document(self._file, value, self._marks, self._keys)

    def _value(self, event: Any, path: Path) -> Any:
        self._check(event, path)
        self._marks[path] = _mark(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        return self._list(path) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(path)

    def _check(self, event: Any, path: Path) -> None:
        if isinstance(event, yaml.AliasEvent):
            self._fail(event, f"`*{event.anchor}` is a YAML alias, which flows do not use; put a text in quotes.")
        if event.anchor is not None:
            self._fail(event, f"`&{event.anchor}` is a YAML anchor, which flows do not use; put a text in quotes.")
        if event.tag is not None and event.tag != "!":
            self._fail(event, "`!` begins a YAML tag, which flows do not use; put a text in quotes.")
        self._left -= 1
        if self._left < 0:
            self._fail(event, f"More than {names.MOST_VALUES} values; make several flows of it.")
        if len(path) > names.MOST_LEVELS:
            self._fail(event, f"More than {names.MOST_LEVELS} levels; no flow is that deep.")

    def _list(self, path: Path) -> list[Any]:
        found: list[Any] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            found.append(self._value(event, (*path, len(found))))
        return found

    def _mapping(self, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            self._check(event, path)
            if not isinstance(event, yaml.ScalarEvent):
                self._fail(event, "A name is expected before the colon here, not a list or a mapping.")
            key = self._scalar(event)
            if key in found:
                first = self._keys[(*path, key)]
                self._fail(event, f"`{_short(key)}` stands in line {first.line} already; remove one of them.")
            self._keys[(*path, key)] = _mark(event)
            following = next(self._events)
            if " " in key and _is_nothing(following):
                # {en: Sorry, try again}: the comma made a name of the text's second half.
                self._fail(
                    event, f"A comma ends a text between {{ and }} here, before `{_short(key)}`; quote the text."
                )
            found[key] = self._value(following, (*path, key))
        return found

    def _scalar(self, event: Any) -> str:
        # Line ends come from block texts and are spoken as pauses between words.
        text = " ".join(str(event.value).split("\n")).strip() if "\n" in event.value else str(event.value)
        if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text):
            self._fail(event, "A control character stands in this text; remove it.")
        return text

    def _fail(self, event: Any, text: str) -> None:
        mark = _mark(event)
        raise Unreadable(Problem(self._file, mark.line, mark.column, text))


def _is_nothing(event: Any) -> bool:
    return isinstance(event, yaml.ScalarEvent) and event.value == "" and event.style in (None, "")


def _mark(event: Any) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


def _yaml_sentence(error: yaml.MarkedYAMLError) -> str:
    problem = (error.problem or "it cannot be read").strip().rstrip(".")
    return f"This is not YAML: {problem}. Look at the indentation, colons and quotes here."
