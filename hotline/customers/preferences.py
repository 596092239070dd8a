"""How a customer likes to be reached: by which channel, when, in which time zone. Codes and times only. Their
language is the record's ``locale``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from hotline.calendars.zones import zone_names
from hotline.errors import Invalid

CHANNELS: Final = ("phone", "email", "whatsapp", "inapp", "post")
KEYS: Final = ("channel", "times", "timezone")
#: Most spans of time.
MOST_TIMES: Final = 14
_TIME: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")


def clean(values: Mapping[str, Any]) -> dict[str, Any]:
    """Preferences as they are kept; None says that one goes. Raises Invalid naming ``preferences.<key>``."""
    kept: dict[str, Any] = {}
    for key, value in values.items():
        if key not in KEYS:
            raise Invalid(f"preferences: expected {', '.join(KEYS)}.")
        kept[key] = None if value is None or value == [] else _value(key, value)
    return kept


def _value(key: str, value: Any) -> Any:
    if key == "channel":
        if value not in CHANNELS:
            raise Invalid(f"preferences.channel: expected one of {', '.join(CHANNELS)}.")
        return value
    if key == "timezone":
        return _timezone(value)
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > MOST_TIMES:
        raise Invalid(f"preferences.times: a list of at most {MOST_TIMES}.")
    return [_span(span) for span in value]


def _timezone(value: Any) -> str:
    if not isinstance(value, str) or value not in zone_names():
        raise Invalid("preferences.timezone: expected a time zone, for example Asia/Shanghai.")
    return value


def _span(span: Any) -> dict[str, Any]:
    if not isinstance(span, Mapping) or set(span) != {"days", "from", "to"}:
        raise Invalid("preferences.times: each has days, from and to.")
    days, start, end = span["days"], span["from"], span["to"]
    good = isinstance(days, Sequence) and not isinstance(days, str) and 0 < len(days) <= 7
    if not good or not all(isinstance(day, int) and not isinstance(day, bool) and 1 <= day <= 7 for day in days):
        raise Invalid("preferences.times: days are numbers from 1 for Monday to 7 for Sunday.")
    if not all(isinstance(time, str) and _TIME.fullmatch(time) for time in (start, end)) or start >= end:
        raise Invalid("preferences.times: from and to are times such as 09:00, from before to.")
    return {"days": sorted(set(days)), "from": start, "to": end}
