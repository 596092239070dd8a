"""Flows through the API: lists, the ways of callers, pictures, and who may see them."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from hotline.ivr.schema import schema
from hotline.workflows.ivr import flows as workflow
from hotline.workflows.ivr.flow_registry import FlowRegistry, shipped_folder
from tests.integration.test_flows import FLOW, ONE, SUB, call, write
from tests.integration.web.conftest import Api


@pytest.fixture
async def folder(tmp_path: Path, api: Api) -> Path:
    """The company's flows, with two callers."""
    write(tmp_path, "shop", FLOW)
    write(tmp_path, "sub", SUB)
    api.house.flows = FlowRegistry(shipped_folder(), tmp_path)
    await workflow.follow_files(api.house)
    await workflow.number_flows(api.house)
    for _ in range(2):
        await call(api.house, ONE)
    await workflow.count_ways(api.house)
    return tmp_path


async def test_the_list_tells_what_is_in_use_and_what_was_refused(api: Api, folder: Path) -> None:
    write(folder, "sub", SUB.replace("return", "retrun"))
    await workflow.follow_files(api.house)
    found = {each["name"]: each for each in (await api.get("/flows", role="supervisor"))["items"]}
    assert (found["main"]["used"], found["main"]["refused"], found["main"]["problems"]) == (True, False, [])
    assert found["main"]["languages"] == ["en", "zh"]
    assert found["main"]["missing_calendars"] == []
    assert (found["sub"]["used"], found["sub"]["refused"], found["sub"]["version"]) == (True, True, 1)
    assert found["sub"]["problems"][0]["line"] == 6
    assert (found["shop"]["refused"], found["shop"]["callers"]) == (True, 2)


async def test_one_flow_with_the_ways_of_its_callers(api: Api, folder: Path) -> None:
    flow = await api.get("/flows/shop")
    ways = {(way["node"], way["way"]): way for way in flow["ways"]}
    assert ways["menu", "1"] == {"node": "menu", "way": "1", "to": "bye", "times": 2, "share": 1.0}
    assert ways["menu", "2"]["times"] == 0
    assert [each["version"] for each in flow["versions"]] == [1]
    write(folder, "shop", FLOW.replace("Hello", "Hi"))
    await workflow.follow_files(api.house)
    await workflow.number_flows(api.house)
    assert (await api.get("/flows/shop"))["version"] == 2
    assert sum(way["times"] for way in (await api.get("/flows/shop?version=2"))["ways"]) == 0
    assert sum(way["times"] for way in (await api.get("/flows/shop?version=1"))["ways"]) == 2
    await api.get("/flows/shop?version=3", status=404)
    await api.get("/flows/nothing", status=404)
    await api.get("/flows/..%2fetc", status=404)


async def test_the_picture_is_svg_with_shares(api: Api, folder: Path) -> None:
    response = await api.ask("GET", "/flows/shop/picture.svg")
    assert response.content_type == "image/svg+xml"
    assert "script-src" not in response.headers["Content-Security-Policy"]
    text = await response.text()
    ElementTree.fromstring(text)
    assert "100 % (2)" in text
    plain = await (await api.ask("GET", "/flows/shop/picture.svg?shares=false")).text()
    assert "100 %" not in plain


async def test_agents_see_no_flows_and_everybody_the_schema(api: Api, folder: Path) -> None:
    for path in ("/flows", "/flows/main", "/flows/main/picture.svg"):
        assert (await api.ask("GET", path, role="agent")).status == 403
    response = await api.client.get("/api/v1/flows/schema.json")
    assert response.status == 200
    assert await response.json() == schema()
