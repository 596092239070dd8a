"""Story lines to bytes and back, for the journal."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from hotline.calls import story
from hotline.calls.story import Line

_KINDS: Final[Mapping[str, type[Line]]] = {
    name: kind
    for name, kind in vars(story).items()
    if isinstance(kind, type) and issubclass(kind, Line) and dataclasses.is_dataclass(kind) and kind is not Line
}
_ADAPTERS: Final[Mapping[str, TypeAdapter[Any]]] = {name: TypeAdapter(kind) for name, kind in _KINDS.items()}


def dump_line(line: Line) -> bytes:
    """One line as JSON; names that are not valid text survive as what they are."""
    name = type(line).__name__
    return name.encode() + b" " + _ADAPTERS[name].dump_json(line)


def load_line(data: bytes) -> Line:
    """The line again. ValueError when it is none of this version's."""
    name, _, body = data.partition(b" ")
    adapter = _ADAPTERS.get(name.decode("ascii", "replace"))
    if adapter is None:
        raise ValueError("a line of another version")
    loaded: Line = adapter.validate_python(json.loads(body), strict=False)
    return loaded
