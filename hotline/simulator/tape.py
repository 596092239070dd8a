"""A tape: AMI events recorded from a real Asterisk, made into a template.

The file holds the events as they came, each ended by an empty line, and a line ``;act: WHO DOES WHAT`` wherever the
recorded PBX waited for somebody. Times become delays after the act; channels, ids, numbers, names and the queue become
tokens like ``agent.channel`` that a player fills in. tests/rig/scenes/record.py makes the files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count

#: Encloses a token in a template; control characters cannot occur in a recorded header.
_OPEN, _CLOSE = "\x01", "\x02"
_TOKEN = re.compile(f"{_OPEN}([a-z0-9.]+){_CLOSE}")
#: A silence on tape longer than this is cut to it: nobody must wait for what was a slow recording.
LONGEST_PAUSE = 1.0

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Frame:
    """One event of a tape. ``delay`` is in seconds after the act; ``parts`` are those whom the event is about."""

    delay: float
    name: str
    headers: tuple[tuple[str, str], ...]
    parts: frozenset[str]

    def render(self, value: Callable[[str], str]) -> Headers:
        """The event's headers with every token replaced by ``value(token)``."""
        return [(key, _TOKEN.sub(lambda found: value(found[1]), text)) for key, text in self.headers]


@dataclass(frozen=True, slots=True)
class Segment:
    """What the PBX said after one act."""

    act: str
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays which part on the tapes: endpoint → part, and recorded word → token."""

    endpoints: Mapping[str, str]
    words: Mapping[str, str]


def read_tape(text: str, cast: Cast) -> tuple[Segment, ...]:
    """The segments of one recording."""
    template = _Template(text, cast)
    segments: list[Segment] = []
    for block in re.split(r"^;act: ", text.replace("\r\n", "\n"), flags=re.MULTILINE)[1:]:
        act, _, rest = block.partition("\n")
        segments.append(Segment(act.strip(), tuple(_frames(rest, template))))
    return tuple(segments)


def _frames(text: str, template: _Template) -> Iterator[Frame]:
    last: float | None = None
    delay = 0.0
    for lines in (part.split("\n") for part in text.split("\n\n")):
        headers = [(key, value) for key, found, value in (line.partition(": ") for line in lines) if found or value]
        named = dict(headers)
        if "Event" not in named:
            continue  # the answer to the recorder's own action
        at = float(named["Timestamp"])
        if last is not None:
            delay += min(max(at - last, 0.0), LONGEST_PAUSE)
        last = max(at, last or at)
        replaced = tuple((key, value if key == "Timestamp" else template(value)) for key, value in headers)
        tokens = {token for _, value in replaced for token in _TOKEN.findall(value)}
        yield Frame(delay, named["Event"], replaced, frozenset(token.partition(".")[0] for token in tokens))


class _Template:
    """Replaces what was recorded by tokens."""

    def __init__(self, text: str, cast: Cast) -> None:
        words = dict(cast.words)
        for endpoint, part in cast.endpoints.items():
            extension = endpoint.rpartition("/")[2]
            words |= {
                endpoint: f"{part}.interface",
                extension: f"{part}.extension",
                f"Agent {extension}": f"{part}.name",
            }
        words |= _channels(text, cast)
        for number, bridge in enumerate(
            re.findall(r"^Event: BridgeCreate\r?\n(?:.+\r?\n)*?BridgeUniqueid: (\S+)", text, re.MULTILINE), 1
        ):
            words.setdefault(bridge, f"bridge{number}.id")
        self._words = words
        longest_first = sorted(words, key=len, reverse=True)
        self._pattern = re.compile("(?<![0-9A-Za-z])(" + "|".join(map(re.escape, longest_first)) + ")(?![0-9A-Za-z])")

    def __call__(self, value: str) -> str:
        return self._pattern.sub(lambda found: f"{_OPEN}{self._words[found[1]]}{_CLOSE}", value)


def _channels(text: str, cast: Cast) -> dict[str, str]:
    """Channel names and uniqueids of the tape, in the order of their appearance, → tokens."""
    words: dict[str, str] = {}
    locals_ = count(1)
    outgoing = text.startswith(";act: desk dials")
    pattern = r"^Event: Newchannel\r?\n(?:.+\r?\n)*?Channel: (\S+)\r?\n(?:.+\r?\n)*?Uniqueid: (\S+)"
    for channel, uniqueid in re.findall(pattern, text, re.MULTILINE):
        endpoint = channel.rpartition("-")[0]
        if channel.startswith("Local/"):
            part = f"local{next(locals_)}"
        elif endpoint in cast.endpoints:
            part = cast.endpoints[endpoint]
        else:
            part = "callee" if outgoing else "caller"
        words[channel] = f"{part}.channel"
        words[uniqueid] = f"{part}.uniqueid"
    return words
