"""Saved lists of tickets."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from hotline.crm.queries.people.users import find_user_by_login
from hotline.crm.queries.tickets.ticket_lists import count_tickets
from hotline.crm.queries.tickets.ticket_views import SavedView, filters_from, filters_to, list_views
from hotline.errors import Forbidden, NotFound
from hotline.tickets.states import Kind, Priority, State
from hotline.tickets.views import SHIPPED, Filters, Sort
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Output, Reply, endpoint
from hotline.workflows.tickets import ticket_views as workflow


class ViewFilters(Input):
    """Which tickets a list has; what is absent asks for nothing."""

    states: list[State] = Field(default=[], max_length=6)
    kinds: list[Kind] = Field(default=[], max_length=3)
    priorities: list[Priority] = Field(default=[], max_length=4)
    category: str | None = Field(None, max_length=200)
    assignee: str | None = Field(None, max_length=150, description="`me`, `none`, or a login.")
    queue: str | None = Field(None, max_length=100)
    overdue: bool = False
    callback: bool = False
    provisional: bool | None = None

    def filters(self) -> Filters:
        """As the queries take them."""
        fields: dict[str, Any] = self.model_dump()
        return filters_from(fields)


class TicketList(Output):
    """A saved list. `count` is how many tickets it has, at most 1000; `id` of a shipped one is its slug."""

    id: str
    name: str
    shipped: bool
    shared: bool
    filters: dict[str, Any]
    sort: Sort
    position: int
    count: int | None


class TicketLists(Output):
    """All lists that one has."""

    items: list[TicketList]


class ListCreate(Input):
    """A list to be kept. A shared one is everybody's, and needs tickets.assign."""

    name: str = Field(min_length=1, max_length=200)
    filters: ViewFilters = ViewFilters()
    sort: Sort = "deadline"
    shared: bool = False


class ListChange(Input):
    """What is to change; what is absent stays."""

    name: str | None = Field(None, max_length=200)
    filters: ViewFilters | None = None
    sort: Sort | None = None
    position: int | None = Field(None, ge=0, le=10_000)


@endpoint("GET", "/ticket-views", right="tickets.read", summary="Saved lists of tickets")
async def views(ask: Ask) -> TicketLists:
    """Those that come with hotline, one's own, and everybody's."""
    db, viewer, now = ask.house.db, ask.viewer, ask.house.clock()
    counts = await count_tickets(db, viewer, [view.filters for view in SHIPPED.values()], now=now)
    items = [
        TicketList(
            id=view.slug, name=view.name, shipped=True, shared=True, filters=filters_to(view.filters), sort=view.sort,
            position=at, count=counts[at].count,
        )
        for at, view in enumerate(SHIPPED.values())
    ]  # fmt: skip
    items += [await _saved(ask, view) for view in await list_views(db, viewer)]
    return TicketLists(items=items)


async def _saved(ask: Ask, view: SavedView) -> TicketList:
    count = None
    try:
        login, assignee_id = view.filters.assignee, None
        if login not in (None, "me", "none"):
            assignee_id = (await find_user_by_login(ask.house.db, ask.viewer, login or "")).id
        (counted,) = await count_tickets(
            ask.house.db, ask.viewer, [view.filters], now=ask.house.clock(), assignee_id=assignee_id
        )
        count = counted.count
    except (NotFound, Forbidden):
        count = None  # it names somebody who is gone, or whom this viewer may not see
    return TicketList(
        id=str(view.id), name=view.name, shipped=False, shared=view.shared, filters=filters_to(view.filters),
        sort=view.sort, position=view.position, count=count,
    )  # fmt: skip


@endpoint("POST", "/ticket-views", right="tickets.read", summary="Keep a list of tickets", status=201)
async def save_view(ask: Ask, body: ListCreate) -> Reply[TicketList]:
    made = await workflow.save_view(
        ask.house, ask.viewer, body.name, body.filters.filters(), body.sort, shared=body.shared
    )
    return Reply(await _saved(ask, made), headers={"Location": f"{ask.request.path}/{made.id}"})


@endpoint("PATCH", "/ticket-views/{id}", right="tickets.read", summary="Change a saved list")
async def change_view(ask: Ask, path: ById, body: ListChange) -> TicketList:
    made = await workflow.change_view(
        ask.house,
        ask.viewer,
        path.id,
        name=body.name,
        filters=body.filters.filters() if body.filters is not None else None,
        sort=body.sort,
        position=body.position,
    )
    return await _saved(ask, made)


@endpoint("DELETE", "/ticket-views/{id}", right="tickets.read", summary="Remove a saved list", status=204)
async def delete_view(ask: Ask, path: ById) -> None:
    await workflow.delete_view(ask.house, ask.viewer, path.id)


routes: list[Endpoint] = [views, save_view, change_view, delete_view]
