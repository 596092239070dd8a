"""Flows for tests: those of the repository, and random ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from textwrap import dedent
from typing import Any, Final
from zoneinfo import ZoneInfo

import yaml
from hypothesis import strategies as st

from hotline.calendars import Calendar, Opening
from hotline.ivr import effects as fx
from hotline.ivr.flow import FlowSet
from hotline.ivr.loader import Library, Source, load
from hotline.ivr.names import MOST_WAITS

ROOT: Final = Path(__file__).parents[3]
SHIPPED: Final = tuple(sorted((ROOT / "dialplans" / "flows").glob("*.yaml")))
OWN: Final = tuple(sorted((ROOT / "tests" / "flows").glob("*.yaml")))

#: A Wednesday, 10:00 in UTC.
NOW: Final = datetime(2026, 11, 25, 10, tzinfo=UTC)
_WHOLE: Final = ((Opening(0, 24 * 60),),) * 7
ALWAYS: Final = Calendar("opening_hours", ZoneInfo("UTC"), _WHOLE)
NEVER: Final = Calendar("opening_hours", ZoneInfo("UTC"), ((),) * 7)

WAITING: Final = (fx.Collect, fx.LookUp, fx.RecordMessage, fx.Enqueue, fx.Transfer, fx.HangUp)


def library(*paths: Path) -> Library:
    """The flows of files."""
    return load(Source(path.name, path.read_bytes()) for path in paths)


@lru_cache
def flows(name: str) -> FlowSet:
    """A flow of the repository."""
    return library(*SHIPPED, *OWN).sets[name]


def written(text: str, **others: str) -> Library:
    """The flow ``test`` as written, beside others."""
    sources = {"test": text, **others}
    return load(Source(f"{name}.yaml", dedent(body).encode()) for name, body in sources.items())


def one(text: str, **others: str) -> FlowSet:
    """The flow ``test``, which must be fit for use."""
    found = written(text, **others)
    assert found.errors == ()
    return found.sets["test"]


def heard(effects: tuple[fx.Effect, ...]) -> list[str]:
    """What a caller hears in a step, in the language wanted."""
    prompts = [p for effect in effects if isinstance(effect, (fx.Say, fx.Collect)) for p in effect.prompts]
    return [prompt.texts[prompt.language] for prompt in prompts]


# ---- random callers ------------------------------------------------------------------------------------------------

_keys = st.text("0123456789*#", max_size=6)
_left = st.sampled_from(["answered", "timeout", "empty", "full", "failed"])
_values = st.dictionaries(
    st.sampled_from(["caller.known", "caller.vip", "caller.tier", "caller.locale", "caller.priority", "ticket.open",
                     "ticket.number", "customer.number", "nonsense"]),
    st.sampled_from(["yes", "no", "gold", "zh", "20", "-1", "${caller.tier}", "x\r\nSET", ""]), max_size=4,
)  # fmt: skip
inputs: st.SearchStrategy[fx.Input] = st.one_of(
    st.builds(fx.Pressed, _keys),
    st.builds(fx.TimedOut),
    st.builds(fx.Found, _values),
    st.builds(fx.Recorded, st.floats(0, 200)),
    st.builds(fx.Failed, st.sampled_from(["away", "full", "refused"])),
    st.builds(fx.Left, _left),
)
callers = st.builds(
    fx.CallerFacts,
    withheld=st.booleans(),
    known=st.booleans(),
    vip=st.booleans(),
    priority=st.integers(-5, 5000),
    locale=st.sampled_from([None, "en", "zh", "fr"]),
    variables=_values,
)
calendars: st.SearchStrategy[Mapping[str, Calendar]] = st.sampled_from(
    [{}, {"opening_hours": ALWAYS}, {"opening_hours": NEVER}]
)
#: More inputs than any session takes.
ENOUGH: Final = MOST_WAITS + 3


# ---- random flows --------------------------------------------------------------------------------------------------

_SPEECH: Final = {"en": "Hello ${caller.tier}", "zh": "您好"}


@st.composite
def documents(draw: st.DrawFn, name: str = "test", calls: tuple[str, ...] = ()) -> dict[str, Any]:
    """A flow's file with random nodes that lead anywhere: most can be read, some are fit for use."""
    count = draw(st.integers(1, 8))
    names = [f"n{number}" for number in range(count)]
    target = st.sampled_from([*names, "end"])
    nodes: dict[str, Any] = {"end": {"type": draw(st.sampled_from(["hang_up", "return"]))}}
    for each in names:
        nodes[each] = draw(_node(target, calls))
    reached: set[str] = set()
    waiting = ["n0"]
    while waiting:
        each = waiting.pop()
        if each not in reached:
            reached.add(each)
            waiting += [text for text in _texts(nodes[each]) if text in nodes]
    nodes = {each: node for each, node in nodes.items() if each in reached}
    return {
        "flow": name, "languages": ["en", "zh"], "start": "n0", "variables": {"a": "1", "queue": "support"},
        "defaults": {"tries": str(draw(st.integers(1, 3)))}, "nodes": nodes,
    }  # fmt: skip


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in _texts(each)]
    return [text for each in value for text in _texts(each)] if isinstance(value, list) else [str(value)]


def _node(target: st.SearchStrategy[str], calls: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    said: dict[str, Any] = {"say": st.just(_SPEECH)}
    kinds: list[dict[str, st.SearchStrategy[Any]]] = [
        {"type": st.just("say"), **said, "next": target},
        {"type": st.just("menu"), **said, "keys": st.dictionaries(st.sampled_from(list("0123*#")), target, min_size=1),
         "otherwise": target},
        {"type": st.just("gather"), **said, "into": st.sampled_from(["a", "b"]), "next": target, "skip": target,
         "otherwise": target},
        {"type": st.just("language"), **said, "keys": st.just({"1": "en", "2": "zh"}), "next": target},
        {"type": st.just("language"), "use": st.sampled_from(["zh", "caller"]), "next": target},
        {"type": st.just("hours"), "calendar": st.just("opening_hours"), "open": target, "closed": target},
        {"type": st.just("lookup"), "what": st.sampled_from(["caller", "open_ticket"]), "found": target,
         "missing": target},
        {"type": st.just("lookup"), "what": st.just("customer_number"), "value": st.just("${a}"), "found": target,
         "missing": target, "failed": target},
        {"type": st.just("set"), "values": st.just({"a": "${a}${a}"}), "next": target},
        {"type": st.just("branch"), "cases": st.lists(st.fixed_dictionaries(
            {"variable": st.sampled_from(["a", "caller.vip"]), "equals": st.sampled_from(["1", "yes"]),
             "next": target}), min_size=1, max_size=3), "otherwise": target},
        {"type": st.just("enqueue"), "queue": st.sampled_from(["support", "${queue}"]), "answered": target,
         "unanswered": target, "empty": target, "full": target, "failed": target},
        {"type": st.just("transfer"), "to": st.just("1001"), "unanswered": target},
        {"type": st.just("voicemail"), **said, "next": target},
        {"type": st.just("survey"), "questions": st.just([{"name": "q", "say": _SPEECH}]), "next": target},
    ]  # fmt: skip
    if calls:
        kinds.append({"type": st.just("flow"), "flow": st.sampled_from(calls), "next": target})
    return st.one_of(*(st.fixed_dictionaries(kind) for kind in kinds))


def source(document: Mapping[str, Any]) -> Source:
    """A document as its file."""
    plain = json.loads(json.dumps(document))  # no part is shared, or YAML would write aliases
    return Source(f"{document['flow']}.yaml", yaml.safe_dump(plain, allow_unicode=True).encode())
