"""JSON from outside that is kept as it is: a customer's own fields, a user's preferences. Made safe,
bounded."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from hotline.customers.text import many_lines, one_line
from hotline.errors import Invalid

DEEPEST: Final = 4
LONGEST_KEY: Final = 100
LONGEST_TEXT: Final = 2_000
_LARGEST_INTEGER: Final = 2**53  # beyond it JavaScript and JSON readers lose digits


def json_object(value: Mapping[str, Any], field: str, longest: int) -> dict[str, Any]:
    """A clean copy of a JSON object, at most ``longest`` characters of JSON. Raises Invalid naming
    ``field``."""
    kept = _object(value, field, DEEPEST)
    if len(json.dumps(kept, ensure_ascii=False)) > longest:
        raise Invalid(f"{field}: at most {longest} characters of JSON.")
    return kept


def _object(value: Mapping[Any, Any], field: str, depth: int) -> dict[str, Any]:
    return {
        one_line(str(key), f"{field} (a key)", LONGEST_KEY, needed=True): _value(item, field, depth - 1)
        for key, item in value.items()
    }


def _value(value: Any, field: str, depth: int) -> Any:
    if depth < 0:
        raise Invalid(f"{field}: nested more than {DEEPEST} deep.")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return many_lines(value, field, LONGEST_TEXT)
    if isinstance(value, int) and abs(value) <= _LARGEST_INTEGER:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, Mapping):
        return _object(value, field, depth)
    if isinstance(value, (list, tuple)):
        return [_value(item, field, depth - 1) for item in value]
    raise Invalid(f"{field}: text, numbers that JSON can carry, true, false, null, lists and objects only.")
