"""The simulated Twilio: an account with numbers, people with telephones outside, and the API in between."""

from __future__ import annotations

import asyncio
import contextvars
import secrets
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog

from hotline.simulator.twilio.hooks import Hooks
from hotline.simulator.twilio.line import Line
from hotline.simulator.twilio.messages import Messages
from hotline.simulator.twilio.queueing import Queue
from hotline.simulator.twilio.records import Call, ChannelSender, Number, Recording, Service, new_sid

log = structlog.get_logger(__name__)


@dataclass
class Fault:
    """What goes wrong with the next request to the API: a status and Twilio's code, or a connection that breaks.

    ``done``: the request is carried out all the same, and its answer lost. ``seconds`` of silence come first.
    """

    status: int = 500
    code: int | None = None
    retry_after: int | None = None
    done: bool = False
    drops: bool = False
    seconds: float = 0.0
    #: The requests that it is for: the method and a part of the path; empty: every one.
    method: str = ""
    path: str = ""


class SimulatedTwilio:
    """One account on this machine. ``pace`` 0 waits for nothing but people's deeds, 1 takes the real time."""

    def __init__(self, *, account_sid: str = "", token: str = "", pace: float = 0.0) -> None:
        self.account_sid = account_sid or new_sid("AC")
        self.token = token or secrets.token_hex(16)
        self.pace = pace
        #: Tokens of the account and its sub-accounts.
        self.tokens: dict[str, str] = {self.account_sid: self.token}
        self.hooks = Hooks(self.tokens)
        self.messages = Messages(self)
        self.numbers: dict[str, Number] = {}
        self.services: dict[str, Service] = {}
        self.senders: dict[str, ChannelSender] = {}
        self.lines: dict[str, Line] = {}
        self.recordings: dict[str, Recording] = {}
        self.queues: dict[str, Queue] = {}
        self.url = ""
        #: What goes wrong next, in order.
        self.faults: deque[Fault] = deque()
        #: Every request to the API: method, path, form.
        self.requests: list[tuple[str, str, list[tuple[str, str]]]] = []
        #: Says what is wrong with a request: (method, path, form or query) → sentences.
        self.examine: Callable[[str, str, list[tuple[str, str]]], list[str]] = lambda method, path, form: []
        self.complaints: list[str] = []
        self._ringing: list[Line] = []
        self._watched: set[Line] = set()
        self._watchers: set[Callable[[], None]] = set()
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._close: Callable[[], Coroutine[Any, Any, None]] | None = None

    # The account

    def add_number(self, number: str, *, account_sid: str = "", **webhooks: str) -> Number:
        """The company gets a number."""
        made = Number(account_sid or self.account_sid, number, webhooks=dict(webhooks))
        self.numbers[made.sid] = made
        return made

    def add_service(self, name: str, *numbers: str, **webhooks: Any) -> Service:
        """The company gets a messaging service."""
        made = Service(self.account_sid, name, list(numbers), dict(webhooks))
        self.services[made.sid] = made
        return made

    def add_sender(self, number: str, **webhooks: str) -> ChannelSender:
        """The company gets a WhatsApp sender."""
        made = ChannelSender(f"whatsapp:{number}", webhooks=dict(webhooks))
        self.senders[made.sid] = made
        return made

    def add_account(self, account_sid: str = "", token: str = "") -> str:
        """The company gets a sub-account."""
        account_sid = account_sid or new_sid("AC")
        self.tokens[account_sid] = token or secrets.token_hex(16)
        return account_sid

    # People

    def call(self, from_: str, to: str, *, account_sid: str = "", **more: str) -> Line:
        """Somebody calls one of the company's numbers; ``more`` are further parameters of the first webhook."""
        number = next((each for each in self.numbers.values() if each.number == to), None)
        webhooks: Mapping[str, str] = number.webhooks if number is not None else {}
        account = account_sid or (number.account_sid if number is not None else self.account_sid)
        call = Call(account, from_, to, "inbound", status="ringing")
        line = Line(
            self,
            call,
            status_callback=webhooks.get("status_callback", ""),
            fallback=webhooks.get("voice_fallback_url", ""),
        )
        self.lines[call.sid] = line
        self.spawn(line.run(webhooks.get("voice_url", ""), params=more))
        return line

    def place(self, line: Line, url: str, document: str, ring_seconds: float) -> None:
        """The company calls somebody."""
        self.lines[line.call.sid] = line
        self.spawn(self._placed(line, url, document, ring_seconds))

    async def _placed(self, line: Line, url: str, document: str, ring_seconds: float) -> None:
        from hotline.simulator.twilio.line import Answered, GoOn, HangUp, NotAnswered

        try:
            await line.tell("initiated")
            self.rings(line)
            await line.tell("ringing")
            deed = await line.deed(Answered, NotAnswered, seconds=ring_seconds)
            if not isinstance(deed, Answered):
                raise HangUp(deed.how if isinstance(deed, NotAnswered) else "no-answer")
            line.call.answered_by = deed.by if line.detects else None
            self.answered(line)
            await line.tell("in-progress", "answered")
            if line.amd_callback:
                self.spawn(self._detected(line, deed.by))
        except GoOn as sent:
            url, document = sent.url, sent.document
        except HangUp as end:
            await line.finish(end.how)
            return
        await line.run(url, document)

    async def _detected(self, line: Line, by: str) -> None:
        params = line.params(AnsweredBy=by, MachineDetectionDuration="1200")
        await self.hooks.call(line.amd_callback, params)

    async def ringing(self, address: str) -> Line:
        """The telephone at an address, once it rings."""
        await self.wait_for(lambda: self._at(address) is not None)
        found = self._at(address)
        assert found is not None
        return found

    def _at(self, address: str) -> Line | None:
        for line in self._ringing:
            if not line.over.is_set() and (line.call.to == address or line.call.to.startswith(f"{address};")):
                return line
        return None

    @property
    def telephones(self) -> list[Line]:
        """Everybody outside whose telephone rings."""
        return [line for line in self._ringing if not line.over.is_set()]

    # What lines tell

    def rings(self, line: Line) -> None:
        """A telephone begins to ring."""
        self._ringing.append(line)
        self.changed()

    def answered(self, line: Line) -> None:
        """It was picked up."""
        if line in self._ringing:
            self._ringing.remove(line)

    def watch(self, line: Line) -> None:
        """The line wants to know when anything changes anywhere."""
        self._watched.add(line)

    def unwatch(self, line: Line) -> None:
        """It no longer does."""
        self._watched.discard(line)

    def on_change(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Tells ``watcher`` of every change; gives what ends that."""
        self._watchers.add(watcher)
        return lambda: self._watchers.discard(watcher)

    def changed(self) -> None:
        """Something changed."""
        self._changed.set()
        for line in self._watched:
            line._wake.set()
        for watcher in list(self._watchers):
            watcher()

    async def wait_for(self, so: Callable[[], bool], seconds: float = 60.0) -> None:
        """Waits until something is so. Raises TimeoutError when it does not come to be."""
        async with asyncio.timeout(seconds):
            while not so():
                self._changed.clear()
                await self._changed.wait()

    def queue(self, name: str) -> Queue:
        """The queue of this name."""
        return self.queues.setdefault(name, Queue(name))

    def recording_url(self, recording: Recording) -> str:
        """Where the sound of a recording is."""
        return f"{self.url}/2010-04-01/Accounts/{recording.account_sid}/Recordings/{recording.sid}"

    def inbound_of(self, to: str, account_sid: str) -> tuple[str, str, str | None] | None:
        """Where a message to an address is told: address, fallback address, messaging service."""
        for sender in self.senders.values():
            if sender.address == to:
                return sender.webhooks.get("callback_url", ""), sender.webhooks.get("fallback_url", ""), None
        number = next((each for each in self.numbers.values() if each.number == to), None)
        service = next((each for each in self.services.values() if to in each.numbers), None)
        if service is not None and not service.webhooks.get("use_inbound_webhook_on_number"):
            if url := service.webhooks.get("inbound_request_url"):
                return url, service.webhooks.get("fallback_url") or "", service.sid
            return None
        if number is None or not number.webhooks.get("sms_url"):
            return None
        sid = service.sid if service is not None else None
        return number.webhooks["sms_url"], number.webhooks.get("sms_fallback_url", ""), sid

    # Its life

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Does something beside."""
        task = asyncio.create_task(work, context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.complaints.append(f"the simulated Twilio failed: {error!r}")
            log.error("simulator.failed", exc_info=error)
        self.changed()

    async def quiet(self) -> None:
        """Waits until nothing is under way by itself: every callback has been told."""
        await self.wait_for(lambda: not self._tasks)

    async def start(self, port: int = 0) -> str:
        """Listens on loopback; its address."""
        from hotline.simulator.twilio.api import listen

        await self.hooks.open()
        self.url, self._close = await listen(self, port)
        return self.url

    async def close(self) -> None:
        """Everything ends."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError, Exception):
                await task
        if self._close is not None:
            await self._close()
        await self.hooks.close()
