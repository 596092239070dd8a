"""The nodes of a flow as its file writes them: pydantic reads them, and publishes them as the JSON Schema.

Each node knows its ways: by which name it is left, and for which node; None is the end of the flow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args

from pydantic import BeforeValidator, Field, model_validator

from hotline.ivr import names
from hotline.ivr.effects import Kind
from hotline.ivr.parts import (
    Item,
    Key,
    KeyChoice,
    Label,
    Language,
    NodeName,
    OwnVariable,
    Part,
    PromptName,
    Seconds,
    Speech,
    Texts,
    Tries,
    Value,
    Variable,
    WaitSeconds,
    Word,
)

Ways: TypeAlias = Mapping[str, str | None]


class Node(Part):
    """What all nodes have."""

    label: Label | None = Field(None, description="What the picture calls this node.")

    def ways(self) -> Ways:
        """The ways out, in the order in which people read them."""
        return {"next": getattr(self, "next", None)}

    def speech(self) -> tuple[Item, ...]:
        """What is said here first."""
        return getattr(self, "say", None) or ()


class Asking(Node):
    """A node that takes keys. What is absent comes from the flow's ``defaults``."""

    tries: Tries | None = Field(None, description="How often the caller is asked before `otherwise` is taken.")
    seconds: Seconds | None = Field(None, description="Seconds to wait for the first key, after the prompts.")
    wrong: Speech | None = Field(None, description="Said after a wrong key, before the prompts are repeated.")
    silent: Speech | None = Field(None, description="Said after a time-out, before the prompts are repeated.")


class Say(Node):
    """Say prompts. A key pressed meanwhile stops them and counts for the next question."""

    type: Literal["say"]
    say: Speech
    next: NodeName


class Play(Node):
    """Play prompts whole: keys pressed meanwhile are ignored. For announcements that everybody must hear."""

    type: Literal["play"]
    say: Speech
    next: NodeName


class Menu(Asking):
    """Let the caller choose by one key."""

    type: Literal["menu"]
    say: Speech
    keys: dict[Key, KeyChoice] = Field(min_length=1, max_length=12)
    otherwise: NodeName = Field(description="When no valid key came in `tries` rounds.")

    def ways(self) -> Ways:
        return {**{key: choice.next for key, choice in self.keys.items()}, "otherwise": self.otherwise}


class Gather(Asking):
    """Take a number of several digits into a variable."""

    type: Literal["gather"]
    say: Speech
    into: OwnVariable
    least: int = Field(1, ge=1, le=32, description="Fewest digits.")
    most: int = Field(20, ge=1, le=32, description="Most digits; the last one ends the input.")
    finish: Literal["#", "*", ""] = Field("#", description="Key that ends the input earlier; empty: none.")
    next_seconds: Seconds | None = Field(None, description="Seconds between two digits.")
    next: NodeName
    skip: NodeName | None = Field(None, description="When only `finish` was pressed; else that is a wrong number.")
    otherwise: NodeName = Field(description="When no valid number came in `tries` rounds.")

    def ways(self) -> Ways:
        skip = {"skip": self.skip} if self.skip is not None else {}
        return {"next": self.next, **skip, "otherwise": self.otherwise}

    @model_validator(mode="after")
    def _range(self) -> Gather:
        if self.least > self.most:
            raise ValueError("`least` is more than `most`; swap them")
        return self


class ChooseLanguage(Asking):
    """Let the caller choose the language by a key, or use one without asking. Each language's texts of the prompts
    are said in turn, the caller's own first."""

    type: Literal["language"]
    say: Speech | None = None
    keys: dict[Key, Language] = Field(default_factory=dict, max_length=12)
    use: Language | Literal["caller"] | None = Field(
        None, description="Use this language without asking; `caller`: that of the customer's record."
    )
    next: NodeName
    otherwise: NodeName | None = Field(None, description="When no valid key came in `tries` rounds; else `next`.")

    def ways(self) -> Ways:
        if not self.keys:
            return {"next": self.next}
        return {**dict.fromkeys(self.keys, self.next), "otherwise": self.otherwise or self.next}

    @model_validator(mode="after")
    def _one_of(self) -> ChooseLanguage:
        if bool(self.keys) == (self.use is not None):
            raise ValueError("a language node needs either `keys` or `use`")
        if self.keys and self.say is None:
            raise ValueError("`say` is missing; callers must hear which key is which language")
        if self.use is not None and self.otherwise is not None:
            raise ValueError("`otherwise` belongs to `keys`; with `use` there is only `next`")
        return self


class Hours(Node):
    """Ask a business calendar. ``holiday`` is for public holidays and days that the company closed by an exception."""

    type: Literal["hours"]
    calendar: str = Field(pattern=names.NAME, description="Name of a business calendar.", examples=["default"])
    open: NodeName
    closed: NodeName
    holiday: NodeName | None = Field(None, description="Else `closed`.")

    def ways(self) -> Ways:
        return {"open": self.open, "closed": self.closed, "holiday": self.holiday or self.closed}


class Lookup(Node):
    """Ask the customers' records; the answer is in the variables ``caller.…``, ``customer.…``, ``ticket.…``."""

    type: Literal["lookup"]
    what: Literal["caller", "customer_number", "open_ticket"]
    value: Value | None = Field(None, description="The customer number, for example `${number}`.")
    seconds: Annotated[float, Field(ge=0.5, le=10)] = 2.0
    found: NodeName
    missing: NodeName = Field(description="When there is none.")
    failed: NodeName | None = Field(None, description="When the records did not answer in time; else `missing`.")

    def ways(self) -> Ways:
        return {"found": self.found, "missing": self.missing, "failed": self.failed or self.missing}

    @model_validator(mode="after")
    def _value(self) -> Lookup:
        if (self.what == "customer_number") != (self.value is not None):
            raise ValueError("`value` is needed by `what: customer_number`, and by nothing else")
        return self


class Set(Node):
    """Set variables, or what the caller wants."""

    type: Literal["set"]
    values: dict[OwnVariable, Value] = Field(default_factory=dict, max_length=50)
    kind: Kind | None = Field(None, description="What the caller wants; the ticket gets it.")
    next: NodeName

    @model_validator(mode="after")
    def _something(self) -> Set:
        if not self.values and self.kind is None:
            raise ValueError("a set node needs `values` or `kind`")
        return self


class Case(Part):
    """One comparison; exactly one of the operators."""

    variable: Variable
    equals: Value | None = None
    differs: Value | None = None
    one_of: tuple[Value, ...] | None = Field(None, min_length=1, max_length=50)
    above: float | None = Field(None, description="True when the variable is a number above this.")
    below: float | None = Field(None, description="True when the variable is a number below this.")
    given: bool | None = Field(None, description="yes: the variable is not empty; no: it is.")
    next: NodeName

    @model_validator(mode="after")
    def _operator(self) -> Case:
        if sum(getattr(self, name) is not None for name in OPERATORS) != 1:
            raise ValueError(f"a case needs exactly one of {', '.join(OPERATORS)}")
        return self


OPERATORS = ("equals", "differs", "one_of", "above", "below", "given")


class Branch(Node):
    """Go on by the first case that is true; comparisons only, no expressions."""

    type: Literal["branch"]
    cases: tuple[Case, ...] = Field(min_length=1, max_length=50)
    otherwise: NodeName

    def ways(self) -> Ways:
        return {**{str(n): case.next for n, case in enumerate(self.cases, 1)}, "otherwise": self.otherwise}


class HandOver(Node):
    """A node that hands the caller over. Without ``answered`` the flow is over when the other side hung up."""

    say: Speech | None = None
    answered: NodeName | None = Field(None, description="After a talk; else the flow is over.")
    unanswered: NodeName = Field(description="Whenever nobody answered and nothing else is said below.")
    timeout: NodeName | None = Field(None, description="Nobody answered in time.")
    empty: NodeName | None = Field(None, description="No agent is there.")
    full: NodeName | None = Field(None, description="Too many callers wait, or the line is busy.")
    failed: NodeName | None = Field(None, description="The queue or the extension does not exist, or does not work.")

    def ways(self) -> Ways:
        other = self.unanswered
        return {
            "answered": self.answered, "timeout": self.timeout or other, "empty": self.empty or other,
            "full": self.full or other, "failed": self.failed or other,
        }  # fmt: skip


class Enqueue(HandOver):
    """Let the caller wait in a queue."""

    type: Literal["enqueue"]
    queue: Value = Field(description="Name of the PBX's queue; may hold variables.", examples=["support"])
    priority: Literal["tier"] | Annotated[int, Field(ge=0, le=1000)] = Field(
        "tier", description="`tier`: that of the customer's tier; or a number, higher is answered earlier."
    )
    seconds: WaitSeconds = Field(300, description="Longest wait.")
    announce_position: bool = Field(False, description="Tell callers their place in the queue first.")


class Transfer(HandOver):
    """Dial an extension of the PBX."""

    type: Literal["transfer"]
    to: Value = Field(description="The extension; may hold variables, but none that a caller keyed in.")
    seconds: Annotated[int, Field(ge=5, le=600)] = Field(30, description="Longest time to ring.")


class Voicemail(Node):
    """Record a message after a tone."""

    type: Literal["voicemail"]
    say: Speech | None = None
    seconds: Annotated[int, Field(ge=5, le=3600)] = Field(120, description="Longest message.")
    silence: Annotated[int, Field(ge=1, le=60)] = Field(5, description="Seconds of silence that end it.")
    least: Annotated[float, Field(ge=0, le=60)] = Field(1, description="Shorter messages count as none.")
    finish: Key = Field("#", description="Key that ends it.")
    next: NodeName = Field(description="After the message.")
    failed: NodeName | None = Field(None, description="When there is no message; else `next`.")

    def ways(self) -> Ways:
        return {"next": self.next, "failed": self.failed or self.next}


_DIGITS = Annotated[str, Field(pattern=r"^[0-9]{1,10}$")]


def _joined(value: Any) -> Any:
    return "".join(value) if isinstance(value, list) and all(isinstance(one, str) for one in value) else value


Answers = Annotated[
    str, Field(pattern=r"^[0-9]{1,10}$"), BeforeValidator(_joined, json_schema_input_type=_DIGITS | list[_DIGITS])
]


class Question(Part):
    """One question of a survey, answered by one key."""

    name: OwnVariable = Field(description="The answer is kept as `survey.NAME`.")
    say: Speech
    keys: Answers = Field("12345", description="The keys that are answers, as one word or as a list.")


class Survey(Asking):
    """Ask questions, after a call for example. Questions that are not answered are left out."""

    type: Literal["survey"]
    questions: tuple[Question, ...] = Field(min_length=1, max_length=10)
    next: NodeName


class Call(Node):
    """Run another flow and come back where it returns. Variables are shared with it."""

    type: Literal["flow"]
    flow: str = Field(pattern=names.NAME, description="Name of the flow.")
    next: NodeName


class Return(Node):
    """Back to the flow that called this one; the end, when none did."""

    type: Literal["return"]

    def ways(self) -> Ways:
        return {}


class HangUp(Node):
    """Hang up."""

    type: Literal["hang_up"]
    say: Speech | None = None

    def ways(self) -> Ways:
        return {}


AnyNode = (
    Say | Play | Menu | Gather | ChooseLanguage | Hours | Lookup | Set | Branch
    | Enqueue | Voicemail | Transfer | Survey | Call | Return | HangUp
)  # fmt: skip

#: The types of nodes as files name them.
NODE_TYPES: Final[Mapping[str, type[Node]]] = {
    get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(AnyNode)
}


class Defaults(Part):
    """What the flow's questions use when they do not say otherwise."""

    tries: Tries = 3
    seconds: Seconds = 6
    next_seconds: Seconds = 4
    wrong: Speech | None = None
    silent: Speech | None = None


class FlowFile(Part):
    """A flow of hotline's IVR. Texts may hold variables as `${name}`, or `${name:digits}` to have each digit read by
    itself; they are filled in and nothing else is ever evaluated."""

    flow: str = Field(pattern=names.NAME, description="Name of the flow; the file is called so too.")
    title: dict[Language, Word] = Field(default_factory=dict, description="What people call it, by language.")
    languages: tuple[Language, ...] = Field(
        min_length=1, max_length=names.MOST_LANGUAGES, description="Every prompt has a text in each; the first is used"
        " for callers whose language is not known.",
    )  # fmt: skip
    start: NodeName
    defaults: Defaults = Field(default_factory=Defaults)
    variables: dict[OwnVariable, Value] = Field(
        default_factory=dict, max_length=100, description="Variables with what they are at the start."
    )
    prompts: dict[PromptName, Texts] = Field(default_factory=dict, max_length=names.MOST_PROMPTS)
    nodes: dict[NodeName, Annotated[AnyNode, Field(discriminator="type")]] = Field(
        min_length=1, max_length=names.MOST_NODES
    )
