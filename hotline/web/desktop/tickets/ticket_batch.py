"""Several tickets of a list changed at once: who has them, how urgent they are, their state; and the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from hotline.crm.queries.tickets.tickets import TicketView, get_ticket
from hotline.errors import HotlineError, Invalid
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.forms import field, fields, form_of, refusal_words
from hotline.web.desktop.render import see_other
from hotline.web.desktop.tickets import tickets
from hotline.web.rights import needs
from hotline.workflows.tickets import tickets as workflow
from hotline.workflows.tickets.tickets import TicketChanges

#: Tickets that one form changes: a page of the list, and some more.
MOST: Final = 100
#: What may be changed; "" leaves it.
_FIELDS: Final = ("assignee", "priority", "state")
#: Where a ticket goes back to that was in a state to which nobody goes back.
_BACK: Final = {"new": "open", "waiting": "open"}


@dataclass(frozen=True, slots=True)
class Changed:
    """What came of a form: how many were changed, (reference, reason) of those that were not, and, for the form that
    takes it back, each changed ticket as it was."""

    count: int
    refused: Sequence[tuple[str, str]]
    before: Sequence[str]
    undone: bool = False


@needs("tickets.write")
async def change(request: web.Request) -> web.StreamResponse:
    """Changes the chosen tickets as far as each may be, and shows the list again. A ticket that somebody changed since
    the list was shown stays as it is."""
    form = await form_of(request)
    wanted = {name: field(form, name, 100) for name in _FIELDS}
    wanted = {name: value for name, value in wanted.items() if value}
    chosen = [_parts(text, 2) for text in fields(form, "ticket", 100)]
    if not chosen or not wanted:
        return see_other(f"/tickets?{request.query_string}")
    return await _changed(request, [(ticket_id, version, wanted) for ticket_id, version in chosen])


@needs("tickets.write")
async def undo(request: web.Request) -> web.StreamResponse:
    """Takes the last change of several tickets back, where nobody has changed them since."""
    form = await form_of(request)
    wanted: list[tuple[str, str, Mapping[str, str]]] = []
    for text in fields(form, "ticket", 400):
        ticket_id, version, *pairs = _parts(text, 2 + 2 * len(_FIELDS))
        before = dict(zip(pairs[::2], pairs[1::2], strict=True))
        wanted.append((ticket_id, version, {name: before[name] for name in _FIELDS if name in before}))
    return await _changed(request, wanted, undone=True)


@needs("tickets.read")
async def again(request: web.Request) -> web.StreamResponse:
    """The list, for who loads the page again that a form answered."""
    return see_other(f"/tickets?{request.query_string}")


async def _changed(
    request: web.Request, wanted: Sequence[tuple[str, str, Mapping[str, str]]], *, undone: bool = False
) -> web.StreamResponse:
    if len(wanted) > MOST:
        raise Invalid(f"ticket: at most {MOST} at once.")
    house, viewer = house_of(request), signed_of(request).viewer
    before: list[str] = []
    refused: list[tuple[str, str]] = []
    for text, version, values in wanted:
        reference = ""
        try:
            ticket_id = UUID(text)
            was = await get_ticket(house.db, house.keyring, viewer, ticket_id)
            reference = was.reference
            changes = _changes(was, values)
            if changes:
                now = await workflow.change_ticket(house, viewer, ticket_id, changes, int(version))
                before.append(_as_it_was(was, now, changes))
        except ValueError:
            raise Invalid("ticket: not an id and a version.") from None
        except HotlineError as error:
            refused.append((reference, refusal_words(request, error)))
    request[tickets.BATCH] = Changed(len(before), refused, before, undone)
    return await tickets.index(request)


def _changes(was: TicketView, values: Mapping[str, str]) -> TicketChanges:
    """What differs from how the ticket is."""
    changes: TicketChanges = {}
    if (state := values.get("state", was.state)) != was.state:
        changes["state"] = state
    if (priority := values.get("priority", was.priority)) != was.priority:
        changes["priority"] = priority
    if "assignee" in values:
        assignee = None if values["assignee"] == "none" else values["assignee"]
        if assignee != was.assignee:
            changes["assignee"] = assignee
    return changes


def _as_it_was(was: TicketView, now: TicketView, changes: TicketChanges) -> str:
    old: dict[str, Any] = {
        "state": _BACK.get(was.state, was.state), "priority": was.priority, "assignee": was.assignee or "none"
    }  # fmt: skip
    return " ".join([str(was.id), str(now.version), *(f"{name} {old[name]}" for name in changes)])


def _parts(text: str, most: int) -> list[str]:
    parts = text.split()
    if not 2 <= len(parts) <= most or len(parts) % 2:
        raise Invalid("ticket: not an id and a version.")
    return parts


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_post("/tickets/batch", change)
    app.router.add_get("/tickets/batch", again)
    app.router.add_post("/tickets/batch/undo", undo)
    app.router.add_get("/tickets/batch/undo", again)
