"""Flows as graphs: what can be reached, what passes without asking the caller anything, and where callers would go
round for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from hotline.ivr.flow import Flow
from hotline.ivr.nodes import (
    AnyNode,
    Call,
    ChooseLanguage,
    Enqueue,
    Gather,
    HangUp,
    Menu,
    Return,
    Survey,
    Transfer,
    Voicemail,
)


def reached(flow: Flow) -> frozenset[str]:
    """The nodes to which some way leads from the start."""
    start = [name for name in (flow.file.start,) if name in flow.nodes]
    return _closure(
        start, lambda name: (to for to in flow.nodes[name].ways().values() if to is not None and to in flow.nodes)
    )


def leads_out(flow: Flow) -> frozenset[str]:
    """The nodes from which some way leads to an end: a hang-up, a return, or a talk after which nothing follows."""
    into: dict[str, list[str]] = {name: [] for name in flow.nodes}
    ends = []
    for name, node in flow.nodes.items():
        if isinstance(node, (HangUp, Return)) or None in node.ways().values():
            ends.append(name)
        for to in node.ways().values():
            if to in into:
                into[to].append(name)
    return _closure(ends, lambda name: into[name])


def passing(flows: Mapping[str, Flow]) -> frozenset[str]:
    """The flows that a caller may come through, from the start to a return, without being asked anything."""
    found: frozenset[str] = frozenset()
    while True:
        more = {name for name, flow in flows.items() if name not in found and _passes(flow, flows, found)}
        if not more:
            return found
        found |= more


def instant_cycle(flow: Flow, flows: Mapping[str, Flow], through: frozenset[str]) -> list[str] | None:
    """Nodes that lead in a circle in which nobody is asked and nothing takes time; None when there is none.
    ``through`` are the flows of ``passing``."""
    state: dict[str, int] = {}
    for start in flow.nodes:
        if start in state:
            continue
        state[start] = 1
        path = [start]
        stack = [_instant(flow, start, flows, through)]
        while stack:
            to = next(stack[-1], None)
            if to is None:
                stack.pop()
                state[path.pop()] = 2
            elif state.get(to) == 1:
                return path[path.index(to) :]
            elif to not in state:
                state[to] = 1
                path.append(to)
                stack.append(_instant(flow, to, flows, through))
    return None


def _passes(flow: Flow, flows: Mapping[str, Flow], through: frozenset[str]) -> bool:
    found = _closure([flow.file.start], lambda name: _instant(flow, name, flows, through))
    return any(isinstance(flow.nodes.get(name), Return) for name in found)


def _instant(flow: Flow, name: str, flows: Mapping[str, Flow], through: frozenset[str]) -> Iterator[str]:
    """The nodes that follow at once."""
    node = flow.nodes.get(name)
    if node is None or (isinstance(node, Call) and node.flow in flows and node.flow not in through):
        return
    waiting = _waiting(node)
    yield from (to for way, to in node.ways().items() if way not in waiting and to is not None and to in flow.nodes)


def _waiting(node: AnyNode) -> Iterable[str]:
    """The ways that are only taken after the caller had time to press a key, to speak or to wait."""
    match node:
        case Menu() | Gather() | Survey():
            return node.ways().keys()
        case ChooseLanguage(keys=keys):
            return node.ways().keys() if keys else ()
        case Voicemail():
            return ("next",)
        case Enqueue() | Transfer():
            return ("answered", "timeout")
        case _:
            return ()


def _closure(start: Iterable[str], following: Callable[[str], Iterable[str]]) -> frozenset[str]:
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(following(name))
    return frozenset(found)
