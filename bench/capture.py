"""A real capture as a source of load: the project's own recordings, every replay with ids and numbers of its own."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Iterator
from itertools import count

from hotline.simulator.tape import Frame
from hotline.simulator.tree import load_tree

#: The recorded calls that are replayed, as what is done in them.
PATHS = (
    "caller calls/agent answers/caller hangs up",
    "caller calls/agent answers/desk transfers agent/target answers/caller hangs up",
    "caller calls/agent answers/desk consults agent/target answers/agent hangs up/caller hangs up",
    "caller calls/caller hangs up",
    "desk dials/agent answers/callee answers/callee hangs up",
)
#: The second of this process's start, as in Asterisk's ids: no two runs may share one.
BEGAN = int(time.time())
_TOKEN = re.compile("\x01([a-z0-9.]+)\x02")


class Frames:
    """Events compiled into one format string each, which is an order of magnitude faster than filling headers."""

    def __init__(self, frames: tuple[Frame, ...]) -> None:
        self.frames = frames
        self.texts = [self._compile(frame) for frame in frames]

    @staticmethod
    def _compile(frame: Frame) -> str:
        def filled(key: str, value: str) -> str:
            return "%(now)s" if key == "Timestamp" else _TOKEN.sub(r"%(\1)s", value.replace("%", "%%"))

        return "".join(f"{key}: {filled(key, value)}\r\n" for key, value in frame.headers) + "\r\n"


class Values(dict[str, str]):
    """The tokens of one call; ids are made when they are first asked for."""

    serial = count()

    def __missing__(self, token: str) -> str:
        part, _, what = token.partition(".")
        number = next(Values.serial)
        if what in ("channel", "uniqueid"):
            endpoint = (
                "Local/1002@hotline-agents"
                if part.startswith("local")
                else self.get(f"{part}.interface", "PJSIP/trunk")
            )
            self[f"{part}.channel"] = f"{endpoint}-{number:08x}" + (
                f";{2 - int(part[-1]) % 2}" if endpoint.startswith("Local") else ""
            )
            self[f"{part}.uniqueid"] = f"{BEGAN}.{number}"
        else:
            self[token] = f"bridge-{number:08x}" if what == "id" else f"{token}-{number}"
        return self[token]


def whole_calls() -> list[Frames]:
    """The frames of each recorded call from its beginning to its end."""
    calls = []
    for path in PATHS:
        state = load_tree().root
        frames: list[Frame] = []
        for act in path.split("/"):
            state = state.acts[act]
            frames += state.frames
        calls.append(Frames(tuple(frames)))
    return calls


def endless(at_once: int) -> Iterator[bytes]:
    """Events of many calls at once, one after the other; a call that ends is followed by a new one."""
    kinds, number = whole_calls(), count()

    def begin() -> tuple[Iterator[str], Values]:
        n = next(number)
        agents = {f"{part}.{what}": value for k, part in enumerate(("agent", "other", "target", "next"))
                  for what, value in _phone(1 + (n * 4 + k) % 200)}  # fmt: skip
        values = Values(agents)
        values |= {"caller.number": f"+4420{n % 10**8:08d}", "caller.name": f"Caller {n}", "call.queue": "support"}
        values |= {"call.dialled": "9500", "callee.number": f"+4930{n % 10**8:08d}"}
        return iter(kinds[n % len(kinds)].texts), values

    calls = deque(begin() for _ in range(at_once))
    while True:
        texts, values = calls.popleft()
        text = next(texts, None)
        if text is None:
            calls.append(begin())
            continue
        values["now"] = f"{time.time():.6f}"
        yield (text % values).encode()
        calls.append((texts, values))


def _phone(n: int) -> tuple[tuple[str, str], ...]:
    return ("interface", f"PJSIP/agent{n}"), ("extension", str(1000 + n)), ("name", f"Agent {n}")
