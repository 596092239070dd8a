"""What a flow wants done for a caller, and what came of it: the two sides between the engine and a door.

The engine answers with effects and performs none. A door (FastAGI, TwiML) performs them in order; at most the
last one of a step waits for something, and what came of it is the input of the next step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

#: What a ticket may be about, as a caller chooses it.
Kind = Literal["consultation", "complaint", "service_request"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """Something to be heard. ``name`` is its place in the flow, for example ``main.welcome``; ``texts`` are what is
    said by language, variables filled in; ``language`` is the one wanted. ``fixed`` says that the texts are the same
    for every caller, so that they can be made beforehand."""

    name: str
    texts: Mapping[str, str]
    language: str
    fixed: bool = True


# ---- effects that wait for nothing -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Say:
    """Let the caller hear these, one after the other. With ``keep_keys`` a key pressed meanwhile stops them and counts
    for the next Collect."""

    prompts: tuple[Prompt, ...]
    keep_keys: bool = True


@dataclass(frozen=True, slots=True)
class Tell:
    """Facts about the caller became known (language, kind, customer): keep them now."""


# ---- effects that wait, always the last of a step ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Collect:
    """Say ``prompts`` and take keys, also while they are said (barge-in): at least ``least``, at most ``most``;
    ``finish`` ends earlier. ``first_seconds`` run from the end of the prompts, ``next_seconds`` between keys.
    ``words`` has for each key what may be said instead, where a door can listen (``ivr.spoken``); without it a number
    is asked for. → Pressed, TimedOut."""

    prompts: tuple[Prompt, ...]
    least: int
    most: int
    finish: str
    first_seconds: float
    next_seconds: float
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LookUp:
    """Ask the records: about the ``caller``, about a ``customer_number`` that was keyed in, or for an ``open_ticket``.
    → Found; after ``seconds`` without an answer Failed."""

    what: Literal["caller", "customer_number", "open_ticket"]
    value: str = ""
    seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class RecordMessage:
    """Record the caller after a tone, until silence, the key ``finish``, or ``most_seconds``. → Recorded, Failed."""

    most_seconds: int
    silence_seconds: int
    finish: str = "#"


# ---- effects that hand the caller over, always the last of a step ------------------------------------------------


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Hand the caller to a queue for at most ``seconds``; a higher ``priority`` is answered earlier. With
    ``announce_position`` the caller hears their place first. What follows is Left."""

    queue: str
    priority: int
    seconds: int
    announce_position: bool = False


@dataclass(frozen=True, slots=True)
class Transfer:
    """Dial an extension of the PBX's dialplan (digits, letters, ``_-+*#`` only). What follows is Left."""

    to: str
    seconds: int = 30


@dataclass(frozen=True, slots=True)
class HangUp:
    """The flow is over."""


Effect = Say | Tell | Collect | LookUp | RecordMessage | Enqueue | Transfer | HangUp


# ---- inputs ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pressed:
    """The keys of a Collect, without the one that ended it."""

    keys: str


@dataclass(frozen=True, slots=True)
class TimedOut:
    """No key, or too few, in time."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a LookUp found: values for the flow's variables, texts only; never spoken unless the flow says so."""

    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A message of so many seconds was recorded."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """An effect could not be performed: ``away`` (the records), ``full`` (no room for a recording), ``refused``."""

    why: str


@dataclass(frozen=True, slots=True)
class Left:
    """The caller came back from a queue or an extension: it was ``answered`` and the other side hung up, nobody
    answered in time, nobody was there, the queue was full, or it failed."""

    how: Literal["answered", "timeout", "empty", "full", "failed"]


@dataclass(frozen=True, slots=True)
class HungUp:
    """The caller is gone."""


Input = Pressed | TimedOut | Found | Recorded | Failed | Left | HungUp


@dataclass(frozen=True, slots=True)
class CallerFacts:
    """What the records know of a caller when the flow begins; all absent while they are away. ``variables`` are further
    texts that a flow may use (``caller.tier`` …)."""

    withheld: bool = False
    known: bool = False
    vip: bool = False
    priority: int = 0
    locale: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a session has told so far: the body of a call's ``ivr``. ``path`` has each choice as ``node:way``."""

    flow: str
    version: int
    language: str | None = None
    kind: Kind | None = None
    path: tuple[str, ...] = ()
    queue: str | None = None
    outcome: str | None = None  # queued, voicemail, transferred, hung_up, left
    customer_number: str | None = None  # as keyed in; kept sealed, never in call.ivr
    variables: Mapping[str, Any] = field(default_factory=dict)
