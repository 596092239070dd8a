"""What the handset page shows live: the PBX's state, and beside it what hotline made of it."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from aiohttp import web

from hotline import phone
from hotline.bus.base import Message
from hotline.crm.queries.people.users import get_user
from hotline.crm.queries.tickets.tickets import get_ticket
from hotline.crm.viewer import SYSTEM
from hotline.events import TOPIC_EVENTS, Event, decode
from hotline.web.context import HOUSE
from hotline.workflows.house import House
from hotline.workflows.ivr import prompts

if TYPE_CHECKING:
    from hotline.web.demo.page import DemoPbx
    from hotline.web.demo.twilio import DemoTwilio

#: Changes closer together than this are sent as one.
_TOGETHER_SECONDS: Final = 0.04
_HEARTBEAT_SECONDS: Final = 15.0
#: Events of hotline that the log shows, and as what.
_SHOWN: Final[Mapping[str, str]] = {
    "call.offered": "pop",
    "call.retracted": "pop_gone",
    "call.answered": "answered",
    "call.transferred": "moved",
    "call.ended": "ended",
    "call.abandoned": "missed",
    "ticket.created": "ticket",
    "recording.stored": "voicemail",
}


class Watch:
    """Joins the PBX's log with hotline's events and sends both to the open pages."""

    def __init__(self, pbx: DemoPbx, twilio: DemoTwilio | None = None) -> None:
        self._pbx = pbx
        self._twilio = twilio
        self._events: deque[dict[str, Any]] = deque(maxlen=60)
        self._open: set[asyncio.Event] = set()
        self._names: dict[str, str] = {}
        self._closing = False
        self._house: House | None = None

    def state(self) -> dict[str, Any]:
        """The PBX's state; its log has hotline's lines in it, in the order of time."""
        state = dict(self._pbx.state())
        for call in (*state["calls"], *(call for one in state["phones"] for call in one["calls"])):
            call["number"] = call["number"] and phone.display(call["number"])
        for call in state["calls"]:
            if call["line"] is not None:
                call["line"] = self._captioned(call["line"])
        told = [{**line, "by": "pbx"} for line in state["log"]] + list(self._events)
        state["log"] = sorted(told, key=lambda line: float(line["at"]))[-60:]
        if self._twilio is not None:
            state["twilio"] = self._shown(self._twilio.state())
        return state

    def _shown(self, twilio: Mapping[str, Any]) -> dict[str, Any]:
        """What is at Twilio, its numbers as people write them and the words of prompts that are sound files."""
        shown = dict(twilio)
        for name in ("messages", "calls"):
            shown[name] = [{**each, "shown": phone.display(each["number"])} for each in twilio[name]]
        for call in shown["calls"]:
            call["heard"] = [self._said(each) for each in call["heard"]]
        return shown

    def _said(self, heard: Mapping[str, Any]) -> dict[str, Any]:
        if heard["kind"] != "play" or self._house is None:
            return dict(heard)
        found = prompts.caption(self._house, str(heard["what"]))
        return {**heard, "kind": "say", "language": found[0], "what": found[1]} if found else dict(heard)

    def _captioned(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """What the caller hears, with its words and its address here: the PBX's own may be another one."""
        heard = []
        for one in line["heard"]:
            shown = dict(one)
            if one["kind"] == "prompt":
                language, text = (self._house and prompts.caption(self._house, one["what"])) or ("", "")
                shown |= {"what": text, "language": language}
            heard.append(shown)
        url = line["url"]
        return {**line, "url": url and f"/prompts/{url.rpartition('/')[2]}", "heard": heard}

    async def run(self, app: web.Application) -> AsyncIterator[None]:
        """Listens while the application runs."""
        self._house = app[HOUSE]
        unwatch: Callable[[], None] = self._pbx.watch(self._changed)
        leave = self._twilio.watch(self._changed) if self._twilio is not None else None
        task = app[HOUSE].spawn(self._listen(app), "demo.watch")
        yield
        unwatch()
        if leave is not None:
            leave()
        task.cancel()

    async def close(self, app: web.Application) -> None:
        """Ends the streams: they would hold the shutdown open."""
        self._closing = True
        self._changed()

    async def _listen(self, app: web.Application) -> None:
        house = app[HOUSE]
        async with house.bus.subscribe(TOPIC_EVENTS) as messages:
            async for message in messages:
                if not isinstance(message, Message):
                    continue
                now = house.clock()
                for event in decode(message.payload):
                    if event.type in _SHOWN:
                        self._events.append(await self._line(house, event, now))
                        self._changed()

    async def _line(self, house: House, event: Event, now: datetime) -> dict[str, Any]:
        line: dict[str, Any] = {"at": now.timestamp(), "by": "hotline", "what": _SHOWN[event.type], "detail": ""}
        for user_id in (mark.removeprefix("user:") for mark in event.audience if mark.startswith("user:")):
            if user_id not in self._names:
                self._names[user_id] = (await get_user(house.db, SYSTEM, UUID(user_id))).name
            line["detail"] = self._names[user_id]
        if event.type == "ticket.created":
            ticket = await get_ticket(house.db, house.keyring, SYSTEM, UUID(event.data["ticket_id"]))
            line |= {"detail": ticket.reference, "kind": ticket.kind}
        if event.type == "call.offered" and "at" in event.data:
            line["ms"] = round((now - datetime.fromisoformat(event.data["at"])).total_seconds() * 1000, 1)
        return line

    def _changed(self) -> None:
        for changed in self._open:
            changed.set()

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """One page's stream; ends when the page goes or the service stops."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        changed = asyncio.Event()
        changed.set()
        self._open.add(changed)
        try:
            while not self._closing:
                try:
                    async with asyncio.timeout(_HEARTBEAT_SECONDS):
                        await changed.wait()
                except TimeoutError:
                    await response.write(b": still here\n\n")
                    continue
                await asyncio.sleep(_TOGETHER_SECONDS)
                changed.clear()
                await response.write(f"data: {json.dumps(self.state())}\n\n".encode())
        except ConnectionResetError:
            pass  # the page was closed
        finally:
            self._open.discard(changed)
        return response


WATCH: Final = web.AppKey("demo.watch", Watch)
