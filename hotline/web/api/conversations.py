"""Conversations: lists, one, who has it, its state, its customer and ticket, and macros used in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from hotline.clock import in_utc
from hotline.conversations.macros import Channel
from hotline.conversations.states import State
from hotline.crm.queries.conversations.conversation_lists import (
    Box,
    ConversationFilter,
    ListState,
    Place,
    Sort,
    count_boxes,
    list_conversations,
    place_of,
)
from hotline.crm.queries.conversations.conversations import ConversationView, get_conversation
from hotline.crm.queries.tickets.tickets import get_ticket
from hotline.tickets.states import Kind, Priority
from hotline.web.api.macros import MacroActions
from hotline.web.api.tickets import Ticket, render_ticket
from hotline.web.api.users import find_user
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Moment, Output, Page, Paging, Reply, endpoint
from hotline.web.problems import FieldProblem, FieldsInvalid
from hotline.workflows.conversations import conversations as workflow
from hotline.workflows.conversations import macro_use, replies


class ConversationSender(Output):
    """The company's own number or address that the conversation goes through."""

    id: UUID
    address: str
    display: str
    name: str


class ConversationCustomer(Output):
    """Whom the conversation is with; `tier` is a tier's key."""

    id: UUID
    number: int
    reference: str
    kind: str
    name: str
    tier: str | None


class ConversationTicket(Output):
    """The conversation's ticket. `seen`: whether you see the ticket itself."""

    id: UUID
    number: int
    reference: str
    kind: Kind
    state: str
    due_at: datetime | None
    seen: bool


class LatestMessage(Output):
    """The latest message in short."""

    id: UUID
    direction: Literal["in", "out"]
    kind: Literal["message", "note", "auto"]
    state: str | None
    text: str = Field(description="Its beginning.")
    files: int
    at: datetime
    user: str | None = Field(description="The name of who wrote it.")


class Conversation(Output):
    """What one address and the company write each other over one channel."""

    id: UUID
    number: int
    reference: str = Field(description="The number as people say it: M10001.")
    channel: Channel
    state: State
    sender: ConversationSender | None
    address: str | None = Field(description="The customer's; masked for who may not read such.")
    display: str | None
    masked: bool
    name: str | None = Field(description="What the customer's own program calls them.")
    country: str | None
    language: str | None
    subject: str | None
    customer_id: UUID | None
    customer: ConversationCustomer | None
    candidates: list[ConversationCustomer] = Field(description="Who shares the address, while nobody chose one.")
    assignee: str | None = Field(description="Login.")
    assignee_id: UUID | None
    assignee_name: str | None
    claimed_at: datetime | None
    queue: str | None
    ticket_id: UUID | None
    ticket: ConversationTicket | None
    follows_id: UUID | None = Field(description="The closed conversation that this one goes on from.")
    latest: LatestMessage | None
    last_in_at: datetime | None
    last_out_at: datetime | None
    last_at: datetime
    unanswered_since: datetime | None = Field(description="Since when the customer waits for an answer.")
    waiting_until: datetime | None = Field(description="When it comes back, put aside until then.")
    closed_at: datetime | None
    window_until: datetime | None = Field(description="Until when WhatsApp takes a free text; then templates only.")
    suppressed: list[str] = Field(description="Why the address gets nothing over this channel.")
    erased: bool
    version: int
    created_at: datetime
    updated_at: datetime


class ConversationsQuery(Paging):
    """Which conversations."""

    box: Box = Field("all", description="Mine, nobody's, my teams', all.")
    state: ListState = Field("unclosed", description="`unclosed`: open and waiting.")
    channel: Channel | None = None
    unanswered: bool = Field(False, description="Only where a customer waits for an answer.")
    queue: str | None = Field(None, max_length=100)
    assignee: str | None = Field(None, max_length=150, description="Login.")
    customer_id: UUID | None = None
    ticket_id: UUID | None = None
    q: str | None = Field(None, max_length=200, description="M10001, T10001, an address, or what finds a customer.")
    sort: Sort = Field(
        "latest",
        description="`waiting`: who waits longest first; `deadline`: by the ticket's, only those with one.",
    )


class BoxCount(Output):
    """What is in a box; no more than 1000 are counted."""

    box: Box
    open: int
    unanswered: int


class Boxes(Output):
    """The boxes that you have."""

    items: list[BoxCount]
    next: str | None = None


class ConversationCreate(Input):
    """A conversation that the company begins: with an address, or with a customer's."""

    channel: Channel
    address: str | None = Field(None, max_length=254)
    customer_id: UUID | None = None
    sender_id: UUID | None = Field(None, description="Null: the default sender for the country.")
    subject: str | None = Field(None, max_length=200)
    ticket_id: UUID | None = None


class ConversationFields(Input):
    """What is to change; what is absent stays."""

    state: State | None = None
    waiting_until: Moment | None = Field(None, description="With `waiting`: when it comes back by itself.")
    assignee: str | None = Field(None, max_length=150, description="Login; null: nobody.")
    queue: str | None = Field(None, max_length=80)
    customer_id: UUID | None = None
    ticket_id: UUID | None = None


class ConversationChange(ConversationFields):
    """A change; send `If-Match` or the version that it is based on."""

    version: int | None = None


class TicketOfConversation(Input):
    """A ticket for the conversation, for its customer unless another is named."""

    kind: Kind
    subject: str = Field("", max_length=1000)
    description: str = Field("", max_length=100_000)
    priority: Priority = "normal"
    category: str | None = Field(None, max_length=200)
    assignee: str | None = Field(None, max_length=150)


class CustomerOfConversation(Input):
    """A customer to be made; without a name they are called as they call themselves."""

    name: str = Field("", max_length=200)


class CustomerMade(Output):
    """The customer's id."""

    id: UUID


class Typing(Input):
    """Whether a reply is being written."""

    typing: bool = True


class ByMacro(Input):
    """A macro in a conversation."""

    id: UUID
    macro_id: UUID


class PrepareQuery(Input):
    """In which language."""

    language: str | None = Field(None, max_length=16, description="Null: the customer's.")


class PreparedMacro(Output):
    """A macro's text as it would be sent."""

    macro_id: UUID
    name: str
    language: str
    text: str
    missing: list[str] = Field(description="Placeholders for which there is nothing; they stand in the text still.")
    actions: MacroActions
    template: str | None = Field(description="Id of an approved WhatsApp template.")
    variables: dict[str, str] = Field(description="What fills the template's gaps, by their numbers.")


class PerformedMacro(Output):
    """What a macro did beside answering."""

    conversation: Conversation
    skipped: dict[str, Literal["no_ticket", "no_customer", "not_allowed"]] = Field(
        description="Actions that were left out, with the reason."
    )


def render_conversation(view: ConversationView) -> Conversation:
    """The conversation's body."""
    return Conversation.model_validate(view)


@endpoint("GET", "/conversations", right="conversations.read", summary="Conversations, the latest first")
async def conversations(ask: Ask, query: ConversationsQuery) -> Page[Conversation]:
    """One's own, those that nobody has, those of one's tickets and customers; all with conversations.read_all."""
    assignee_id = None if query.assignee is None else (await find_user(ask, query.assignee)).id
    chosen = ConversationFilter(
        box=query.box, state=query.state, channel=query.channel, unanswered=query.unanswered, queue=query.queue,
        customer_id=query.customer_id, ticket_id=query.ticket_id, assignee_id=assignee_id,
    )  # fmt: skip
    house = ask.house
    found = await list_conversations(
        house.db, house.keyring, ask.viewer, chosen, limit=query.limit + 1, sort=query.sort,
        after=_place(query.cursor), text=query.q or "", region=house.settings.region,
    )  # fmt: skip
    shown = found[: query.limit]
    place = place_of(shown[-1], query.sort) if len(found) > query.limit else None
    return Page(items=[render_conversation(view) for view in shown], next=None if place is None else _cursor(place))


@endpoint("GET", "/conversations/boxes", right="conversations.read", summary="How many wait in each box")
async def boxes(ask: Ask) -> Boxes:
    found = await count_boxes(ask.house.db, ask.viewer)
    items = [BoxCount(box=box, open=count.open, unanswered=count.unanswered) for box, count in found.items()]
    return Boxes(items=items)


@endpoint("POST", "/conversations", right="conversations.write", summary="Write to somebody first", status=201)
async def create_conversation(ask: Ask, body: ConversationCreate) -> Reply[Conversation]:
    """The open conversation with the address where there is one. Nothing is sent yet: `POST …/messages` does."""
    new = replies.NewConversation(**body.model_dump())
    made = await replies.begin(ask.house, ask.viewer, new)
    view = await get_conversation(ask.house.db, ask.house.keyring, ask.viewer, made)
    return Reply(render_conversation(view), headers={"Location": f"{ask.request.path}/{view.id}"})


@endpoint("GET", "/conversations/{id}", right="conversations.read", summary="One conversation")
async def one_conversation(ask: Ask, path: ById) -> Conversation:
    return render_conversation(await get_conversation(ask.house.db, ask.house.keyring, ask.viewer, path.id))


@endpoint("PATCH", "/conversations/{id}", right="conversations.write", summary="Change a conversation")
async def change_conversation(ask: Ask, path: ById, body: ConversationChange) -> Conversation:
    """Its state (also until when it waits), who has it, its queue, customer and ticket. To give it to somebody else
    than oneself needs conversations.assign."""
    view = await get_conversation(ask.house.db, ask.house.keyring, ask.viewer, path.id)
    changes: Any = body.model_dump(exclude_unset=True, exclude={"version"})
    if changes.get("state", "") is None:
        del changes["state"]
    expected = ask.expected_version(view.version, body.version)
    return render_conversation(await workflow.change_conversation(ask.house, ask.viewer, path.id, changes, expected))


@endpoint("POST", "/conversations/{id}/claim", right="conversations.write", summary="Take a conversation")
async def claim(ask: Ask, path: ById) -> Conversation:
    """409 when somebody else has it."""
    return render_conversation(await workflow.claim(ask.house, ask.viewer, path.id))


@endpoint("POST", "/conversations/{id}/release", right="conversations.write", summary="Give a conversation up")
async def release(ask: Ask, path: ById) -> Conversation:
    return render_conversation(await workflow.release(ask.house, ask.viewer, path.id))


@endpoint(
    "POST", "/conversations/{id}/ticket", right="tickets.write", summary="Open a ticket for a conversation",
    status=201, idempotent=True,
)  # fmt: skip
async def open_ticket(ask: Ask, path: ById, body: TicketOfConversation) -> Reply[Ticket]:
    """To attach one that is there, change the conversation's `ticket_id`."""
    fields: Any = body.model_dump(exclude_unset=True)
    made = await workflow.open_ticket(ask.house, ask.viewer, path.id, fields, ask.idempotency())
    view = await get_ticket(ask.house.db, ask.house.keyring, ask.viewer, made)
    return Reply(await render_ticket(ask, view), headers={"Location": f"/api/v1/tickets/{made}"})


@endpoint(
    "POST", "/conversations/{id}/customer", right="customers.write", summary="Make a customer of who writes",
    status=201, idempotent=True,
)  # fmt: skip
async def make_customer(ask: Ask, path: ById, body: CustomerOfConversation) -> Reply[CustomerMade]:
    """With the address that they write from. To choose one that is there, change the conversation's `customer_id`."""
    made = await workflow.make_customer(ask.house, ask.viewer, path.id, body.name, ask.idempotency())
    return Reply(CustomerMade(id=made), headers={"Location": f"/api/v1/customers/{made}"})


@endpoint("POST", "/conversations/{id}/typing", right="conversations.write", summary="Tell that you write", status=204)
async def tell_typing(ask: Ask, path: ById, body: Typing) -> None:
    """Colleagues who see the conversation are told by `conversation.typing`, live; send it again every few seconds."""
    await workflow.tell_typing(ask.house, ask.viewer, path.id, typing=body.typing)


@endpoint("GET", "/conversations/{id}/macros/{macro_id}", right="conversations.read", summary="A macro filled in")
async def prepare_macro(ask: Ask, path: ByMacro, query: PrepareQuery) -> PreparedMacro:
    """Its text with the placeholders filled in for this conversation, to be looked at and sent."""
    found = await macro_use.prepare(ask.house, ask.viewer, path.id, path.macro_id, query.language)
    return PreparedMacro(
        macro_id=found.macro.id, name=found.macro.name, language=found.language, text=found.text,
        missing=list(found.missing), actions=MacroActions.model_validate(found.actions),
        template=found.macro.template, variables=dict(found.variables),
    )  # fmt: skip


@endpoint("POST", "/conversations/{id}/macros/{macro_id}", right="conversations.write", summary="Do what a macro does")
async def perform_macro(ask: Ask, path: ByMacro) -> PerformedMacro:
    """Its actions alone: the text is sent as a message."""
    done = await macro_use.perform(ask.house, ask.viewer, path.id, path.macro_id)
    return PerformedMacro(conversation=render_conversation(done.conversation), skipped=done.skipped)


def _cursor(place: Place) -> str:
    at, conversation_id = place
    return f"{at.astimezone(UTC).isoformat().replace('+00:00', 'Z')}~{conversation_id}"


def _place(cursor: str | None) -> Place | None:
    if not cursor:
        return None
    at, _, conversation_id = cursor.partition("~")
    try:
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError
        return in_utc(moment), UUID(conversation_id)
    except ValueError:
        raise FieldsInvalid([FieldProblem(field="query.cursor", detail="not a cursor of this list")]) from None


routes: list[Endpoint] = [
    conversations, boxes, create_conversation, one_conversation, change_conversation, claim, release, open_ticket,
    make_customer, tell_typing, prepare_macro, perform_macro,
]  # fmt: skip
