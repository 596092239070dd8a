"""A server that speaks AMI over loopback and misbehaves on request: refuses, stays silent, cuts, dribbles, lies.

It holds no telephony: a test says which events it sends and what it answers. ``actions`` has every action received.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pydantic import SecretStr

from hotline.settings import PbxAddress

Headers = Sequence[tuple[str, str]]
#: What an action is answered with: messages, or nothing at all.
Answer = Callable[[Mapping[str, str]], Iterable[Headers]]


def message(headers: Headers) -> bytes:
    """Bytes of one message, as Asterisk writes it."""
    return "".join(f"{key}: {value}\r\n" for key, value in headers).encode() + b"\r\n"


@dataclass
class Session:
    """One client's connection."""

    writer: asyncio.StreamWriter
    logged_in: bool = False

    def send(self, data: bytes) -> None:
        if not self.writer.is_closing():
            self.writer.write(data)


@dataclass
class FakePbx:
    """See the module. Attributes may be changed while it runs."""

    greeting: str = "Asterisk Call Manager/11.0.0\r\n"
    user: str = "hotline"
    secret: str = "s3cret"
    #: Sends FullyBooted after the login.
    boots: bool = True
    #: Actions that get no answer at all.
    silent: set[str] = field(default_factory=set)
    #: Actions that are refused.
    refused: dict[str, str] = field(default_factory=dict)
    #: How far its clock is ahead, in seconds.
    clock_ahead: float = 0.0
    #: CoreShowChannel items, and QueueParams, QueueMember and QueueEntry items.
    channels: list[Headers] = field(default_factory=list)
    queues: list[Headers] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    actions: list[dict[str, str]] = field(default_factory=list)
    #: Speaks TLS with this context.
    tls: ssl.SSLContext | None = None
    #: Accepts connections and then reads and writes nothing.
    deaf: bool = False
    #: Closes each connection at once.
    slams: bool = False
    port: int = 0
    sessions: list[Session] = field(default_factory=list)
    connections: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)
    challenge: str = "145769581"

    async def start(self) -> None:
        """Listen, on the same port again after ``stop``."""
        self._stopped.clear()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut every session."""
        if self._server is not None:
            self._server.close()
        self.cut()
        self._stopped.set()
        await asyncio.gather(*self._tasks)
        if self._server is not None:
            await self._server.wait_closed()

    def address(self, name: str = "main", **more: object) -> PbxAddress:
        """How to reach it."""
        return PbxAddress(name, "127.0.0.1", self.port, self.tls is not None, self.user, SecretStr(self.secret), **more)  # type: ignore[arg-type]

    @property
    def url(self) -> str:
        """The same as a part of HOTLINE_AMI_URLS."""
        return f"ami://{self.user}:{self.secret}@127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Break every session without a word."""
        for session in self.sessions:
            session.writer.transport.abort()
        self.sessions.clear()

    def raw(self, data: bytes) -> None:
        """Send bytes as they are to every session that has logged in."""
        for session in self.sessions:
            if session.logged_in:
                session.send(data)

    def event(self, name: str, **headers: object) -> None:
        """Send one event to every session that has logged in; ``CID_CallingPres`` becomes ``CID-CallingPres``."""
        pairs = [(key.replace("_", "-"), str(value)) for key, value in headers.items()]
        self.raw(message([("Event", name), ("Privilege", "call,all"), *pairs]))

    def named(self, action: str) -> list[dict[str, str]]:
        """The received actions of one name."""
        return [received for received in self.actions if received["Action"] == action]

    async def received(self, action: str, times: int = 1) -> dict[str, str]:
        """Wait until an action has come ``times`` times, and return the last of them."""
        async with asyncio.timeout(60):
            while len(self.named(action)) < times:
                self._changed.clear()
                await self._changed.wait()
        return self.named(action)[times - 1]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        session = Session(writer)
        self.sessions.append(session)
        try:
            if self.slams:
                return
            if self.deaf:
                await self._stopped.wait()
                return
            session.send(self.greeting.encode())
            while True:
                block = await reader.readuntil(b"\r\n\r\n")
                await self._action(session, block)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._tasks.discard(task)
            if session in self.sessions:
                self.sessions.remove(session)
            writer.close()

    async def _action(self, session: Session, block: bytes) -> None:
        headers: dict[str, str] = {}
        for line in block.decode().split("\r\n"):
            key, colon, value = line.partition(": ")
            if colon:
                headers[key] = f"{headers[key]}\n{value}" if key in headers else value
        self.actions.append(headers)
        self._changed.set()
        name = headers["Action"]
        if name in self.silent:
            return
        reference = [("ActionID", headers["ActionID"])] if "ActionID" in headers else []
        if name in self.refused:
            session.send(message([("Response", "Error"), *reference, ("Message", self.refused[name])]))
            return
        answer = self.answers.get(name) or getattr(self, f"_do_{name.lower()}", None)
        if answer is None:
            answers: Iterable[Headers] = [[("Response", "Success"), ("Message", "Done")]]
        else:
            answers = answer(headers)
        for reply in answers:
            session.send(message([reply[0], *reference, *reply[1:]]))
        if name == "Login" and self._login_fits(headers):
            session.logged_in = True
            if self.boots:
                session.send(message([("Event", "FullyBooted"), ("Status", "Fully Booted")]))

    def _login_fits(self, headers: Mapping[str, str]) -> bool:
        key = hashlib.md5(f"{self.challenge}{self.secret}".encode(), usedforsecurity=False).hexdigest()
        return headers.get("Username") == self.user and (
            headers.get("Secret") == self.secret or headers.get("Key") == key
        )

    def _do_challenge(self, _: Mapping[str, str]) -> Iterable[Headers]:
        yield [("Response", "Success"), ("Challenge", self.challenge)]

    def _do_login(self, headers: Mapping[str, str]) -> Iterable[Headers]:
        if self._login_fits(headers):
            yield [("Response", "Success"), ("Message", "Authentication accepted")]
        else:
            yield [("Response", "Error"), ("Message", "Authentication failed")]

    def _do_ping(self, _: Mapping[str, str]) -> Iterable[Headers]:
        now = time.time() + self.clock_ahead
        yield [("Response", "Success"), ("Ping", "Pong"), ("Timestamp", f"{now:.6f}")]

    def _do_coreshowchannels(self, _: Mapping[str, str]) -> Iterable[Headers]:
        yield [("Response", "Success"), ("EventList", "start"), ("Message", "Channels will follow")]
        for channel in self.channels:
            yield [("Event", "CoreShowChannel"), *channel]
        yield [("Event", "CoreShowChannelsComplete"), ("EventList", "Complete")]

    def _do_queuestatus(self, _: Mapping[str, str]) -> Iterable[Headers]:
        yield [("Response", "Success"), ("EventList", "start"), ("Message", "Queue status will follow")]
        yield from self.queues
        yield [("Event", "QueueStatusComplete"), ("EventList", "Complete")]


@asynccontextmanager
async def fake_pbx(**config: object) -> AsyncIterator[FakePbx]:
    """A running FakePbx."""
    pbx = FakePbx(**config)  # type: ignore[arg-type]
    await pbx.start()
    try:
        yield pbx
    finally:
        await pbx.stop()
