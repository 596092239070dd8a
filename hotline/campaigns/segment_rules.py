"""The rules of a segment: a tree of conditions, as JSON, checked before it is kept.

::

    {"all": [{"field": "tier", "op": "in", "value": ["gold"]},
             {"any": [{"field": "last_call_at", "op": "within", "value": {"days": 90}},
                      {"not": {"field": "open_tickets", "op": "at_least", "value": 1}}]}]}

``{"all": []}`` and ``{}`` are everybody. What a condition asks of somebody about whom nothing is known is false; its
``not_…`` and ``none_of`` are then true.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from hotline.campaigns.segment_fields import BARE, EVENT_WORDS, EVENTS, SURVEY, Field, Op, Type, field_named
from hotline.customers.custom_fields import CustomField
from hotline.errors import Invalid

MOST_CONDITIONS: Final = 100
DEEPEST: Final = 8
MOST_VALUES: Final = 500
LONGEST_WORD: Final = 200
#: Days that a rule may look back or forward: a hundred years.
MOST_DAYS: Final = 36_525
LARGEST: Final = 2**53 - 1
#: Years that a rule may name.
EARLIEST, LATEST = 1850, 2200
_SURVEY_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Condition:
    """One question. ``value`` is as JSON holds it, checked for its field and ``op``."""

    field: Field
    op: Op
    value: Any = None

    def content(self) -> dict[str, Any]:
        """As it is kept."""
        shown = {"field": self.field.name, "op": self.op}
        return shown if self.op in BARE else {**shown, "value": self.value}


@dataclass(frozen=True, slots=True)
class All:
    """All of these hold."""

    parts: tuple[Rule, ...] = ()

    def content(self) -> dict[str, Any]:
        """As it is kept."""
        return {"all": [part.content() for part in self.parts]}


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of these holds."""

    parts: tuple[Rule, ...]

    def content(self) -> dict[str, Any]:
        """As it is kept."""
        return {"any": [part.content() for part in self.parts]}


@dataclass(frozen=True, slots=True)
class Not:
    """This does not hold."""

    part: Rule

    def content(self) -> dict[str, Any]:
        """As it is kept."""
        return {"not": self.part.content()}


Rule = Condition | All | AnyOf | Not
EVERYBODY: Final = All()


def parse(rules: Any, custom: Sequence[CustomField] = ()) -> Rule:
    """The rules that JSON holds. ``custom`` are the company's own fields. Raises Invalid, which names the place, for
    example ``rules.all.0.value``."""
    count = 0

    def read(part: Any, place: str, depth: int) -> Rule:
        nonlocal count
        if depth > DEEPEST:
            raise Invalid(f"{place}: nested too deeply; at most {DEEPEST} levels.")
        if not isinstance(part, Mapping):
            raise Invalid(f"{place}: expected an object.")
        if not part and depth == 0:
            return EVERYBODY
        if len(part) == 1 and (key := next(iter(part))) in ("all", "any", "not"):
            if key == "not":
                return Not(read(part["not"], f"{place}.not", depth + 1))
            parts = part[key]
            if not isinstance(parts, list | tuple):
                raise Invalid(f"{place}.{key}: expected a list.")
            if len(parts) > MOST_CONDITIONS:
                raise Invalid(f"{place}.{key}: at most {MOST_CONDITIONS} conditions.")
            found = tuple(read(each, f"{place}.{key}.{at}", depth + 1) for at, each in enumerate(parts))
            if key == "any" and not found:
                raise Invalid(f"{place}.any: expected at least one condition.")
            return All(found) if key == "all" else AnyOf(found)
        count += 1
        if count > MOST_CONDITIONS:
            raise Invalid(f"{place}: at most {MOST_CONDITIONS} conditions.")
        return _condition(part, place, custom)

    return read(rules, "rules", 0)


def conditions(rule: Rule) -> Iterator[Condition]:
    """Every condition of it."""
    match rule:
        case Condition():
            yield rule
        case Not(part):
            yield from conditions(part)
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from conditions(part)


def slow(rule: Rule) -> bool:
    """Whether it asks more than the facts."""
    return any(condition.field.records for condition in conditions(rule))


def _condition(part: Mapping[str, Any], place: str, custom: Sequence[CustomField]) -> Condition:
    if unknown := set(part) - {"field", "op", "value"}:
        raise Invalid(f"{place}: {sorted(unknown)[0][:60]} is not known; a condition has field, op and value.")
    name = part.get("field")
    if not isinstance(name, str):
        raise Invalid(f"{place}.field: expected the name of a field.")
    field = field_named(name, custom)
    if field is None or (name.startswith(SURVEY) and not _SURVEY_NAME.fullmatch(name.removeprefix(SURVEY))):
        raise Invalid(f"{place}.field: rules cannot ask {name[:80]}.")
    op = part.get("op")
    if op not in field.questions:
        raise Invalid(f"{place}.op: one of {', '.join(field.questions)}.")
    if op in BARE:
        if part.get("value") is not None:
            raise Invalid(f"{place}.value: {op} takes none.")
        return Condition(field, op)
    if "value" not in part:
        raise Invalid(f"{place}.value: something must stand here.")
    return Condition(field, op, _VALUES[field.type](field, op, part["value"], f"{place}.value"))


# Values


def _word(value: Any, place: str, choices: Sequence[str] | None = None) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_WORD or "\0" in value:
        raise Invalid(f"{place}: expected a text of at most {LONGEST_WORD} letters.")
    if choices is not None and value not in choices:
        raise Invalid(f"{place}: one of {', '.join(choices)}.")
    return value.strip()


def _words(field: Field, op: Op, value: Any, place: str) -> list[str]:
    del op
    return _list(value, place, field.choices)


def _list(value: Any, place: str, choices: Sequence[str] | None = None) -> list[str]:
    if not isinstance(value, list | tuple) or not value:
        raise Invalid(f"{place}: expected a list of at least one.")
    if len(value) > MOST_VALUES:
        raise Invalid(f"{place}: at most {MOST_VALUES}.")
    return sorted({_word(each, f"{place}.{at}", choices) for at, each in enumerate(value)})


def _whole(value: Any, place: str, least: int = 0, most: int = LARGEST) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Invalid(f"{place}: expected a whole number from {least} to {most}.")
    return value


def _plain(value: Any, place: str) -> int | str:
    """A number as it is kept: whole, or a text such as "12.5", since a float would lose digits."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Invalid(f"{place}: expected a number.")
    if isinstance(value, int) and abs(value) <= LARGEST:
        return value
    text = str(value)
    if not re.fullmatch(r"-?\d{1,15}(\.\d{1,6})?", text, re.ASCII):
        raise Invalid(f"{place}: expected a number of at most 15 digits and 6 decimal places.")
    return int(text) if "." not in text else f"{Decimal(text).normalize():f}"


def _number(field: Field, op: Op, value: Any, place: str) -> Any:
    del field
    if op != "between":
        return _plain(value, place)
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise Invalid(f"{place}: expected two numbers.")
    low, high = (_plain(each, f"{place}.{at}") for at, each in enumerate(value))
    if Decimal(low) > Decimal(high):
        raise Invalid(f"{place}: the first number is larger than the second.")
    return [low, high]


def _money(field: Field, op: Op, value: Any, place: str) -> dict[str, Any]:
    del field, op
    shape = _object(value, place, ("amount", "currency"))
    currency = shape.get("currency")
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        raise Invalid(f"{place}.currency: expected three letters such as EUR.")
    return {"amount": _whole(shape.get("amount"), f"{place}.amount"), "currency": currency}


def _time(field: Field, op: Op, value: Any, place: str) -> Any:
    del field
    match op:
        case "within" | "not_within" | "in_next":
            shape = _object(value, place, ("days", "hours"))
            if len(shape) != 1:
                raise Invalid(f"{place}: expected days or hours.")
            ((unit, number),) = shape.items()
            return {unit: _whole(number, f"{place}.{unit}", 1, MOST_DAYS * (24 if unit == "hours" else 1))}
        case "anniversary":
            shape = _object(value, place, ("in_days", "to_days"))
            first = _whole(shape.get("in_days", 0), f"{place}.in_days", 0, 365)
            last = _whole(shape.get("to_days", first), f"{place}.to_days", first, 365)
            return {"in_days": first} if last == first else {"in_days": first, "to_days": last}
        case _:
            try:
                day = date.fromisoformat(_word(value, place))
            except ValueError:
                raise Invalid(f"{place}: expected a day such as 2026-01-31.") from None
            if not EARLIEST <= day.year <= LATEST:
                raise Invalid(f"{place}: expected a day from {EARLIEST} to {LATEST}.")
            return day.isoformat()


def _flag(field: Field, op: Op, value: Any, place: str) -> bool:
    del field, op
    if not isinstance(value, bool):
        raise Invalid(f"{place}: expected true or false.")
    return value


def _answer(field: Field, op: Op, value: Any, place: str) -> Any:
    return _words(field, op, value, place) if op in ("in", "not_in") else _whole(value, place, 0, 9_999)


def _event(field: Field, op: Op, value: Any, place: str) -> dict[str, Any]:
    known = EVENTS[field.name]
    shape = _object(value, place, tuple(known))
    kept: dict[str, Any] = {}
    for name, given in shape.items():
        where, words = f"{place}.{name}", EVENT_WORDS.get(f"{field.name}.{name}")
        match known[name]:
            case "words":
                kept[name] = _list(given, where, words)
            case "word":
                kept[name] = _word(given, where, words)
            case "number":
                kept[name] = _whole(given, where, 1, 1_000 if name == "times" else MOST_DAYS)
            case "money":
                kept[name] = _money(field, op, given, where)
            case _:
                try:
                    kept[name] = str(UUID(_word(given, where)))
                except ValueError:
                    raise Invalid(f"{where}: expected an id.") from None
    return kept


def _object(value: Any, place: str, names: Sequence[str]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Invalid(f"{place}: expected an object with {', '.join(names)}.")
    if unknown := set(value) - set(names):
        raise Invalid(f"{place}: {str(sorted(unknown)[0])[:60]} is not known; there are {', '.join(names)}.")
    return {name: given for name, given in value.items() if given is not None}


_VALUES: Final[Mapping[Type, Callable[[Field, Op, Any, str], Any]]] = {
    "choice": _words,
    "set": _words,
    "number": _number,
    "money": _money,
    "time": _time,
    "flag": _flag,
    "answer": _answer,
    "event": _event,
}
