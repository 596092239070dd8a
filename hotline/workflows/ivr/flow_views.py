"""Flows as people look at them: what is in use, what was refused, and how many callers took each way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from hotline.crm.queries.ivr import flows as queries
from hotline.crm.queries.ivr.flows import VersionView
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound
from hotline.ivr.draw_words import Counts
from hotline.ivr.flow import FlowSet
from hotline.ivr.nodes import Survey
from hotline.ivr.problems import Problem
from hotline.workflows.company.calendars import rules_of
from hotline.workflows.house import House
from hotline.workflows.ivr.flows import fetch

#: Days whose callers are counted in pictures.
DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class FlowView:
    """A flow of this node. ``version`` is 0 until the records gave one; ``refused``: its newest file is not used;
    ``missing_calendars`` count as always open; ``callers`` are those of the last 30 days."""

    name: str
    title: Mapping[str, str]
    version: int
    digest: str
    languages: tuple[str, ...]
    nodes: int
    used: bool
    refused: bool
    problems: tuple[Problem, ...]
    missing_calendars: tuple[str, ...]
    callers: int


@dataclass(frozen=True, slots=True)
class WayView:
    """One way out of a node: how often it was taken, and its share of all ways out of that node, 0 to 1."""

    node: str
    way: str
    to: str | None
    times: int
    share: float


async def list_flows(house: House, viewer: Viewer) -> list[FlowView]:
    """The flows in use, and those whose files were refused, by name."""
    viewer.require("flows.read")
    now = house.flows.now
    return [await _view(house, viewer, name) for name in sorted(now.sets.keys() | now.refused)]


async def get_flow(house: House, viewer: Viewer, name: str) -> FlowView:
    """One flow. Raises NotFound."""
    viewer.require("flows.read")
    now = house.flows.now
    if name not in now.sets and name not in now.refused:
        raise NotFound()
    return await _view(house, viewer, name)


async def _view(house: House, viewer: Viewer, name: str) -> FlowView:
    now = house.flows.now
    flows = house.flows.get(name)
    problems = tuple(one for file, found in now.problems.items() if _stem(file) == name for one in found)
    if flows is None:
        return FlowView(name, {}, 0, "", (), 0, False, True, problems, (), 0)
    taken = await queries.ways_taken(house.db, viewer, name, _since(house))
    start = flows.root.file.start
    return FlowView(
        name=name,
        title=flows.root.file.title,
        version=flows.version,
        digest=flows.digest,
        languages=flows.languages,
        nodes=len(flows.root.nodes),
        used=True,
        refused=name in now.refused,
        problems=problems,
        missing_calendars=tuple(sorted(flows.calendars - set((await rules_of(house)).calendars))),
        callers=sum(times for (node, _), times in taken.items() if node == start),
    )


def survey_questions(house: House) -> tuple[str, ...]:
    """The questions that the surveys of the flows ask now, by name; none while nobody has read the flows yet."""
    if not house.flows.is_loaded:
        return ()
    nodes = (
        node for flows in house.flows.now.sets.values() for flow in flows.flows.values() for node in flow.nodes.values()
    )
    return tuple(sorted({each.name for node in nodes if isinstance(node, Survey) for each in node.questions}))


def _stem(file: str) -> str:
    return file.rpartition("/")[2].rpartition(".")[0]


def _since(house: House) -> date:
    return (house.clock() - timedelta(days=DAYS - 1)).date()


async def list_versions(house: House, viewer: Viewer, name: str) -> list[VersionView]:
    """The contents that a flow had, the newest first."""
    return await queries.list_versions(house.db, viewer, name)


async def flow_of(house: House, viewer: Viewer, name: str, version: int | None) -> FlowSet:
    """A flow as it is, or as it was in an earlier version. Raises NotFound."""
    viewer.require("flows.read")
    found = house.flows.get(name)
    if version is not None and (found is None or found.version != version):
        found = await fetch(house, name, version=version)
    if found is None:
        raise NotFound()
    return found


async def list_ways(house: House, viewer: Viewer, flows: FlowSet, version: int | None) -> list[WayView]:
    """Every way of a flow with how often it was taken in the last 30 days, in ``version`` only or in all."""
    taken = await queries.ways_taken(house.db, viewer, flows.name, _since(house), version=version)
    found = []
    for name, node in flows.root.nodes.items():
        total = sum(taken.get((name, way), 0) for way in node.ways())
        for way, to in node.ways().items():
            times = taken.get((name, way), 0)
            found.append(WayView(name, way, to, times, times / total if total else 0.0))
    return found


async def picture(
    flows: FlowSet,
    counts: Counts | None,
    language: str | None,
    *,
    word: Callable[[str], str] = str,
    link: Callable[[str], str] | None = None,
    standalone: bool = True,
) -> str:
    """The flow's SVG; in a thread, since the layout of a large flow takes a while."""
    # Here, since numpy comes with it: a process that draws no flow starts without.
    from hotline.ivr.draw import draw

    return await asyncio.to_thread(
        draw, flows.root, counts=counts, language=language, word=word, link=link, standalone=standalone
    )


def counts_of(ways: list[WayView]) -> Counts | None:
    """The counts for a picture; none while nobody has called."""
    counts = {(way.node, way.way): way.times for way in ways if way.times}
    return counts or None
