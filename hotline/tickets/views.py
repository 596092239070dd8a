"""Saved lists of tickets: what they may filter by, and those that come with hotline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Sort = Literal["deadline", "newest", "updated", "callback", "resolved"]


@dataclass(frozen=True, slots=True)
class Filters:
    """Which tickets. ``assignee`` is ``me``, ``none`` or a login; an empty filter asks for nothing."""

    states: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    category: str | None = None
    assignee: str | None = None
    queue: str | None = None
    overdue: bool = False
    callback: bool = False
    provisional: bool | None = None


@dataclass(frozen=True, slots=True)
class ShippedView:
    """A list that everybody has. ``name`` goes through the translations."""

    slug: str
    name: str
    filters: Filters = field(default_factory=Filters)
    sort: Sort = "deadline"


_OPEN: Final = ("new", "open", "waiting")

SHIPPED: Final[Mapping[str, ShippedView]] = {
    view.slug: view
    for view in (
        ShippedView("mine", "My tickets", Filters(states=_OPEN, assignee="me", provisional=False)),
        ShippedView("unassigned", "Unassigned", Filters(states=_OPEN, assignee="none", provisional=False)),
        ShippedView("overdue", "Overdue", Filters(states=("new", "open"), overdue=True, provisional=False)),
        ShippedView("callbacks", "Call backs", Filters(callback=True), "callback"),
        ShippedView("waiting", "Waiting for customer", Filters(states=("waiting",)), "updated"),
        ShippedView("open", "All open", Filters(states=_OPEN, provisional=False)),
        ShippedView("recently_closed", "Recently closed", Filters(states=("resolved", "closed")), "resolved"),
    )
}
