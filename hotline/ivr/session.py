"""Where one caller is in a flow, and what is known of them so far: all that the engine needs to go on.

``to_json`` holds nothing that the caller keyed in and nothing that was found about them; that is ``secrets``, which is
kept sealed. What a flow's file itself says, and flags such as ``caller.known``, are no secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, get_args

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from hotline.errors import Invalid
from hotline.ivr.effects import Effect, Facts, Kind

#: What a running session waits for.
Waits = Literal["", "collect", "lookup", "record", "queue", "transfer"]
WAITS: Final = get_args(Waits)

#: The key of ``secrets`` that is no variable.
_NUMBER: Final = "facts.customer_number"


class Frame(NamedTuple):
    """A place in a flow; below the last frame: the nodes that called the flows above."""

    flow: str
    node: str


class Trace(NamedTuple):
    """A node was left by a way."""

    flow: str
    node: str
    way: str


@dataclass(frozen=True, slots=True)
class Session:
    """One caller's run. ``tries`` counts wrong inputs at the present question, ``question`` is its place in a survey;
    ``waited`` counts all inputs. Without ``frames`` a running session has been given up: it goes to the queue."""

    flow: str
    version: int
    digest: str
    frames: tuple[Frame, ...] = ()
    waits: Waits = ""
    over: bool = False
    tries: int = 0
    question: int = 0
    waited: int = 0
    language: str | None = None
    kind: Kind | None = None
    queue: str | None = None
    outcome: str | None = None
    priority: int = 0
    path: tuple[str, ...] = ()
    trail: tuple[Trace, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    private: Mapping[str, str] = field(default_factory=dict, repr=False)
    customer_number: str | None = field(default=None, repr=False)

    @property
    def steps(self) -> int:
        """The length of the trail."""
        return len(self.trail)

    @property
    def facts(self) -> Facts:
        """What is told of the caller; the answers of a survey are its variables."""
        return Facts(
            flow=self.flow,
            version=self.version,
            language=self.language,
            kind=self.kind,
            path=self.path,
            queue=self.queue,
            outcome=self.outcome,
            customer_number=self.customer_number,
            variables={name: text for name, text in self.variables.items() if name.startswith("survey.")},
        )

    def to_json(self) -> dict[str, Any]:
        """All but the secrets, as JSON values."""
        return {
            "flow": self.flow,
            "version": self.version,
            "digest": self.digest,
            "frames": [list(frame) for frame in self.frames],
            "waits": self.waits,
            "over": self.over,
            "tries": self.tries,
            "question": self.question,
            "waited": self.waited,
            "language": self.language,
            "kind": self.kind,
            "queue": self.queue,
            "outcome": self.outcome,
            "priority": self.priority,
            "path": list(self.path),
            "trail": [list(trace) for trace in self.trail],
            "variables": dict(self.variables),
        }

    def secrets(self) -> dict[str, str]:
        """What was keyed in and found; empty when there is nothing to seal."""
        number = {} if self.customer_number is None else {_NUMBER: self.customer_number}
        return {**self.private, **number}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], secrets: Mapping[str, str] | None = None) -> Session:
        """The session of ``to_json`` and ``secrets``. Raises Invalid for what is none."""
        private = dict(secrets or {})
        number = private.pop(_NUMBER, None)
        try:
            fields = _FIELDS.validate_python(dict(data))
            hidden = _SECRETS.validate_python(private)
        except ValidationError:
            raise Invalid("This is no session of a flow.") from None
        return cls(**vars(fields), private=hidden, customer_number=number)


@checked(frozen=True, config=ConfigDict(extra="forbid", strict=False))
class _Fields:
    """The JSON of a session."""

    flow: str
    version: int
    digest: str
    frames: tuple[Frame, ...]
    waits: Waits
    over: bool
    tries: int
    question: int
    waited: int
    language: str | None
    kind: Kind | None
    queue: str | None
    outcome: str | None
    priority: int
    path: tuple[str, ...]
    trail: tuple[Trace, ...]
    variables: dict[str, str]


_FIELDS: Final = TypeAdapter(_Fields)
_SECRETS: Final = TypeAdapter(dict[str, str])


@dataclass(frozen=True, slots=True)
class Step:
    """What came of one input: the session after it, and what is to be done, in order. At most the last effect waits."""

    session: Session
    effects: tuple[Effect, ...]
