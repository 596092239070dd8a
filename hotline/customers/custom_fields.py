"""The company's own fields of records, and where their values are kept. ``custom_values`` cleans the values.

A record's values are one object, key by key. What people write (text, addresses, numbers of telephones), whatever a
field marked private holds, and whatever no field describes is sealed; numbers, days and choices stay readable for the
database, so that lists and segments can go by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args
from uuid import UUID

from hotline.customers import custom_values
from hotline.customers.custom_values import Type
from hotline.customers.json_fields import json_object
from hotline.errors import Invalid

Record = Literal["customer", "person", "organisation", "ticket"]
RECORDS: Final[tuple[Record, ...]] = get_args(Record)
TYPES: Final[tuple[Type, ...]] = get_args(Type)

#: Types whose values hold no words of a person: they stay readable for the database.
CODED: Final = frozenset({"number", "decimal", "money", "date", "datetime", "boolean", "choice", "multi_choice"})
#: Longest JSON of all the values of one record.
LONGEST: Final = 20_000
#: Most keys of one record.
MOST_KEYS: Final = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of a field; ``names`` by language. An archived one is offered no more, its values stay."""

    key: str
    names: Mapping[str, str]
    archived: bool = False

    def name(self, language: str) -> str:
        """What it is called in a language, else in English."""
        return self.names.get(language) or self.names.get("en") or self.key


@dataclass(frozen=True, slots=True)
class CustomField:
    """One field. ``record`` is the kind of record that has it; ``customer`` is every person and organisation.

    ``currency`` is that of amounts written without one; ``minimum`` and ``maximum`` bound numbers, None: no bound.
    """

    id: UUID
    record: Record
    key: str
    names: Mapping[str, str]
    type: Type
    hints: Mapping[str, str] = field(default_factory=dict)
    choices: tuple[Choice, ...] = ()
    currency: str | None = None
    minimum: str | None = None
    maximum: str | None = None
    required: bool = False
    private: bool = False
    shown_in_pop: bool = False
    position: int = 0
    archived: bool = False
    version: int = 1

    @property
    def target(self) -> Literal["customer", "ticket"]:
        """Whose object the values stand in."""
        return "ticket" if self.record == "ticket" else "customer"

    @property
    def sealed(self) -> bool:
        """Whether its values are kept sealed."""
        return self.private or self.type not in CODED

    def name(self, language: str) -> str:
        """What it is called in a language, else in English."""
        return self.names.get(language) or self.names.get("en") or self.key

    def hint(self, language: str) -> str:
        """What stands below it in a form; empty for nothing."""
        return self.hints.get(language) or self.hints.get("en") or ""

    def choice(self, key: str) -> Choice | None:
        """One of its choices, archived or not."""
        return next((choice for choice in self.choices if choice.key == key), None)


@dataclass(frozen=True, slots=True)
class FieldSet:
    """All fields of the company, in their order."""

    fields: tuple[CustomField, ...] = ()

    def of(self, record: str) -> tuple[CustomField, ...]:
        """The fields that a record of this kind has, without archived ones."""
        kinds = {"ticket"} if record == "ticket" else {"customer", record}
        return tuple(each for each in self.fields if each.record in kinds and not each.archived)

    def get(self, key: str, target: str = "customer") -> CustomField | None:
        """The field of a key, archived or not."""
        return next((each for each in self.fields if each.key == key and each.target == target), None)

    def in_pop(self, record: str) -> tuple[CustomField, ...]:
        """Those of a record that are shown when it calls."""
        return tuple(each for each in self.of(record) if each.shown_in_pop)


def clean(fields: Iterable[CustomField], values: Mapping[str, Any], *, region: str) -> dict[str, Any]:
    """The values as they are kept; None says that a key goes.

    Keys that no field describes are kept as they are, within bounds. Raises Invalid, which names ``custom.<key>``.
    """
    known = {each.key: each for each in fields}
    if len(values) > MOST_KEYS:
        raise Invalid(f"custom: at most {MOST_KEYS} keys.")
    kept: dict[str, Any] = {}
    for key, value in values.items():
        described = known.get(key)
        if described is None:
            kept.update(json_object({key: value}, "custom", LONGEST))
            continue
        place = f"custom.{key}"
        kept[key] = None if value is None else custom_values.clean(described, value, place, region)
        if kept[key] is None and described.required:
            raise Invalid(f"{place}: something must stand here.")
    return kept


def check_complete(fields: Iterable[CustomField], values: Mapping[str, Any]) -> None:
    """Raise Invalid for a required field that has no value."""
    for each in fields:
        if each.required and values.get(each.key) is None:
            raise Invalid(f"custom.{each.key}: something must stand here.")


def changed(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """All values of a record after ``changes``: None takes a key away. Raises Invalid when they become too many."""
    after = {**before, **changes}
    kept = {key: value for key, value in after.items() if value is not None}
    if len(kept) > MOST_KEYS:
        raise Invalid(f"custom: at most {MOST_KEYS} keys.")
    json_object(kept, "custom", LONGEST)
    return kept


def split(fields: Sequence[CustomField], values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values that stay readable, and those that are sealed. ``fields`` are all of the record's, archived too."""
    readable = {each.key for each in fields if not each.sealed}
    clear = {key: value for key, value in values.items() if key in readable}
    return clear, {key: value for key, value in values.items() if key not in readable}


def from_text(described: CustomField, text: str, *, region: str) -> Any:
    """What a cell of a file or a field of a form says, as it is kept; None for an empty one. Raises Invalid."""
    return custom_values.from_text(described, text, f"custom.{described.key}", region)


def to_text(described: CustomField, value: Any, language: str = "en") -> str:
    """A kept value as a cell of a file shows it; ``from_text`` reads it again."""
    return custom_values.to_text(described, value, language)
