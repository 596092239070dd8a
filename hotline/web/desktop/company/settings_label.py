"""What a setting is called on its page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Label:
    """What a setting is called; ``unit`` stands after its field, ``hint`` below; ``choices`` name its values."""

    text: str
    hint: str = ""
    unit: str = ""
    choices: Mapping[str, str] | None = None
