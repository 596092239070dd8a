"""The tapes joined into one tree: a state for every point at which a recorded PBX waited, and the acts that lead on.

Recordings that begin alike share their beginning. ``tapes/scenes.toml`` says who plays which part and where a state
continues like another one, so that a call may go on after the last recorded word.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from hotline.simulator.tape import Cast, Frame, Segment, read_tape


@dataclass(slots=True, eq=False)
class State:
    """A point at which the PBX waits. ``frames`` led here; ``acts`` lead on."""

    path: str
    frames: tuple[Frame, ...] = ()
    acts: dict[str, State] = field(default_factory=dict)
    like: State | None = None
    #: Parts that are called otherwise in ``like``: the target of a transfer is the agent there, for example.
    renamed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One act done: the frames to play, the new state, and the parts to rename before playing."""

    renamed: Mapping[str, str]
    state: State


def find(state: State, act: str) -> Step | None:
    """Where an act leads from a state; None when no tape tells."""
    renamed: dict[str, str] = {}
    seen: State | None = state
    while seen is not None:
        if act in seen.acts:
            return Step(renamed, seen.acts[act])
        for old, new in seen.renamed.items():
            act = " ".join(new if word == old else word for word in act.split(" "))
        renamed = _after(renamed, seen.renamed)
        seen = seen.like
    return None


def _after(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, str]:
    """Two renamings, one after the other."""
    both = {old: second.get(new, new) for old, new in first.items()}
    return both | {old: new for old, new in second.items() if old not in both}


@dataclass(frozen=True, slots=True)
class Tree:
    """All that the tapes know."""

    root: State

    def state(self, path: str) -> State:
        """The state at ``act/act/…``."""
        state = self.root
        for act in path.split("/"):
            state = state.acts[act]
        return state


@cache
def load_tree() -> Tree:
    """The tree of the packaged tapes; read once, never changed."""
    folder = files("hotline.simulator") / "tapes"
    plan = tomllib.loads((folder / "scenes.toml").read_text("utf-8"))
    cast = Cast(plan["parts"], plan["words"])
    tapes = sorted((tape for tape in folder.iterdir() if tape.name.endswith(".ami")), key=lambda tape: tape.name)
    tree = Tree(State(""))
    for tape in tapes:
        _grow(tree.root, read_tape(tape.read_bytes().decode("utf-8"), cast))
    for join in plan["join"]:
        state = tree.state(join["state"])
        state.like, state.renamed = tree.state(join["like"]), join.get("renamed", {})
    return tree


def _grow(state: State, segments: tuple[Segment, ...]) -> None:
    for segment in segments:
        path = f"{state.path}/{segment.act}".lstrip("/")
        state = state.acts.setdefault(segment.act, State(path, segment.frames))
