"""What flows are made of below the nodes: names, texts, speech, labels, choices; with what each may look like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from hotline.ivr import names
from hotline.ivr.effects import Kind

NodeName = Annotated[str, Field(pattern=names.NAME, description="Name of a node of this flow.")]
PromptName = Annotated[str, Field(pattern=names.NAME, description="Name of a prompt of this flow.")]
Language = Annotated[str, Field(pattern=names.LANGUAGE, examples=["en", "zh"])]
Key = Annotated[str, Field(pattern=names.KEY, description="A key of the telephone.", examples=["1", "*"])]
Text = Annotated[str, Field(min_length=1, max_length=names.LONGEST_TEXT)]
Texts = Annotated[
    dict[Language, Text],
    Field(min_length=1, max_length=names.MOST_LANGUAGES, description="What is said, by language."),
]
OwnVariable = Annotated[str, Field(pattern=names.NAME, description="A variable of the flow's own.")]
Variable = Annotated[str, Field(pattern=names.VARIABLE, description="A variable, given or of the flow's own.")]
Value = Annotated[str, Field(max_length=names.LONGEST_VALUE)]
Seconds = Annotated[float, Field(ge=1, le=60)]
Tries = Annotated[int, Field(ge=1, le=10)]
WaitSeconds = Annotated[int, Field(ge=5, le=7200)]
Word = Annotated[str, Field(min_length=1, max_length=60)]
#: What pictures call something: a text, or texts by language.
Words = Annotated[dict[Language, Word], Field(min_length=1, max_length=names.MOST_LANGUAGES)]
Label = Annotated[
    Annotated[Word, Tag("text")] | Annotated[Words, Tag("texts")],
    Discriminator(lambda value: "texts" if isinstance(value, Mapping) else "text"),
]


def _item_kind(value: Any) -> str:
    return "texts" if isinstance(value, Mapping) else "name"


Item = Annotated[Annotated[PromptName, Tag("name")] | Annotated[Texts, Tag("texts")], Discriminator(_item_kind)]


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, (str, Mapping)) else value


#: One prompt or several: by name, or written in place as texts by language.
Speech = Annotated[
    tuple[Item, ...],
    BeforeValidator(_listed, json_schema_input_type=Item | list[Item]),
    Field(min_length=1, max_length=20, description="Prompts, by name or written in place as texts by language."),
]


#: Words that callers say: one, or several.
Spoken = Annotated[
    tuple[Word, ...],
    BeforeValidator(_listed, json_schema_input_type=Word | list[Word]),
    Field(min_length=1, max_length=50),
]


class Part(BaseModel):
    """A piece of a flow: unknown fields are refused, so that a misspelt one is never lost without a word."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def worded(label: str | Mapping[str, str] | None, language: str) -> str | None:
    """A label in ``language``, else in any."""
    if isinstance(label, Mapping):
        return label.get(language) or next(iter(label.values()))
    return label


class Choice(Part):
    """What a key leads to."""

    next: NodeName
    kind: Kind | None = Field(None, description="What the caller wants; the ticket gets it.")
    set: dict[OwnVariable, Value] = Field(default_factory=dict, max_length=20, description="Variables to set.")
    label: Label | None = Field(None, description="What the picture calls this key.")
    words: dict[Language, Spoken] = Field(
        default_factory=dict,
        max_length=names.MOST_LANGUAGES,
        exclude_if=lambda words: not words,  # what says nothing does not make another content of a flow
        description="What callers may say instead of pressing the key, by language; absent: what callers say for the "
        "kind, and the label.",
    )


def _choice(value: Any) -> Any:
    return {"next": value} if isinstance(value, str) else value


KeyChoice = Annotated[Choice, BeforeValidator(_choice, json_schema_input_type=NodeName | Choice)]
