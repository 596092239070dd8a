"""Flows on disk, in memory and in the records: versions, what is refused, who keeps what, and what is counted."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from hotline.crm.queries.ivr.flows import list_versions, ways_taken
from hotline.crm.viewer import SYSTEM
from hotline.errors import Unavailable
from hotline.ids import new_id
from hotline.ivr import effects as fx
from hotline.ivr import engine
from hotline.ivr.session import Session
from hotline.workflows.house import House
from hotline.workflows.ivr import flows as workflow
from hotline.workflows.ivr.flow_registry import FlowRegistry, shipped_folder
from tests.waiting import until

FLOW = """\
flow: shop
languages: [en]
start: menu
nodes:
  menu: {type: menu, say: {en: Hello}, keys: {1: bye, 2: ask}, otherwise: bye}
  ask: {type: flow, flow: sub, next: bye}
  bye: {type: hang_up, say: {en: Goodbye}}
"""
SUB = """\
flow: sub
languages: [en]
start: more
nodes:
  more: {type: menu, say: {en: More}, keys: {1: back}, otherwise: back}
  back: {type: return}
"""


@pytest.fixture
def folder(tmp_path: Path, house: House) -> Path:
    """The company's flows: ``shop``, which calls ``sub``."""
    made = tmp_path / "flows"
    made.mkdir()
    write(made, "shop", FLOW)
    write(made, "sub", SUB)
    restart(house, made)
    return made


def write(folder: Path, name: str, text: str) -> None:
    """As editors write: another file takes the name."""
    fresh = folder / f"{name}.new"
    fresh.write_text(text)
    fresh.rename(folder / f"{name}.yaml")


def restart(house: House, folder: Path) -> None:
    """The same records, and a process that has seen no flow yet."""
    house.flows = FlowRegistry(shipped_folder(), folder)


async def look(house: House) -> None:
    await workflow.follow_files(house)
    await workflow.number_flows(house)


async def numbers(house: House, flow: str = "shop") -> list[int]:
    return [view.version for view in await list_versions(house.db, SYSTEM, flow)]


async def told(house: House) -> list[dict[str, object]]:
    rows = await house.db.fetch("SELECT data FROM outbox WHERE type = 'flow.changed' ORDER BY at, id")
    return [row["data"] for row in rows if row["data"]["flow"] == "shop"]


async def test_a_version_for_each_content(house: House, folder: Path) -> None:
    await look(house)
    assert await numbers(house) == [1]
    write(folder, "shop", "# a comment\n" + FLOW)
    await look(house)
    assert await numbers(house) == [1]
    write(folder, "shop", FLOW.replace("Hello", "Good day"))
    await look(house)
    write(folder, "sub", SUB.replace("More", "What more"))
    await look(house)
    assert await numbers(house) == [3, 2, 1], "a flow that is called is a part of the content"
    assert await numbers(house, "sub") == [2, 1]
    write(folder, "shop", FLOW)
    write(folder, "sub", SUB)
    await look(house)
    found = house.flows.get("shop")
    assert found is not None
    assert found.version == 1, "an old content is the version that it was"
    assert [event["version"] for event in await told(house)] == [1, 2, 3]


async def test_nodes_number_one_content_once(house: House, folder: Path) -> None:
    others = [replace(house) for _ in range(4)]
    for other in others:
        restart(other, folder)
    await asyncio.gather(*(look(other) for other in others))
    assert await numbers(house) == [1]
    for other in others:
        found = other.flows.get("shop")
        assert found is not None
        assert found.version == 1


async def test_a_refused_file_changes_nothing_for_callers(house: House, folder: Path) -> None:
    await look(house)
    before = house.flows.get("shop")
    write(folder, "shop", FLOW.replace("bye:", "oops:"))
    await look(house)
    assert house.flows.get("shop") == before
    assert house.flows.now.refused == {"shop"}
    assert any("There is no node `bye`" in one.text for one in house.flows.problems["shop.yaml"])
    assert (await told(house))[-1]["refused"] is True
    write(folder, "shop", FLOW.replace("Hello", "Welcome"))
    await look(house)
    found = house.flows.get("shop")
    assert found is not None
    assert found.version == 2
    assert house.flows.now.refused == frozenset()


async def test_a_flow_keeps_its_version_when_one_that_it_calls_is_refused(house: House, folder: Path) -> None:
    await look(house)
    before = house.flows.get("shop")
    write(folder, "sub", "flow: sub\n")
    await look(house)
    assert house.flows.get("shop") == before
    assert house.flows.now.refused == {"shop", "sub"}


async def test_after_a_restart_the_records_have_what_a_refused_file_lacks(house: House, folder: Path) -> None:
    await look(house)
    write(folder, "shop", "flow: shop\nnonsense")
    restart(house, folder)
    house.flows.load()
    assert house.flows.get("shop") is None
    await look(house)
    found = house.flows.get("shop")
    assert found is not None
    assert found.version == 1
    assert found.sources["shop"] == FLOW


async def test_a_shipped_flow_serves_while_the_company_s_own_is_refused(house: House, folder: Path) -> None:
    write(folder, "main", "flow: main\n")
    house.flows.load()
    found = house.flows.get("main")
    assert found is not None
    assert "choose_language" in found.root.file.prompts


async def test_a_file_that_is_gone_takes_its_flow_along(house: House, folder: Path) -> None:
    await look(house)
    (folder / "shop.yaml").unlink()
    await look(house)
    assert house.flows.get("shop") is None
    shutil.rmtree(folder)
    await look(house)
    assert house.flows.names == ("main",)
    assert "cannot be read" in house.flows.problems[str(folder)][0].text


async def test_a_caller_stays_in_the_version_that_they_began_with(house: House, folder: Path) -> None:
    await look(house)
    began = house.flows.get("shop")
    assert began is not None
    session = engine.start(began, fx.CallerFacts(), {}, house.clock()).session
    write(folder, "shop", FLOW.replace("bye", "end"))
    restart(house, folder)
    await look(house)
    kept = Session.from_json(session.to_json())
    assert house.flows.get("shop", kept.digest) is None, "this process has not seen it"
    found = await workflow.fetch(house, "shop", kept.digest)
    assert found is not None
    assert found.version == 1
    step = engine.resume(found, kept, fx.Pressed("1"), {}, house.clock())
    assert step.session.trail[-1] == ("shop", "menu", "1")
    assert house.flows.get("shop", kept.digest) is not None, "and keeps it"
    assert await workflow.fetch(house, "shop", "0" * 32) is None


async def test_flows_go_on_while_the_database_is_away(
    house: House, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise Unavailable()

    with monkeypatch.context() as patch:
        patch.setattr("hotline.crm.commands.ivr.flows.number_flow", away)
        job = asyncio.create_task(workflow.run(house))
        await until(lambda: house.flows.is_loaded)
        write(folder, "shop", FLOW.replace("Hello", "Hi"))
        house.flows.load()
        found = house.flows.get("shop")
        assert found is not None
        assert found.version == 0
        session = engine.start(found, fx.CallerFacts(), {}, house.clock()).session
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
    assert session.version == 0
    await look(house)
    assert house.flows.settled(session).version == 1


async def call(house: House, *inputs: fx.Input) -> Session:
    found = house.flows.get("shop")
    assert found is not None
    step = engine.start(found, fx.CallerFacts(), {}, house.clock())
    for input in inputs:
        step = engine.resume(found, step.session, input, {}, house.clock())
    await keep(house, step.session)
    return step.session


async def keep(house: House, session: Session, uniqueid: str | None = None) -> None:
    await house.db.execute(
        """INSERT INTO ivr_session (id, pbx, uniqueid, flow, digest, version, state, session, facts, steps)
           VALUES ($1, 'main', $2, $3, $4, $5, 'over', $6, '{}', $7)
           ON CONFLICT (pbx, uniqueid) DO UPDATE SET session = excluded.session, steps = excluded.steps,
             uncounted = true""",
        new_id(), uniqueid or str(new_id()), session.flow, session.digest, session.version, session.to_json(),
        session.steps,
    )  # fmt: skip


async def counted(house: House, flow: str = "shop", version: int | None = None) -> dict[tuple[str, str], int]:
    return await ways_taken(house.db, SYSTEM, flow, house.clock().date(), version=version)


ONE, TWO, SILENT = fx.Pressed("1"), fx.Pressed("2"), fx.TimedOut()


async def test_every_way_is_counted_once(house: House, folder: Path) -> None:
    await look(house)
    calls: Sequence[tuple[fx.Input, ...]] = [(ONE,), (ONE,), (TWO, ONE), (SILENT,) * 3, (TWO, fx.HungUp())]
    for inputs in calls:
        await call(house, *inputs)
    await asyncio.gather(*(workflow.count_ways(house) for _ in range(3)))
    assert await counted(house) == {
        ("menu", "1"): 2, ("menu", "2"): 2, ("menu", "otherwise"): 1, ("ask", "next"): 1,
    }  # fmt: skip
    assert await counted(house, "sub") == {("more", "1"): 1}
    assert await workflow.count_ways(house) == 0


async def test_a_session_that_goes_on_is_counted_where_it_was_left(house: House, folder: Path) -> None:
    await look(house)
    found = house.flows.get("shop")
    assert found is not None
    step = engine.resume(
        found, engine.start(found, fx.CallerFacts(), {}, house.clock()).session, TWO, {}, house.clock()
    )
    await keep(house, step.session, "1.1")
    await workflow.count_ways(house)
    await keep(house, engine.resume(found, step.session, ONE, {}, house.clock()).session, "1.1")
    await workflow.count_ways(house)
    assert await counted(house) == {("menu", "2"): 1, ("ask", "next"): 1}
    assert await counted(house, "sub") == {("more", "1"): 1}


async def test_versions_are_counted_apart_and_an_unknown_content_counts_nowhere(house: House, folder: Path) -> None:
    await look(house)
    session = await call(house, ONE)
    await keep(house, replace(session, digest="f" * 32))
    write(folder, "shop", FLOW.replace("Hello", "Hi"))
    await look(house)
    await call(house, ONE)
    await workflow.count_ways(house)
    assert await counted(house) == {("menu", "1"): 2}
    assert await counted(house, version=1) == {("menu", "1"): 1}
    assert await counted(house, version=2) == {("menu", "1"): 1}
    assert await workflow.count_ways(house) == 0, "what nobody knows is not looked at again"
