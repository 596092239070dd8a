"""Triage: what a text is about and by which words, and how often people said otherwise."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import ConfigDict, Field

from hotline.crm.queries.tickets.triage import triage_figures
from hotline.tickets.states import Kind, Priority
from hotline.tickets.triage import LONGEST, triage
from hotline.web.endpoint import Ask, Endpoint, Input, Moment, Output, endpoint


class TextIn(Input):
    """A text to be read."""

    text: str = Field(max_length=LONGEST)
    language: Literal["en", "zh"] | None = Field(None, description="Words of this language only; null: both.")


class DecidingOut(Output):
    """A word that counted: for which kind, and how much (natural logarithm of the odds)."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    word: str
    kind: Kind
    weight: float


class TriageOut(Output):
    """What a text is about. `confidence` is how likely that is right, 0 to 1; `priority` is a hint, null: none."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    kind: Kind
    confidence: float
    words: list[DecidingOut]
    priority: Priority | None
    priority_words: list[str]


class FiguresQuery(Input):
    """Tickets of which time; of the last 30 days when nothing is said."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    start: Moment | None = Field(None, alias="from", description="Inclusive.")
    end: Moment | None = Field(None, alias="to", description="Exclusive; at most a year after `from`.")


class CorrectionOut(Output):
    """How often a kind became another one by a person's hand."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    from_kind: str
    to_kind: str
    count: int


class FiguresOut(Output):
    """Tickets that messages opened, and how many of them a person gave another kind; `right`: the part that nobody did,
    null without a ticket."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    tickets: int
    corrected: int
    right: float | None
    corrections: list[CorrectionOut]


@endpoint("POST", "/triage", right="tickets.read", summary="What a text is about, and by which words; keeps nothing")
async def read_text(ask: Ask, body: TextIn) -> TriageOut:
    """As tickets of messages get their kind."""
    return TriageOut.model_validate(triage(body.text, body.language))


@endpoint("GET", "/triage/figures", right="tickets.read", summary="How often triage was corrected")
async def get_figures(ask: Ask, query: FiguresQuery) -> FiguresOut:
    """Counts only, of all tickets that messages opened in the time."""
    end = query.end or ask.house.clock()
    start = query.start or end - timedelta(days=30)
    return FiguresOut.model_validate(await triage_figures(ask.house.db, ask.viewer, start, end))


routes: list[Endpoint] = [read_text, get_figures]
