"""Tickets: lists, one ticket, its history, notes and call backs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from hotline.clock import in_utc
from hotline.crm.queries.tickets.sla import ClockView, clocks_of
from hotline.crm.queries.tickets.ticket_history import EntryView, list_entries
from hotline.crm.queries.tickets.ticket_lists import Place, list_tickets, place_of
from hotline.crm.queries.tickets.ticket_views import get_view
from hotline.crm.queries.tickets.tickets import TicketView, get_ticket
from hotline.tickets.states import AttachedBy, Kind, KindBy, Priority, Source, State
from hotline.tickets.views import SHIPPED, Filters, Sort
from hotline.web.api.users import find_user
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Moment, Output, Page, Paging, Reply, endpoint
from hotline.web.problems import FieldProblem, FieldsInvalid
from hotline.workflows.tickets import tickets as workflow


class AttachedCall(Output):
    """How a call came to its ticket: it opened it, joined it by rule or by hand, or called the customer back."""

    by: AttachedBy
    rule: str | None = Field(description="Which rule: `same_customer_and_kind`.")
    at: datetime | None


class TicketBrief(Output):
    """A ticket as its call shows it."""

    id: UUID
    number: int
    reference: str = Field(description="The number as people say it: T10001.")
    kind: Kind
    kind_by: KindBy = Field(description="Who said what kind it is: nobody, the caller, a message's words, or a person.")
    state: State
    next_states: list[State] = Field(description="The states that you may choose.")
    provisional: bool
    priority: Priority
    subject: str
    description: str
    category: str | None = Field(description="A path of the category tree.")
    customer_id: UUID | None
    assignee: str | None = Field(description="Login.")
    assignee_id: UUID | None
    queue: str | None
    tier: str | None = Field(description="The customer's tier when the ticket was opened.")
    service: str | None
    source: Source
    follows_id: UUID | None = Field(description="The ticket that this one goes on from.")
    first_response_due: datetime | None
    first_response_at: datetime | None
    resolution_due: datetime | None
    due_at: datetime | None = Field(description="The next deadline that still runs.")
    waiting_since: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    escalated: int
    callback_due: datetime | None
    callback_done_at: datetime | None
    disposition: str | None
    discarded_as: str | None
    version: int
    created_at: datetime
    updated_at: datetime


class CallTicket(TicketBrief):
    """A call's ticket, and how the call came to it."""

    attached: AttachedCall | None = None


class TicketCaller(Output):
    """Who called last. Masked for who may not read numbers."""

    number: str | None
    display: str | None
    withheld: bool
    country: str | None


class TicketCustomer(Output):
    """Whose ticket it is; `tier` is the key of the tier that they have now."""

    id: UUID
    number: int
    reference: str
    kind: str
    name: str
    tier: str | None


class TicketCall(Output):
    """A call of a ticket in short."""

    id: UUID
    direction: Literal["in", "out"]
    at: datetime
    state: str
    disposition: str | None
    agent: str | None
    attached: AttachedCall


class Clock(Output):
    """A deadline of a ticket."""

    what: str
    state: str
    due_at: datetime | None
    warn_at: datetime | None
    spent_seconds: int
    target_seconds: int
    policy: str | None
    breached_at: datetime | None
    met_at: datetime | None


class Ticket(TicketBrief):
    """A consultation, complaint or service request."""

    customer: TicketCustomer | None
    caller: TicketCaller | None
    calls: list[TicketCall]
    call_ids: list[UUID]
    clocks: list[Clock] = Field(default_factory=list)
    custom: dict[str, Any] = Field(default_factory=dict, description="Values of custom fields by key.")
    custom_masked: list[str] = Field(default_factory=list, description="Keys whose values you may not read.")


class TicketsQuery(Paging):
    """Which tickets. A saved list's filters are narrowed further by the others."""

    view: str | None = Field(None, max_length=64, description="A saved list: slug or id.")
    state: list[State] = Field(default=[], max_length=6)
    kind: list[Kind] = Field(default=[], max_length=3)
    priority: list[Priority] = Field(default=[], max_length=4)
    category: str | None = Field(None, max_length=200, description="With everything below it.")
    assignee: str | None = Field(None, max_length=150, description="`me`, `none`, or a login.")
    queue: str | None = Field(None, max_length=100)
    customer_id: UUID | None = None
    overdue: bool = False
    callback: bool = Field(False, description="Only tickets whose customer is to be called back.")
    provisional: bool | None = None
    q: str | None = Field(None, max_length=20, description="A ticket's number: T10001 or 10001.")
    sort: Sort | None = None


class CallbacksQuery(Paging):
    """Whose call backs: one's own and nobody's unless another is named."""

    assignee: Literal["me", "none", "all"] = "all"


class TicketCreate(Input):
    """A new ticket."""

    kind: Kind
    subject: str = Field("", max_length=1000)
    description: str = Field("", max_length=100_000)
    customer_id: UUID | None = None
    category: str | None = Field(None, max_length=200)
    priority: Priority = "normal"
    service: str | None = Field(None, max_length=100)
    assignee: str | None = Field(None, max_length=150)
    call_id: UUID | None = Field(None, description="A call that this is the ticket of.")
    follows_id: UUID | None = Field(None, description="The ticket that this one goes on from.")
    custom: dict[str, Any] = Field(default_factory=dict)


class TicketFields(Input):
    """What is to change; what is absent stays."""

    kind: Kind | None = None
    state: State | None = None
    priority: Priority | None = None
    category: str | None = Field(None, max_length=200)
    subject: str | None = Field(None, max_length=1000)
    description: str | None = Field(None, max_length=100_000)
    assignee: str | None = Field(None, max_length=150, description="Login; null: nobody.")
    customer_id: UUID | None = None
    service: str | None = Field(None, max_length=100)
    custom: dict[str, Any] = Field(default_factory=dict, description="Changes key by key; null takes one away.")

    def changes(self) -> Any:
        """The fields that were sent. Null takes off what may be absent, and says nothing of the others."""
        sent = self.model_dump(exclude_unset=True, exclude={"version"})
        kept = ("kind", "state", "priority", "subject", "description")
        return {name: value for name, value in sent.items() if value is not None or name not in kept}


class TicketChange(TicketFields):
    """A change; send `If-Match` or the version that it is based on."""

    version: int | None = None


class Note(Input):
    """A note under an id of the writer's own: sent again, its text is rewritten."""

    id: UUID
    text: str = Field(min_length=1, max_length=100_000)


class Callback(Input):
    """Until when the customer is to be called back (null: not at all), or that it is done."""

    due: Moment | None = None
    done: bool = False


class HistoryEntry(Output):
    """A line of the history. `data` of a change is {field: [before, after]}; `text` is a note."""

    id: UUID
    at: datetime
    user: str | None = Field(description="Login; null: hotline itself.")
    user_name: str | None
    kind: str
    data: dict[str, Any]
    text: str | None
    call_id: UUID | None


async def render_tickets(ask: Ask, views: Sequence[TicketView]) -> list[Ticket]:
    """The tickets with their clocks."""
    clocks = await clocks_of(ask.house.db, ask.viewer, [view.id for view in views], ask.house.clock())
    return [_ticket(view, clocks.get(view.id, ())) for view in views]


def _ticket(view: TicketView, clocks: Sequence[ClockView]) -> Ticket:
    ticket = Ticket.model_validate(view)
    return ticket.model_copy(update={"clocks": [Clock.model_validate(clock) for clock in clocks]})


async def render_ticket(ask: Ask, view: TicketView) -> Ticket:
    """One ticket with its clocks."""
    return (await render_tickets(ask, [view]))[0]


@endpoint("GET", "/tickets", right="tickets.read", summary="Tickets, the newest first")
async def tickets(ask: Ask, query: TicketsQuery) -> Page[Ticket]:
    """One's own, those of one's calls, those that nobody has; everybody's with tickets.read_all. Discarded ones only
    when asked for."""
    filters, sort = await _asked(ask, query)
    number = None
    if query.q is not None:
        digits = query.q.strip().upper().removeprefix("T")
        if not digits.isascii() or not digits.isdigit() or len(digits) > 15:
            return Page(items=[])
        number = int(digits)
    assignee_id = None
    if filters.assignee not in (None, "me", "none"):
        assignee_id = (await find_user(ask, filters.assignee or "")).id
    found = await list_tickets(
        ask.house.db,
        ask.house.keyring,
        ask.viewer,
        filters,
        now=ask.house.clock(),
        limit=query.limit + 1,
        sort=sort,
        after=_place(query.cursor),
        assignee_id=assignee_id,
        customer_id=query.customer_id,
        number=number,
    )
    return await _page(ask, found, query.limit, sort)


@endpoint("GET", "/callbacks", right="tickets.read", summary="Who waits for a call back, the most urgent first")
async def callbacks(ask: Ask, query: CallbacksQuery) -> Page[Ticket]:
    assignee = None if query.assignee == "all" else query.assignee
    found = await list_tickets(
        ask.house.db,
        ask.house.keyring,
        ask.viewer,
        Filters(callback=True, assignee=assignee),
        now=ask.house.clock(),
        limit=query.limit + 1,
        sort="callback",
        after=_place(query.cursor),
    )
    return await _page(ask, found, query.limit, "callback")


async def _page(ask: Ask, found: Sequence[TicketView], limit: int, sort: Sort) -> Page[Ticket]:
    shown = found[:limit]
    following = _cursor(place_of(shown[-1], sort)) if len(found) > limit else None
    return Page(items=await render_tickets(ask, shown), next=following)


async def _asked(ask: Ask, query: TicketsQuery) -> tuple[Filters, Sort]:
    base = Filters()
    sort: Sort = "newest"
    if query.view is not None:
        if (shipped := SHIPPED.get(query.view)) is not None:
            base, sort = shipped.filters, shipped.sort
        else:
            saved = await get_view(ask.house.db, ask.viewer, _uuid(query.view, "view"))
            base, sort = saved.filters, saved.sort
    filters = Filters(
        states=tuple(query.state) or base.states,
        kinds=tuple(query.kind) or base.kinds,
        priorities=tuple(query.priority) or base.priorities,
        category=query.category or base.category,
        assignee=query.assignee or base.assignee,
        queue=query.queue or base.queue,
        overdue=query.overdue or base.overdue,
        callback=query.callback or base.callback,
        provisional=base.provisional if query.provisional is None else query.provisional,
    )
    return filters, query.sort or sort


def _uuid(text: str, field: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise FieldsInvalid([FieldProblem(field=f"query.{field}", detail="no such list")]) from None


def _cursor(place: Place) -> str:
    at, ticket_id = place
    moment = at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at is not None else ""
    return f"{moment}~{ticket_id}"


def _place(cursor: str | None) -> Place | None:
    if not cursor:
        return None
    at, _, ticket_id = cursor.partition("~")
    try:
        moment = datetime.fromisoformat(at) if at else None
        if moment is not None and moment.tzinfo is None:
            raise ValueError
        return (None if moment is None else in_utc(moment)), UUID(ticket_id)
    except ValueError:
        raise FieldsInvalid([FieldProblem(field="query.cursor", detail="not a cursor of this list")]) from None


@endpoint("POST", "/tickets", right="tickets.write", summary="Open a ticket", status=201, idempotent=True)
async def create_ticket(ask: Ask, body: TicketCreate) -> Reply[Ticket]:
    fields: Any = body.model_dump(exclude_unset=True)
    made = await workflow.create_ticket(ask.house, ask.viewer, fields, idempotency=ask.idempotency())
    return Reply(await render_ticket(ask, made), headers={"Location": f"{ask.request.path}/{made.id}"})


@endpoint("GET", "/tickets/{id}", right="tickets.read", summary="One ticket")
async def one_ticket(ask: Ask, path: ById) -> Ticket:
    return await render_ticket(ask, await get_ticket(ask.house.db, ask.house.keyring, ask.viewer, path.id))


@endpoint("PATCH", "/tickets/{id}", right="tickets.write", summary="Change a ticket")
async def change_ticket(ask: Ask, path: ById, body: TicketChange) -> Ticket:
    """To give it to somebody else than oneself needs tickets.assign."""
    view = await get_ticket(ask.house.db, ask.house.keyring, ask.viewer, path.id)
    expected = ask.expected_version(view.version, body.version)
    return await render_ticket(
        ask, await workflow.change_ticket(ask.house, ask.viewer, path.id, body.changes(), expected)
    )


@endpoint("GET", "/tickets/{id}/history", right="tickets.read", summary="What happened to a ticket, the latest first")
async def history(ask: Ask, path: ById, query: Paging) -> Page[HistoryEntry]:
    """Every change with who made it, notes, and the notes about its calls."""
    after = _place(query.cursor)
    found = await list_entries(
        ask.house.db,
        ask.house.keyring,
        ask.viewer,
        path.id,
        limit=query.limit + 1,
        after=(after[0], after[1]) if after is not None and after[0] is not None else None,
        call_notes=ask.viewer.may("calls.read"),
    )
    shown = found[: query.limit]
    following = _cursor((shown[-1].at, shown[-1].id)) if len(found) > query.limit else None
    return Page(items=[_entry(entry) for entry in shown], next=following)


def _entry(view: EntryView) -> HistoryEntry:
    return HistoryEntry(
        id=view.id, at=view.at, user=view.user, user_name=view.user_name, kind=view.kind, data=dict(view.data),
        text=view.note, call_id=view.call_id,
    )  # fmt: skip


@endpoint("POST", "/tickets/{id}/notes", right="tickets.write", summary="Write a note", status=204)
async def write_note(ask: Ask, path: ById, body: Note) -> None:
    await workflow.note_ticket(ask.house, ask.viewer, path.id, body.id, body.text)


@endpoint("POST", "/tickets/{id}/callback", right="tickets.write", summary="Say when to call back, or that it is done")
async def set_callback(ask: Ask, path: ById, body: Callback) -> Ticket:
    if body.done and body.due is not None:
        raise FieldsInvalid([FieldProblem(field="body.due", detail="either due or done")])
    view = await workflow.set_callback(ask.house, ask.viewer, path.id, due=body.due, done=body.done)
    return await render_ticket(ask, view)


routes: list[Endpoint] = [
    tickets, callbacks, create_ticket, one_ticket, change_ticket, history, write_note, set_callback,
]  # fmt: skip
