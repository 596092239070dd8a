"""No table knows a person without the report and the erasure knowing it."""

from __future__ import annotations

import inspect
import re

from tortoise.fields.relational import ForeignKeyFieldInstance
from tortoise.models import Model

from hotline.crm import models
from hotline.crm.privacy.nobody import NOBODY, PASSING
from hotline.crm.privacy.personal import Personal
from hotline.crm.privacy.tables import PERSONAL

MODELS: dict[str, type[Model]] = {
    model._meta.db_table: model for _, model in inspect.getmembers(models, inspect.isclass) if issubclass(model, Model)
}
TOLD = {each.table: each for each in PERSONAL}


#: Nobody writes to an address again that wanted no more: it is known by its keyed index alone.
OUTLIVING = {("suppression", "address_index")}


def columns(model: type[Model]) -> set[str]:
    """The columns of a model's table; references are ``name_id``."""
    found = set(model._meta.fields_db_projection.values())
    for name, field in model._meta.fields_map.items():
        if isinstance(field, ForeignKeyFieldInstance):
            found.add(field.source_field or f"{name}_id")
    return found


def is_sealed(column: str) -> bool:
    return column.endswith("cipher") or column == "sealed"


def test_every_table_is_named_once() -> None:
    assert set(MODELS) == {*TOLD, *NOBODY, *PASSING}, "add it to hotline/crm/privacy/tables.py or nobody.py"
    assert len(TOLD) + len(NOBODY) + len(PASSING) == len(MODELS)


def test_who_is_nobody_has_nothing_sealed_and_no_customer() -> None:
    wrong = {
        f"{table}.{column}"
        for table in NOBODY
        for column in columns(MODELS[table])
        if column in ("customer_id", "to_customer_id", "from_customer_id") or column.endswith("_tokens")
        if table != "erasure"
    }
    assert wrong == set()


def covered(each: Personal, column: str) -> bool:
    return each.deletes or column in each.empties


def test_whatever_is_sealed_or_finds_somebody_is_emptied_and_shown() -> None:
    wrong = []
    for each in PERSONAL:
        there = columns(MODELS[each.table])
        shown = " ".join(each.shows.values())
        for column in there:
            if is_sealed(column) or column.endswith(("_tokens", "_index")):
                if not covered(each, column) and (each.table, column) not in OUTLIVING:
                    wrong.append(f"{each.table}.{column} stays after an erasure")
                if is_sealed(column) and f"x.{column}" not in shown:
                    wrong.append(f"{each.table}.{column} is not in the report")
        keys = {column for column in there if column == "key_id" or column.endswith("_key_id")}
        # Relations are sealed under a customer's own key, or one that came along by a merge.
        if keys - set(each.keys) and each.table != "customer_relation":
            wrong.append(f"{each.table}: {sorted(keys - set(each.keys))} are not destroyed")
        if "path" in there and not each.part:
            wrong.append(f"{each.table}.path: its files stay")
    assert wrong == []


def test_every_column_that_is_named_is_there() -> None:
    wrong = []
    for each in PERSONAL:
        there = columns(MODELS[each.table])
        named = {*each.empties, *each.keys, *(("path",) if each.part else ())}
        for text in (
            each.rows,
            each.opened_by if each.shows else "",
            each.order,
            *each.shows.values(),
            *each.empties.values(),
        ):
            named |= set(re.findall(r"\bx\.(\w+)", text))
        wrong += [f"{each.table}.{column}" for column in named - there]
    assert wrong == []
