"""Flows as they are used: one flow, and the set that a caller begins with, which never changes under them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from hotline.ivr.effects import Prompt
from hotline.ivr.nodes import AnyNode, Asking, Call, FlowFile, Gather, Menu, Survey
from hotline.ivr.nodes import Set as SetNode
from hotline.ivr.parts import Item
from hotline.ivr.reading import Document
from hotline.ivr.texts import has_places


@dataclass(frozen=True)
class Flow:
    """One flow: its file's values, checked. ``source`` is the file's text, ``document`` tells where things stand."""

    name: str
    file: FlowFile
    source: str = field(repr=False)
    document: Document = field(repr=False)

    @property
    def nodes(self) -> Mapping[str, AnyNode]:
        return self.file.nodes

    @property
    def languages(self) -> tuple[str, ...]:
        return self.file.languages

    @cached_property
    def calls(self) -> tuple[str, ...]:
        """The flows that this one calls."""
        return tuple(dict.fromkeys(node.flow for node in self.nodes.values() if isinstance(node, Call)))

    @cached_property
    def variables(self) -> frozenset[str]:
        """The variables that this flow sets."""
        own = set(self.file.variables)
        for node in self.nodes.values():
            match node:
                case SetNode():
                    own |= node.values.keys()
                case Gather():
                    own.add(node.into)
                case Menu():
                    own |= {variable for choice in node.keys.values() for variable in choice.set}
                case Survey():
                    own |= {f"survey.{question.name}" for question in node.questions}
                case _:
                    pass
        return frozenset(own)

    def prompt(self, node: str, place: str, item: Item, language: str) -> Prompt:
        """What an item of a node's speech says; ``place`` tells apart those that are written in the node."""
        if isinstance(item, str):
            name, texts = item, self.file.prompts.get(item, {})
        else:
            name, texts = f"{node}.{place}" if place else node, item
        fixed = not any(has_places(text) for text in texts.values())
        return Prompt(f"{self.name}.{name}", texts, language, fixed)

    def spoken(self) -> Iterator[tuple[str, str, Item]]:
        """Every item that is said somewhere: (node, place, item); the defaults' ones have no node."""
        for name, node in self.nodes.items():
            for place, items in speeches(node).items():
                yield from ((name, numbered(place, n), item) for n, item in enumerate(items))
        for place in ("wrong", "silent"):
            for n, item in enumerate(getattr(self.file.defaults, place) or ()):
                yield "defaults", numbered(place, n), item


def speeches(node: AnyNode) -> Mapping[str, tuple[Item, ...]]:
    """All that a node may say, by place."""
    found = {"": node.speech()}
    if isinstance(node, Asking):
        found |= {"wrong": node.wrong or (), "silent": node.silent or ()}
    if isinstance(node, Survey):
        found |= {question.name: question.say for question in node.questions}
    return {place: items for place, items in found.items() if items}


def numbered(place: str, n: int) -> str:
    """The place of the n-th item: ``""``, ``2``, ``wrong``, ``wrong.2``."""
    if n == 0:
        return place
    return f"{place}.{n + 1}" if place else str(n + 1)


@dataclass(frozen=True)
class FlowSet:
    """A flow with all flows that it calls. ``version`` counts its contents, 0 until the records have numbered them;
    ``digest`` names the content itself; ``kept_as`` is the digest by which the records kept it."""

    name: str
    flows: Mapping[str, Flow]
    version: int = 0
    kept_as: str = ""

    @cached_property
    def digest(self) -> str:
        """A hash over what the flows say and do; comments and white space do not count."""
        if self.kept_as:
            return self.kept_as
        contents = {name: flow.file.model_dump(mode="json") for name, flow in sorted(self.flows.items())}
        return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()[:32]

    @property
    def root(self) -> Flow:
        return self.flows[self.name]

    @property
    def languages(self) -> tuple[str, ...]:
        return self.root.languages

    @property
    def sources(self) -> Mapping[str, str]:
        """The text of each flow's file."""
        return {name: flow.source for name, flow in sorted(self.flows.items())}

    def part(self, name: str) -> FlowSet:
        """One of the flows with those that it calls: what it is when callers begin with it."""
        if name == self.name:
            return self
        members, waiting = set[str](), [name]
        while waiting:
            each = waiting.pop()
            if each not in members:
                members.add(each)
                waiting.extend(self.flows[each].calls)
        return FlowSet(name, {each: self.flows[each] for each in sorted(members)})

    @property
    def calendars(self) -> frozenset[str]:
        """The business calendars that the flows ask."""
        return frozenset(
            node.calendar for flow in self.flows.values() for node in flow.nodes.values() if node.type == "hours"
        )

    def prompts(self) -> tuple[Prompt, ...]:
        """Everything that is said the same to every caller, in each language: to be made beforehand."""
        found: dict[tuple[str, str], Prompt] = {}
        for flow in self.flows.values():
            for node, place, item in flow.spoken():
                for language in flow.languages:
                    prompt = flow.prompt(node, place, item, language)
                    if prompt.fixed:
                        found[prompt.name, language] = prompt
        return tuple(found.values())
