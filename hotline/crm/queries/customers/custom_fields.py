"""The company's own fields, as everybody who shows or takes values of them needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.viewer import Viewer
from hotline.customers.custom_fields import Choice, CustomField, FieldSet, to_text
from hotline.errors import NotFound

#: Most fields that a company has, archived ones too.
MOST: Final = 500
#: Most fields that a pop shows.
MOST_FACTS: Final = 6
_NOBODY: Final = UUID(int=0)

_SELECT: Final = """
SELECT id, record, key, names, hints, type, options, required, private, shown_in_pop, position,
    archived_at IS NOT NULL AS archived, version
FROM custom_field
"""


async def read_fields(db: Reader, viewer: Viewer) -> FieldSet:
    """All fields in their order. Whoever is signed in may: they hold nothing about anybody."""
    del viewer
    rows = await db.fetch(f"{_SELECT} ORDER BY archived_at IS NOT NULL, position, key LIMIT $1", MOST)
    return FieldSet(tuple(_field(row) for row in rows))


async def get_field(db: Reader, viewer: Viewer, field_id: UUID) -> CustomField:
    """One field. Raises NotFound."""
    del viewer
    row = await db.fetchrow(f"{_SELECT} WHERE id = $1", field_id)
    if row is None:
        raise NotFound()
    return _field(row)


@dataclass(frozen=True, slots=True)
class PopFact:
    """A value that is shown as soon as somebody calls; what it is called and what it says, by language."""

    key: str
    names: Mapping[str, str]
    texts: Mapping[str, str]


def pop_facts(viewer: Viewer, fields: Sequence[Sequence[Any]], values: Mapping[str, Any]) -> tuple[PopFact, ...]:
    """The facts of a record out of ``(key, names, type, options, private)`` of its fields, without those that the
    viewer may not see."""
    facts = []
    for key, names, kind, options, private in fields:
        value = values.get(key)
        if value is None or (private and "private" in viewer.masks):
            continue
        described = CustomField(_NOBODY, "customer", key, names, kind, choices=_choices(options))
        facts.append(PopFact(key, names, {language: to_text(described, value, language) for language in ("en", "zh")}))
    return tuple(facts)


def _choices(options: Mapping[str, Any]) -> tuple[Choice, ...]:
    return tuple(
        Choice(choice["key"], choice["names"], choice.get("archived", False)) for choice in options.get("choices", ())
    )


def _field(row: Row) -> CustomField:
    options = row["options"]
    return CustomField(
        id=row["id"],
        record=row["record"],
        key=row["key"],
        names=row["names"],
        type=row["type"],
        hints=row["hints"],
        choices=_choices(options),
        currency=options.get("currency"),
        minimum=options.get("minimum"),
        maximum=options.get("maximum"),
        required=row["required"],
        private=row["private"],
        shown_in_pop=row["shown_in_pop"],
        position=row["position"],
        archived=row["archived"],
        version=row["version"],
    )
