"""The address of a list of tickets: which saved list, what it is narrowed to, where the page begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, get_args
from urllib.parse import urlencode
from uuid import UUID

from hotline.clock import in_utc
from hotline.crm.queries.tickets.ticket_lists import Place
from hotline.tickets.states import OPEN, Kind, Priority, State
from hotline.tickets.views import SHIPPED, Filters, Sort

DEFAULT: Final = "open"
#: The parameters of the filter's form, in its order.
NAMES: Final = ("state", "kind", "priority", "assignee", "sort")
#: What "open" means in the form: every state in which somebody has to do something.
ANY_OPEN: Final = "unsettled"


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for. ``view`` is a shipped list's slug, a saved list's id, or "" for a filter of one's own;
    ``chosen`` are the form's values."""

    view: str
    filters: Filters
    sort: Sort
    chosen: Mapping[str, str]
    number: int | None

    @property
    def query(self) -> str:
        """The address again, without its page."""
        if self.view:
            return urlencode({"view": self.view})
        return urlencode({name: value for name, value in self.chosen.items() if value})


def asked(query: Mapping[str, str], saved: Mapping[str, tuple[Filters, Sort]]) -> Asked:
    """What the address asks for; what it does not know counts for nothing."""
    chosen = {name: query.get(name, "")[:150].strip() for name in (*NAMES, "q")}
    number = number_of(chosen["q"])
    if any(chosen.values()):
        sort: Sort = chosen["sort"] if chosen["sort"] in get_args(Sort) else "deadline"  # type: ignore[assignment]
        if number is not None:
            return Asked("", Filters(), sort, chosen, number)
        return Asked("", _filters(chosen), sort, chosen, None)
    view = query.get("view", "") or DEFAULT
    if view in saved:
        filters, order = saved[view]
    else:
        view = view if view in SHIPPED else DEFAULT
        filters, order = SHIPPED[view].filters, SHIPPED[view].sort
    return Asked(view, filters, order, _shown(filters, order), None)


def number_of(text: str) -> int | None:
    """The number in "T10001", "t 10001" or "10001"."""
    digits = text.strip().upper().removeprefix("T").strip()
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= 15 else None


def _filters(chosen: Mapping[str, str]) -> Filters:
    found = Filters(states=_states(chosen["state"]))
    if chosen["kind"] in get_args(Kind):
        found = replace(found, kinds=(chosen["kind"],))
    if chosen["priority"] in get_args(Priority):
        found = replace(found, priorities=(chosen["priority"],))
    if chosen["assignee"]:
        found = replace(found, assignee=chosen["assignee"])
    return found


def _states(state: str) -> tuple[str, ...]:
    if state in get_args(State):
        return (state,)
    return ("new", "open", "waiting") if state == ANY_OPEN else ()


def _shown(filters: Filters, sort: Sort) -> dict[str, str]:
    """The form's values for a list, as far as the form can say them."""
    if len(filters.states) == 1:
        state = filters.states[0]
    else:
        state = ANY_OPEN if filters.states and set(filters.states) <= OPEN else ""
    return {
        "state": state,
        "kind": filters.kinds[0] if len(filters.kinds) == 1 else "",
        "priority": filters.priorities[0] if len(filters.priorities) == 1 else "",
        "assignee": filters.assignee or "",
        "sort": sort,
        "q": "",
    }


def place_text(place: Place) -> str:
    """Where a page begins, in an address."""
    at, ticket_id = place
    return f"{at.isoformat() if at else ''}|{ticket_id}"


def place_of_text(text: str) -> Place | None:
    """The place out of an address; None for anything else."""
    at, _, ticket_id = text.partition("|")
    try:
        return (in_utc(datetime.fromisoformat(at)) if at else None), UUID(ticket_id)
    except ValueError:
        return None
