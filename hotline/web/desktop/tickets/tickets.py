"""Tickets: the lists, one ticket, a new one, the call backs, and the desk's own column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import UUID

from aiohttp import web

from hotline.crm.queries.conversations.conversation_lists import ConversationFilter, list_conversations
from hotline.crm.queries.customers.customers import get_customer
from hotline.crm.queries.people.users import find_user_by_login, list_users
from hotline.crm.queries.tickets.categories import list_categories
from hotline.crm.queries.tickets.ticket_history import list_entries
from hotline.crm.queries.tickets.ticket_lists import count_tickets, list_tickets, place_of
from hotline.crm.queries.tickets.ticket_views import list_views
from hotline.crm.queries.tickets.tickets import get_ticket
from hotline.errors import Conflict, HotlineError, Invalid
from hotline.tickets.views import SHIPPED, Filters
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.conversations import message_words
from hotline.web.desktop.customers.custom_forms import offered
from hotline.web.desktop.customers.customer_values import speaker
from hotline.web.desktop.forms import field, form_of, id_of, needed_id_of, once_of, problems, uuid_of
from hotline.web.desktop.i18n import Calendar, language_of, zone_of
from hotline.web.desktop.render import html, is_fragment, say, see_other
from hotline.web.desktop.tickets import ticket_fields, ticket_words
from hotline.web.desktop.tickets.ticket_calls import calls_of
from hotline.web.desktop.tickets.ticket_filters import ANY_OPEN, asked, place_of_text, place_text
from hotline.web.desktop.tickets.ticket_history import days
from hotline.web.desktop.tickets.ticket_rows import rows_of
from hotline.web.desktop.words import N_
from hotline.web.rights import needs
from hotline.workflows.tickets import ticket_views
from hotline.workflows.tickets import tickets as workflow

PAGE: Final = 50
#: What came of a change of several tickets, which the list tells.
BATCH: Final = web.RequestKey("batch", object)
#: Rows of the desk's column.
MINE: Final = 20
DUE: Final = 8
TALKS: Final = 8
CALLBACKS: Final = 100
PEOPLE: Final = 200
HISTORY: Final = 200

#: Lists whose number says something: of what is done there is always more.
_COUNTED: Final = {slug: view for slug, view in SHIPPED.items() if slug != "recently_closed"}

_SORTS: Final[Mapping[str, str]] = {
    "deadline": N_("By deadline"),
    "newest": N_("The newest first"),
    "updated": N_("The last changed first"),
    "callback": N_("By call back"),
    "resolved": N_("The last resolved first"),
}


@needs("tickets.read")
async def index(request: web.Request) -> web.StreamResponse:
    """A list: a saved one, or what is narrowed down by hand."""
    house, viewer = house_of(request), signed_of(request).viewer
    now = house.clock()
    saved = await list_views(house.db, viewer)
    wanted = asked(request.query, {str(view.id): (view.filters, view.sort) for view in saved})
    after = place_of_text(request.query.get("after", ""))
    assignee_id, unknown = await _assignee(request, wanted.filters)
    found = []
    if not unknown:
        found = await list_tickets(
            house.db, house.keyring, viewer, wanted.filters,
            now=now, limit=PAGE + 1, sort=wanted.sort, after=after, assignee_id=assignee_id, number=wanted.number,
        )  # fmt: skip
    counts = await count_tickets(house.db, viewer, [view.filters for view in _COUNTED.values()], now=now)
    counted = dict(zip(_COUNTED, counts, strict=True))
    views: list[dict[str, Any]] = [
        {
            "id": "", "name": ticket_words.views.get(view.slug, view.name), "href": f"/tickets?view={view.slug}",
            "current": wanted.view == view.slug, "shipped": True, "shared": True, "mine": False,
            "count": counted.get(view.slug),
        }
        for view in SHIPPED.values()
    ]  # fmt: skip
    views += [
        {
            "id": view.id, "name": view.name, "href": f"/tickets?view={view.id}",
            "current": wanted.view == str(view.id), "shipped": False, "shared": view.shared,
            "mine": not view.shared or viewer.may("tickets.assign"), "count": None,
        }
        for view in saved
    ]  # fmt: skip
    current = next((view for view in views if view["current"]), None)
    total = None if current is None else current["count"]
    name = str(current["name"]) if current else N_("Tickets")
    people = await _people(request) if viewer.may("tickets.read_all") or viewer.may("tickets.assign") else []
    context = {
        "heading": say(request, name) if current is None or current["shipped"] else name,
        "total": total,
        "views": views,
        "rows": await rows_of(request, found[:PAGE]),
        "next": place_text(place_of(found[PAGE - 1], wanted.sort)) if len(found) > PAGE else None,
        "after": place_text(after) if after else "",
        "query": wanted.query,
        "chosen": wanted.chosen,
        "filters": await _filter_fields(request, people),
        "filtered": not wanted.view,
        "empty": say(request, ticket_words.empty.get(wanted.view, N_("No ticket fits."))),
        "words": ticket_words,
        "done": request.query.get("done", ""),
        "problem": "",
        "people": people if viewer.may("tickets.assign") else [],
        "batch": request.get(BATCH),
    }
    return html(request, "tickets.html", context)


async def _assignee(request: web.Request, filters: Filters) -> tuple[UUID | None, bool]:
    """Whom the filter names by login, and whether there is nobody of this name."""
    house, viewer = house_of(request), signed_of(request).viewer
    if filters.assignee in (None, "me", "none"):
        return None, False
    try:
        return (await find_user_by_login(house.db, viewer, filters.assignee)).id, False
    except HotlineError:
        return None, True


async def _filter_fields(request: web.Request, known: Sequence[Any]) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """The form's selects: (name, label, options)."""
    viewer = signed_of(request).viewer
    people = [(user.login, user.name) for user in known] if viewer.may("tickets.read_all") else []
    words = ticket_words

    def said(table: Mapping[str, str]) -> list[tuple[str, str]]:
        return [(key, say(request, word)) for key, word in table.items()]

    return [
        ("state", say(request, N_("Status")), said({ANY_OPEN: N_("All open"), **words.states})),
        ("kind", say(request, N_("Kind")), said(words.kinds)),
        ("priority", say(request, N_("Priority")), said(words.priorities)),
        ("assignee", say(request, N_("Assignee")), [*said({"me": N_("Me"), "none": N_("Nobody")}), *people]),
        ("sort", say(request, N_("Order")), said(_SORTS)),
    ]


async def _people(request: web.Request) -> list[Any]:
    """Who can have tickets, by name."""
    house, viewer = house_of(request), signed_of(request).viewer
    if not viewer.may("users.read"):
        return []
    found = await list_users(house.db, viewer, limit=PEOPLE, with_disabled=False)
    return sorted(found, key=lambda user: user.name.casefold())


@needs("tickets.write")
async def save_view(request: web.Request) -> web.StreamResponse:
    """Keeps the list that is shown under a name."""
    house, viewer = house_of(request), signed_of(request).viewer
    form = await form_of(request)
    saved = await list_views(house.db, viewer)
    query = dict(parse_qsl(field(form, "query", 2000)))
    wanted = asked(query, {str(view.id): (view.filters, view.sort) for view in saved})
    made = await ticket_views.save_view(
        house, viewer, field(form, "name", 200), wanted.filters, wanted.sort, shared=bool(field(form, "shared"))
    )
    return see_other(f"/tickets?view={made.id}&done=saved")


@needs("tickets.write")
async def delete_view(request: web.Request) -> web.StreamResponse:
    """Removes a saved list."""
    await ticket_views.delete_view(house_of(request), signed_of(request).viewer, uuid_of(request))
    return see_other("/tickets?done=removed")


@needs("tickets.read")
async def show(request: web.Request) -> web.StreamResponse:
    """One ticket; a script asks for its parts alone."""
    house, viewer = house_of(request), signed_of(request).viewer
    ticket = await get_ticket(house.db, house.keyring, viewer, uuid_of(request))
    [row] = await rows_of(request, [ticket])
    calendar = Calendar(language_of(request), zone_of(request), house.clock())
    entries = await list_entries(
        house.db, house.keyring, viewer, ticket.id, limit=HISTORY, call_notes=viewer.may("calls.read")
    )
    people = await _people(request)
    paths = {slug: path for slug, path, _ in await _categories(request)}
    context = {
        "row": row,
        "words": ticket_words,
        "customs": (await speaker(request)).ticket_customs(ticket),
        "custom_fields": bool(await offered(request, "ticket")),
        "calls": await calls_of(request, ticket),
        "conversations": await _conversations_of(request, ticket.id),
        "message_words": message_words,
        "history": days(request, entries, calendar, {**{str(user.id): user.name for user in people}, **paths}),
        "people": people if viewer.may("tickets.assign") else [],
        "category": paths.get(ticket.category or "", ticket.category or ""),
        "source": ticket_words.sources.get(ticket.source, ""),
        "disposition": ticket_words.dispositions.get(ticket.disposition or "", ticket.disposition or ""),
        "assignee": next((user.name for user in people if user.id == ticket.assignee_id), ticket.assignee or ""),
    }
    return html(request, "ticket_parts.html" if is_fragment(request) else "ticket.html", context)


@needs("tickets.read")
async def callbacks(request: web.Request) -> web.StreamResponse:
    """Who waits for a call, the most urgent first."""
    house, viewer = house_of(request), signed_of(request).viewer
    view = SHIPPED["callbacks"]
    found = await list_tickets(
        house.db, house.keyring, viewer, view.filters, now=house.clock(), limit=CALLBACKS, sort=view.sort
    )
    return html(request, "callbacks.html", {"rows": await rows_of(request, found), "words": ticket_words})


@needs("tickets.read")
async def work(request: web.Request) -> web.StreamResponse:
    """The desk's column: one's own tickets by deadline, and the call backs that are one's own or nobody's."""
    house, viewer = house_of(request), signed_of(request).viewer
    now = house.clock()
    mine, due = SHIPPED["mine"], SHIPPED["callbacks"]
    tickets = await list_tickets(house.db, house.keyring, viewer, mine.filters, now=now, limit=MINE, sort=mine.sort)
    total = len(tickets)
    if total == MINE:
        total = (await count_tickets(house.db, viewer, [mine.filters], now=now))[0].count
    waiting = await list_tickets(house.db, house.keyring, viewer, due.filters, now=now, limit=CALLBACKS, sort=due.sort)
    waiting = [ticket for ticket in waiting if ticket.assignee_id in (None, viewer.user_id)][:DUE]
    rows = await rows_of(request, [*tickets, *waiting])
    own, others = rows[: len(tickets)], rows[len(tickets) :]
    context = {
        "tickets": own, "total": total, "callbacks": others, "words": ticket_words, **await _conversations(request),
        "message_words": message_words,
    }  # fmt: skip
    return html(request, "desk_work.html", context)


async def _conversations_of(request: web.Request, ticket_id: UUID) -> list[Any]:
    """The conversations that belong to a ticket, the latest first."""
    house, viewer = house_of(request), signed_of(request).viewer
    if not viewer.may("conversations.read"):
        return []
    chosen = ConversationFilter(state="any", ticket_id=ticket_id)
    return await list_conversations(house.db, house.keyring, viewer, chosen, limit=TALKS)


async def _conversations(request: web.Request) -> dict[str, Any]:
    """One's own open conversations, who waits longest first, and those of nobody where a customer waits."""
    house, viewer = house_of(request), signed_of(request).viewer
    if not viewer.may("conversations.read"):
        return {"own_conversations": [], "waiting_conversations": []}
    mine, nobodys = ConversationFilter("mine", "open"), ConversationFilter("unassigned", "open", unanswered=True)
    own = await list_conversations(house.db, house.keyring, viewer, mine, limit=TALKS)
    waiting = await list_conversations(house.db, house.keyring, viewer, nobodys, limit=TALKS, sort="waiting")
    own.sort(key=lambda each: (each.unanswered_since is None, each.unanswered_since or each.last_at))
    return {"own_conversations": own, "waiting_conversations": waiting}


async def _categories(request: web.Request) -> list[tuple[str, str, bool]]:
    """(slug, "Billing › Refund", whether it is offered) of every category, each after its parent."""
    house, viewer = house_of(request), signed_of(request).viewer
    language = language_of(request)
    found: dict[str, tuple[str, bool]] = {}
    for category in await list_categories(house.db, viewer):
        name = category.names.get(language) or category.names.get("en") or category.slug
        above = found.get(category.parent or "")
        path = f"{above[0]} › {name}" if above else name
        found[category.slug] = (path, not category.archived and (above is None or above[1]))
    return [(slug, path, offered) for slug, (path, offered) in found.items()]


@needs("tickets.write")
async def new(request: web.Request) -> web.StreamResponse:
    """The form of a ticket by hand, for a customer where the address names one."""
    return await _form(request, {"customer": request.query.get("customer", "")})


@needs("tickets.write")
async def create(request: web.Request) -> web.StreamResponse:
    """Opens the ticket, or shows the form again with what is wrong and what was typed."""
    house, viewer = house_of(request), signed_of(request).viewer
    form = await form_of(request)
    typed = {name: field(form, name, 100_000) for name in _TYPED}
    try:
        customer_id = id_of(typed["customer"])
        if not typed["subject"].strip():
            raise Invalid("subject: something must stand here.")
        made = await workflow.create_ticket(
            house,
            viewer,
            {
                "kind": typed["kind"],
                "subject": typed["subject"],
                "description": typed["description"],
                "priority": typed["priority"],
                "category": typed["category"] or None,
                "customer_id": customer_id,
                "assignee": signed_of(request).login,
            },
            once_of(request, form),
        )
    except (Invalid, Conflict) as error:
        return await _form(request, typed, error)
    return see_other(f"/tickets/{made.id}")


_TYPED: Final = ("customer", "kind", "subject", "category", "priority", "description")


async def _form(request: web.Request, typed: Mapping[str, str], error: HotlineError | None = None) -> web.Response:
    house, viewer = house_of(request), signed_of(request).viewer
    customer = None
    if typed.get("customer") and viewer.may("customers.read"):
        customer = await get_customer(house.db, house.keyring, viewer, needed_id_of(typed["customer"]))
    empty = {**dict.fromkeys(_TYPED, ""), "kind": "consultation", "priority": "normal"}
    context = {
        "customer": customer,
        "values": {**empty, **typed},
        "errors": problems(request, error) if error else {},
        "categories": [(slug, path) for slug, path, offered in await _categories(request) if offered],
        "words": ticket_words,
    }
    return html(request, "ticket_new.html", context, status=error.status if error else 200)


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/tickets", index)
    ticket_fields.setup(app)
    app.router.add_post("/tickets/views", save_view)
    app.router.add_post("/tickets/views/{id}/delete", delete_view)
    app.router.add_get("/tickets/new", new)
    app.router.add_post("/tickets/new", create)
    app.router.add_get("/tickets/{id}", show)
    app.router.add_get("/callbacks", callbacks)
    app.router.add_get("/desk/work", work)
