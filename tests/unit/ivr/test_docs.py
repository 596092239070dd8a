"""The page for authors of flows: its examples are flows, and it names everything that there is."""

from __future__ import annotations

import re
from typing import Final

import pytest
from pydantic import TypeAdapter

from hotline.ivr import names
from hotline.ivr.loader import Source, load
from hotline.ivr.nodes import NODE_TYPES, AnyNode
from hotline.ivr.reading import read
from tests.unit.ivr.material import ROOT

PAGE: Final = (ROOT / "docs" / "flows.md").read_text()
BLOCKS: Final = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
WHOLE: Final = [block for block in BLOCKS if block.startswith("flow:")]
NODES: Final = [block for block in BLOCKS if not block.startswith("flow:")]


@pytest.mark.parametrize("block", WHOLE)
def test_whole_flows_of_the_page_are_fit_for_use(block: str) -> None:
    name = re.match(r"flow: (\w+)", block)
    assert name is not None
    library = load([Source(f"{name[1]}.yaml", block.encode())])
    assert library.problems == {f"{name[1]}.yaml": ()}


@pytest.mark.parametrize("block", NODES)
def test_nodes_of_the_page_are_nodes(block: str) -> None:
    adapter: TypeAdapter[AnyNode] = TypeAdapter(AnyNode)
    found = read("page", block.encode()).value
    for name, value in found.items():
        assert adapter.validate_python(value).type == value["type"], name


def test_the_page_shows_every_type_of_node_and_names_its_fields() -> None:
    shown = {found for block in NODES for found in re.findall(r"type: (\w+)", block)}
    assert shown == set(NODE_TYPES)
    text = "\n".join(BLOCKS) + "\n".join(re.findall(r"`([^`\n]+)`", PAGE))
    for model in NODE_TYPES.values():
        for field in model.model_fields:
            assert re.search(rf"\b{field}\b", text), f"{model.__name__}: {field}"


def test_the_page_names_every_variable_that_is_given() -> None:
    for name in names.GIVEN:
        assert f"`{name}`" in PAGE, name


def test_the_limits_of_the_page_are_those_of_the_code() -> None:
    assert f"{names.MOST_BYTES // 1024} KiB, {names.MOST_NODES} nodes or {names.MOST_LEVELS} levels" in PAGE
    assert f"after {names.MOST_WAITS} answers, or {names.MOST_VISITS} nodes" in PAGE
