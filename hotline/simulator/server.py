"""The AMI server of the simulated PBX: sessions on loopback, as a client of Asterisk 22 meets them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable

from hotline.simulator.actions import ACTIONS, Request, Response
from hotline.simulator.filters import BadFilter, Filters
from hotline.simulator.tape import Headers
from hotline.simulator.world import World

log = logging.getLogger(__name__)

GREETING = "Asterisk Call Manager/11.0.0"
#: A reader who leaves this much unread is cut off, as Asterisk does after ``writetimeout``.
UNREAD_BYTES = 4_000_000
LONGEST_LINE = 65_536


class AmiServer:
    """Listens on loopback; one account."""

    def __init__(self, world: World, user: str, secret: str) -> None:
        self.world, self.user, self.secret = world, user, secret
        self._server: asyncio.Server | None = None
        self._sessions: dict[Session, asyncio.Task[None]] = {}

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Begins to listen; port 0 takes a free one. Returns the port."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=LONGEST_LINE)
        taken: int = self._server.sockets[0].getsockname()[1]
        return taken

    async def close(self) -> None:
        """Stops listening and drops everybody."""
        if self._server is None:
            return
        self._server.close()
        tasks = list(self._sessions.values())
        self.drop()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    def drop(self) -> None:
        """Cuts every connection, as a PBX that dies does."""
        for session in list(self._sessions):
            session.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self, reader, writer)
        task = asyncio.current_task()
        assert task is not None
        self._sessions[session] = task
        try:
            await session.run()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            log.debug("an AMI client went away")
        finally:
            del self._sessions[session]
            session.abort()


class Session:
    """One AMI connection."""

    def __init__(self, server: AmiServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server, self._reader, self._writer = server, reader, writer
        self._challenge = ""
        self._filters = Filters()
        self._mask: frozenset[str] | None = None  # None: everything
        self._unlisten: Callable[[], None] | None = None

    def abort(self) -> None:
        if self._unlisten:
            self._unlisten()
            self._unlisten = None
        self._writer.transport.abort()

    async def run(self) -> None:
        """Answers actions until the client leaves."""
        self._writer.write(f"{GREETING}\r\n".encode())
        while True:
            request = await self._read()
            if request.action == "logoff":
                self._reply(request, Response("Goodbye", [("Message", "Thanks for all the fish.")]))
                await self._writer.drain()
                return
            if self._unlisten is None:
                if not self._enter(request):
                    await self._writer.drain()
                    return
            else:
                self._answer(request)
            await self._writer.drain()

    async def _read(self) -> Request:
        headers: Headers = []
        while True:
            line = (await self._reader.readuntil(b"\n")).decode("utf-8", "replace").rstrip("\r\n")
            if line:
                key, _, value = line.partition(":")
                headers.append((key.strip(), value.strip()))
            elif headers:
                return Request(headers)

    def _enter(self, request: Request) -> bool:
        """Login and Challenge; False when the connection is over."""
        match request.action:
            case "challenge" if request.get("AuthType").upper() == "MD5":
                self._challenge = str(secrets.randbelow(900_000_000) + 100_000_000)
                self._reply(request, Response("Success", [("Challenge", self._challenge)]))
                return True
            case "challenge":
                self._reply(request, Response.error("Must specify AuthType"))
                return True
            case "login":
                return self._login(request)
        self._reply(request, Response.error("Permission denied"))
        return True

    def _login(self, request: Request) -> bool:
        key, secret = request.get("Key"), request.get("Secret")
        if request.get("AuthType").upper() == "MD5":
            digest = hashlib.md5((self._challenge + self._server.secret).encode(), usedforsecurity=False).hexdigest()
            right = bool(self._challenge) and hmac.compare_digest(digest, key.lower())
        else:
            right = hmac.compare_digest(self._server.secret.encode(), secret.encode())
        if request.get("Username") != self._server.user or not right:
            self._reply(request, Response.error("Authentication failed"))
            return False
        self._set_mask(request.get("Events"))
        self._reply(request, Response.success("Authentication accepted"))
        self._unlisten = self._server.world.listen(self._hear)
        uptime = str(int(self._server.world.clock() - self._server.world.started))
        booted = [
            ("Event", "FullyBooted"),
            ("Privilege", "system,all"),
            ("Timestamp", f"{self._server.world.clock():.6f}"),
        ]
        self._send([*booted, ("Uptime", uptime), ("LastReload", uptime), ("Status", "Fully Booted")])
        return True

    def _set_mask(self, mask: str) -> None:
        match mask.lower():
            case "" | "on":
                self._mask = None
            case "off":
                self._mask = frozenset()
            case _:
                self._mask = frozenset(mask.lower().split(","))

    def _hear(self, event: Headers) -> None:
        if self._mask is not None and not self._mask & set(event[1][1].split(",")):
            return
        if self._filters.let_through(event):
            self._send(event)

    def _send(self, headers: Headers) -> None:
        if self._writer.transport.is_closing():
            return  # gone, but not yet noticed by who reads
        text = "".join(f"{key}: {value}\r\n" for key, value in headers) + "\r\n"
        self._writer.write(text.encode())
        if self._writer.transport.get_write_buffer_size() > UNREAD_BYTES:
            log.warning("an AMI client does not read: it is cut off")
            self.abort()

    def _reply(self, request: Request, response: Response) -> None:
        named = [("ActionID", request.id)] if request.id else []
        self._send([("Response", response.response), *named, *response.headers])
        for event in response.events:
            self._send(event)

    def _answer(self, request: Request) -> None:
        match request.action:
            case "events":
                self._set_mask(request.get("EventMask"))
                state = "Off" if self._mask == frozenset() else "On"
                self._reply(request, Response("Success", [("Events", state)]))
            case "filter":
                self._reply(request, self._filter(request))
            case "challenge" | "login":
                self._enter(request)
            case name if name in ACTIONS:
                self._reply(request, ACTIONS[name](self._server.world, request))
            case _:
                shown = request.get("Action")
                hint = "Use Action: ListCommands to show available commands."
                self._reply(request, Response.error(f"Invalid/unknown command: {shown}. {hint}"))

    def _filter(self, request: Request) -> Response:
        if request.get("Operation").lower() != "add":
            return Response.error("Unknown operation")
        try:
            self._filters.add(request.get("MatchCriteria") or None, request.get("Filter"))
        except BadFilter:
            return Response.error("Filter was formatted incorrectly.  Check the syntax of the filter given.")
        return Response.success("Success")
