"""Event filters of an AMI session, as Asterisk applies them.

Advanced ones by event name and header, basic ones by regular expression over the whole event
(https://docs.asterisk.org/Latest_API/API_Documentation/AMI_Actions/Filter/). With including filters an event must match
one of them; no event that matches an excluding one is sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from hotline.simulator.tape import Headers

Matches = Callable[[Headers], bool]

_CLAUSE = re.compile(r"(\w+)\(([^()]*)\)")
_SWAPPED = re.compile(r"\\?[(){}|+?]")


class BadFilter(ValueError):
    """The filter cannot be read."""


@dataclass(slots=True)
class Filters:
    """What one session wants to hear."""

    including: list[Matches] = field(default_factory=list)
    excluding: list[Matches] = field(default_factory=list)

    def add(self, criteria: str | None, text: str) -> None:
        """Adds the filter of one Filter action: MatchCriteria and Filter."""
        excludes, matches = _advanced(criteria, text) if criteria else _basic(text)
        (self.excluding if excludes else self.including).append(matches)

    def let_through(self, event: Headers) -> bool:
        """Whether the session hears the event."""
        if self.including and not any(matches(event) for matches in self.including):
            return False
        return not any(matches(event) for matches in self.excluding)


def _basic(text: str) -> tuple[bool, Matches]:
    excludes = text.startswith("!")
    try:
        pattern = re.compile(_python(text.removeprefix("!")), re.DOTALL)
    except re.error as error:
        raise BadFilter(str(error)) from None
    return excludes, lambda event: bool(pattern.search("".join(f"{key}: {value}\r\n" for key, value in event)))


def _python(basic: str) -> str:
    """A POSIX basic expression as Python writes it: there ``\\(`` groups and ``(`` is a letter."""
    return _SWAPPED.sub(lambda m: m[0][1:] if m[0].startswith("\\") else "\\" + m[0], basic)


def _advanced(criteria: str, text: str) -> tuple[bool, Matches]:
    clauses = dict(_CLAUSE.findall(criteria))
    method = clauses.get("method", "regex" if text else "none")
    known = clauses.keys() <= {"action", "name", "header", "method"} and method in _METHODS
    if not known or ",".join(f"{k}({v})" for k, v in _CLAUSE.findall(criteria)) != criteria:
        raise BadFilter(criteria)
    name, header, compare = clauses.get("name"), clauses.get("header"), _METHODS[method]

    def matches(event: Headers) -> bool:
        if name is not None and event[0][1] != name:
            return False
        if header is not None:
            return any(compare(value, text) for key, value in event if key == header)
        return method == "none" or compare("".join(f"{key}: {value}\r\n" for key, value in event), text)

    return clauses.get("action", "include") == "exclude", matches


_METHODS: dict[str, Callable[[str, str], bool]] = {
    "none": lambda value, text: True,
    "regex": lambda value, text: bool(re.search(_python(text), value, re.DOTALL)),
    "exact": lambda value, text: value == text,
    "starts_with": lambda value, text: value.startswith(text),
    "ends_with": lambda value, text: value.endswith(text),
    "contains": lambda value, text: text in value,
}
