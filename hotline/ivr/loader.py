"""Files → flows: read, shaped by the nodes' models, checked, and joined with the flows that they call."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hotline.ivr import names
from hotline.ivr.check import check_calls, check_flow
from hotline.ivr.flow import Flow, FlowSet
from hotline.ivr.graph import passing
from hotline.ivr.nodes import NODE_TYPES, FlowFile
from hotline.ivr.problems import Problem
from hotline.ivr.reading import Document, Unreadable, read

#: Most findings told about one file: the first ones are mended first.
MOST_PROBLEMS: Final = 50


@dataclass(frozen=True)
class Source:
    """One file: its name for messages, and its bytes. ``stem`` is what its flow must be called."""

    file: str
    content: bytes = field(repr=False)

    @property
    def stem(self) -> str:
        return self.file.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0]


@dataclass(frozen=True)
class Library:
    """What a collection of files holds: the sets that can be used, by name, and what is wrong, by file."""

    sets: Mapping[str, FlowSet]
    problems: Mapping[str, tuple[Problem, ...]]

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(one for found in self.problems.values() for one in found if not one.warning)


def load(sources: Iterable[Source], base: Iterable[Source] = ()) -> Library:
    """The flows of ``sources``; those of ``base`` may be called by them, are replaced by one of the same name, and
    their problems are told too. A flow with an error, or that calls one with an error, is not in ``sets``."""
    entries: dict[str, _Entry] = {}  # by flow
    unnamed: list[_Entry] = []
    for layer in (base, sources):
        taken: set[str] = set()
        for source in layer:
            flow, problems = _shape(source)
            entry = _Entry(source.file, flow, problems)
            if flow is None:
                unnamed.append(entry)
            elif flow.name in taken:
                text = f"`{flow.name}` is the flow of {entries[flow.name].file} already; remove one of the two."
                entry.problems.append(flow.document.problem(("flow",), text))
                unnamed.append(entry)
            else:
                taken.add(flow.name)
                entries[flow.name] = entry  # over the shipped one, whose problems are nobody's now
    flows = {name: entry.flow for name, entry in entries.items() if entry.flow is not None}
    through = passing(flows)
    unread = frozenset(Source(entry.file, b"").stem for entry in unnamed)
    for name, flow in flows.items():
        entries[name].problems.extend(check_flow(flow, flows))
        entries[name].problems.extend(check_calls(flow, flows, through, unread))
    broken = {name for name, entry in entries.items() if any(not one.warning for one in entry.problems)}
    sets = {}
    for name in flows:
        members = _members(name, flows)
        if members is not None and not members & broken:
            sets[name] = FlowSet(name, {member: flows[member] for member in sorted(members)})
    told: dict[str, list[Problem]] = {}
    for entry in (*entries.values(), *unnamed):
        told.setdefault(entry.file, []).extend(entry.problems)
    return Library(sets, {file: tuple(sorted(set(found))[:MOST_PROBLEMS]) for file, found in sorted(told.items())})


@dataclass
class _Entry:
    file: str
    flow: Flow | None
    problems: list[Problem]


def rebuild(name: str, sources: Mapping[str, str], version: int, digest: str) -> FlowSet | None:
    """The set that ``sources`` (text by flow) were kept from; None when this version of hotline cannot use it."""
    library = load(Source(f"{flow}.yaml", text.encode()) for flow, text in sources.items())
    found = library.sets.get(name)
    return None if found is None else FlowSet(found.name, found.flows, version, digest)


def _members(name: str, flows: Mapping[str, Flow]) -> frozenset[str] | None:
    """The flow and all that it calls; None when one is missing."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        each = waiting.pop()
        if each not in flows:
            return None
        if each not in found:
            found.add(each)
            waiting.extend(flows[each].calls)
    return frozenset(found)


def _shape(source: Source) -> tuple[Flow | None, list[Problem]]:
    try:
        document = read(source.file, source.content)
    except Unreadable as error:
        return None, [error.problem]
    try:
        file = FlowFile.model_validate(document.value)
    except ValidationError as error:
        found = _causes(error.errors(include_url=False, include_context=True, include_input=True))
        return None, [_problem(document, one) for one in found[:MOST_PROBLEMS]]
    except RecursionError:
        return None, [Problem(source.file, 1, 1, "The file is nested too deeply.")]
    flow = Flow(file.flow, file, source.content.decode("utf-8-sig"), document)
    if flow.name != source.stem:
        text = f"The flow is called `{flow.name}`; call its file {flow.name}.yaml."
        return flow, [document.problem(("flow",), text)]
    return flow, []


#: What a text must look like, in words, by its pattern.
_PATTERNS: Final = {
    names.NAME: "must be a name: lower case letters, digits and _, beginning with a letter, 40 at most",
    names.VARIABLE: "must be a variable's name, for example caller.tier",
    names.LANGUAGE: "must be a language, for example en or zh",
    names.KEY: "must be one key of the telephone: 0 to 9, * or # (in quotes)",
    r"^[0-9]{1,10}$": "must be digits, for example 12345",
}


def _causes(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without lists that are only too short because their items are wrong."""
    places = [error["loc"] for error in errors]
    return [
        error
        for error in errors
        if error["type"] != "too_short"
        or not any(len(place) > len(error["loc"]) and place[: len(error["loc"])] == error["loc"] for place in places)
    ]


def _problem(document: Document, error: ErrorDetails) -> Problem:
    path = tuple(part for part in error["loc"] if part != "[key]")
    # pydantic names the type of node behind the node's name, and a type may be called like a field.
    place = (*path[:2], *path[3:]) if path[0] == "nodes" else path
    return document.problem(place, _sentence(document, path, error))


def _sentence(document: Document, path: tuple[Any, ...], error: ErrorDetails) -> str:
    name = next((str(part) for part in reversed(path) if isinstance(part, str)), "the file")
    context = error.get("ctx", {})
    match error["type"]:
        case "missing":
            if name == "next":
                return "Dead end: `next` is missing; name the node that follows."
            return f"`{name}` is missing here."
        case "extra_forbidden":
            return (
                f"`{_short(name)}` is not known here{_meant(name, _fields(document, path))}; remove it or correct it."
            )
        case "union_tag_not_found":
            return f"`type` is missing; say what this node does: {_types()}."
        case "union_tag_invalid":
            tag = str(context.get("tag", ""))
            return f"`{_short(tag)}` is no type of node{_meant(tag, NODE_TYPES)}; there are {_types()}."
        case "string_pattern_mismatch":
            return f"`{_short(str(error['input']))}` {_PATTERNS.get(str(context['pattern']), 'is not right here')}."
        case "too_long" | "string_too_long":
            return f"`{name}` is too long: {context['max_length']} at most."
        case "too_short" | "string_too_short":
            return f"`{name}` is empty; fill it or remove it."
        case "value_error":
            return f"{str(context['error'])[:1].upper()}{str(context['error'])[1:]}."
        case "literal_error":
            return f"`{name}` must be one of {context['expected']}."
        case "greater_than_equal":
            return f"`{name}` must be {context['ge']:g} or more."
        case "less_than_equal":
            return f"`{name}` must be {context['le']:g} or less."
        case kind if kind.startswith(("int", "float")):
            return f"`{name}` must be a number."
        case kind if kind.startswith("bool"):
            return f"`{name}` must be yes or no."
        case kind if kind.startswith("string"):
            return f"`{name}` must be a text, not a list or a mapping."
        case kind if kind.startswith(("dict", "model", "mapping")):
            return f"`{name}` must be a mapping: names with a colon, one per line."
        case kind if kind.startswith(("tuple", "list")):
            return f"`{name}` must be a list: lines that begin with a dash."
        case _:
            return f"`{name}`: {error['msg']}."


def _types() -> str:
    return ", ".join(NODE_TYPES)


def _fields(document: Document, path: tuple[Any, ...]) -> list[str]:
    """The names that a model around ``path`` knows: that of the node's type, or the file's own."""
    if len(path) == 1:
        return list(FlowFile.model_fields)
    if len(path) > 2 and path[0] == "nodes" and path[2] in NODE_TYPES:
        return list(NODE_TYPES[path[2]].model_fields)
    return []


def _meant(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean `{close[0]}`?)" if close else ""


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
