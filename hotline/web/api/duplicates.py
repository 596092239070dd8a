"""Customers who may be one and the same."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from hotline.crm.queries.customers import duplicates as queries
from hotline.crm.queries.customers.duplicates import Pair
from hotline.crm.queries.upkeep import background as jobs
from hotline.errors import Invalid
from hotline.web.api.customer_bodies import Customer, render_customer
from hotline.web.api.jobs import Job, render_job
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Output, Page, Paging, endpoint
from hotline.workflows.customers import duplicates as workflow

Reason = Literal["phone", "email", "same_name", "similar_name"]


class DuplicatesQuery(Input):
    """What is known so far."""

    name: str | None = Field(None, max_length=200)
    phone: str | None = Field(None, max_length=64)
    email: str | None = Field(None, max_length=320)
    id: UUID | None = Field(None, description="Who it is: they are not their own duplicate. Alone: whom they resemble.")


class Duplicate(Output):
    """A customer who may be the one that is being written down."""

    customer: Customer
    score: int = Field(description="How sure that is, up to 100.")
    reasons: list[Reason]


class DuplicateList(Output):
    """The likeliest ones."""

    items: list[Duplicate]
    next: str | None = None


class PairsQuery(Paging):
    """Which pairs."""

    state: Literal["open", "dismissed"] = "open"
    customer_id: UUID | None = None


class DuplicatePair(Output):
    """Two customers who may be one."""

    id: UUID
    first: Customer
    second: Customer
    score: int
    reasons: list[Reason]
    state: str
    found_at: datetime


class Dismissal(Input):
    """Two who are not one."""

    customer_ids: list[UUID] = Field(min_length=2, max_length=2)


class Dismissed(Output):
    """The pair."""

    id: UUID


def render_pair(view: Pair) -> DuplicatePair:
    """The body of a pair."""
    return DuplicatePair(
        id=view.id,
        first=render_customer(view.first),
        second=render_customer(view.second),
        score=view.score,
        reasons=list(view.reasons),
        state=view.state,
        found_at=view.found_at,
    )


@endpoint("GET", "/customers/duplicates", right="customers.read", summary="Who may be the customer being written down")
async def while_typing(ask: Ask, query: DuplicatesQuery) -> DuplicateList:
    """By a number or an email in any spelling, and by names in any order of words, with slips of the pen, in Latin
    letters or Chinese."""
    found = await workflow.while_typing(
        ask.house,
        ask.viewer,
        name=query.name or "",
        number=query.phone or "",
        email=query.email or "",
        customer_id=query.id,
    )
    return DuplicateList(
        items=[
            Duplicate(customer=render_customer(each.customer), score=each.score, reasons=list(each.reasons))
            for each in found
        ]
    )


@endpoint("GET", "/duplicates", right="customers.merge", summary="Pairs that were found, the likeliest first")
async def list_duplicates(ask: Ask, query: PairsQuery) -> Page[DuplicatePair]:
    found = await queries.list_pairs(
        ask.house.db,
        ask.house.keyring,
        ask.viewer,
        limit=query.limit + 1,
        after=pair_cursor(query.cursor),
        state=query.state,
        customer_id=query.customer_id,
    )
    kept = found[: query.limit]
    following = f"{kept[-1].score}:{kept[-1].id}" if len(found) > query.limit else None
    return Page[DuplicatePair](items=[render_pair(view) for view in kept], next=following)


@endpoint(
    "POST",
    "/duplicates/find",
    right="customers.merge",
    summary="Look for pairs among all customers",
    status=202,
    idempotent=True,
)
async def find_duplicates(ask: Ask) -> Job:
    """In the background; one search at a time."""
    job_id = await workflow.start_finding(ask.house, ask.viewer, ask.idempotency())
    return render_job(await jobs.get_job(ask.house.db, ask.viewer, job_id))


@endpoint("POST", "/duplicates/dismiss", right="customers.merge", summary="Say that two customers are not one")
async def dismiss(ask: Ask, body: Dismissal) -> Dismissed:
    """It is remembered: the pair is not found again."""
    return Dismissed(id=await workflow.dismiss(ask.house, ask.viewer, body.customer_ids[0], body.customer_ids[1]))


@endpoint("POST", "/duplicates/{id}/reopen", right="customers.merge", summary="Take a dismissal back", status=204)
async def reopen(ask: Ask, path: ById) -> None:
    await workflow.reopen(ask.house, ask.viewer, path.id)


def pair_cursor(cursor: str | None) -> tuple[int, UUID] | None:
    """The score and id that a cursor stands for. Raises Invalid."""
    if not cursor:
        return None
    score, _, pair_id = cursor.partition(":")
    try:
        # The smallest and largest that the column holds.
        return max(-(2**15), min(2**15 - 1, int(score))), UUID(pair_id)
    except ValueError:
        raise Invalid("cursor: not a cursor of this list.") from None


routes: list[Endpoint] = [while_typing, list_duplicates, find_duplicates, dismiss, reopen]
