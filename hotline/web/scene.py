"""What viewers see of the events: rings, calls, presence and connections, each as this viewer may see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from hotline.crm.queries.calls.calls import current_calls
from hotline.crm.queries.calls.pop import render_event, rings_now
from hotline.crm.queries.calls.presence import list_pbxs, own_presence
from hotline.crm.queries.calls.wrap_ups import own_wrap_ups
from hotline.crm.queries.people.users import get_user
from hotline.crm.queries.stream import circle_of, next_end, present_viewers
from hotline.crm.queries.tickets.ticket_lists import ticket_counts
from hotline.crm.viewer import Viewer
from hotline.events import Event
from hotline.web.api.calls import render_call
from hotline.web.api.pbxs import render_member, render_pbx
from hotline.web.api.wrap_ups import render_wrap_up
from hotline.web.context import SignedIn
from hotline.workflows.house import House


class HouseScene:
    """The scene out of the records."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def render(self, viewer: Viewer, event: Event) -> Mapping[str, Any] | None:
        """The event's data for the viewer."""
        return await render_event(self._house.db, self._house.keyring, viewer, event)

    async def circle(self, viewer: Viewer) -> frozenset[str]:
        """The marks of the viewer's teams."""
        return await circle_of(self._house.db, viewer)

    async def snapshot(self, viewer: Viewer, *, watch: bool) -> Mapping[str, Any]:
        """What is now: the viewer's rings, open calls, queue places, and how the PBXs are.

        Read in this order: a call that moves on meanwhile is told by its event, which comes after.
        """
        db, keyring = self._house.db, self._house.keyring
        rings = await rings_now(db, keyring, viewer, all_agents=watch)
        calls = await current_calls(db, keyring, viewer) if viewer.may("calls.read") else []
        presence = await own_presence(db, viewer)
        user = await get_user(db, viewer, viewer.user_id) if viewer.user_id is not None else None
        return {
            "event_id": self._house.new_id(),
            "at": self._house.clock(),
            "user": {"id": user.id, "login": user.login, "name": user.name} if user is not None else None,
            "rings": [{"event_id": self._house.new_id(), **ring} for ring in rings],
            "calls": [render_call(call) for call in calls],
            "wrap_ups": [render_wrap_up(view) for view in await own_wrap_ups(db, viewer)],
            "tickets": await ticket_counts(db, viewer, self._house.clock()),
            "presence": [render_member(view) for view in presence],
            "pbx": [render_pbx(view) for view in await list_pbxs(db, viewer)],
        }

    async def still(self, signed: Sequence[SignedIn]) -> Mapping[UUID, Viewer]:
        """The present viewers of the sessions and tokens that are still valid."""
        return await present_viewers(
            self._house.db,
            self._house.clock(),
            [each.id for each in signed if each.kind == "session"],
            [each.id for each in signed if each.kind == "token"],
        )

    async def ends_in(self) -> float | None:
        """Seconds until the next grant or token ends by itself."""
        now = self._house.clock()
        end = await next_end(self._house.db, now)
        return None if end is None else (end - now).total_seconds()
