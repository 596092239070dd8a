"""The JSON Schema that is published says what the reading says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from hypothesis import given, settings

from hotline.ivr.schema import schema, schema_text
from tests.unit.ivr.material import OWN, SHIPPED, documents

VALIDATOR = jsonschema_rs.validator_for(schema())


def as_an_editor_reads(content: bytes) -> Any:
    """What other readers of YAML make of a file: numbers, and names that are texts."""

    def named(value: Any) -> Any:
        if isinstance(value, dict):
            return {str(name): named(each) for name, each in value.items()}
        return [named(each) for each in value] if isinstance(value, list) else value

    return named(yaml.load(content, Loader=yaml.CSafeLoader))


@pytest.mark.parametrize("path", [*SHIPPED, *OWN], ids=lambda path: path.name)
def test_our_flows_are_valid(path: Path) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(as_an_editor_reads(path.read_bytes()))] == []


@given(document=documents(calls=("other",)))
@settings(max_examples=20, deadline=None)
def test_what_the_reading_takes_is_valid(document: Any) -> None:
    document["defaults"]["tries"] = int(document["defaults"]["tries"])
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []


@pytest.mark.parametrize(
    "change",
    [
        {"nodes": {}},
        {"languages": []},
        {"flow": "Not A Name"},
        {"more": 1},
        {"nodes": {"a": {"type": "hangup"}}},
        {"nodes": {"a": {"type": "say", "say": "x"}}},
        {"nodes": {"a": {"type": "menu", "say": "x", "keys": {"12": "a"}, "otherwise": "a"}}},
    ],
)
def test_what_the_reading_refuses_is_not(change: dict[str, Any]) -> None:
    good = {"flow": "x", "languages": ["en"], "start": "a", "nodes": {"a": {"type": "hang_up"}}}
    assert VALIDATOR.is_valid(good)
    assert not VALIDATOR.is_valid({**good, **change})


def test_it_is_published_as_json() -> None:
    assert json.loads(schema_text())["$schema"] == "https://json-schema.org/draft/2020-12/schema"
