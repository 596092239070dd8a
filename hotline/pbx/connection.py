"""One session with a PBX: connect, log in, wait until it has booted, set the filters, keep it alive.

A Connection is used once: when it is lost, everything under way fails and a new one is opened by the caller,
who backs off with ``backoff``. Nothing is ever sent again by itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import ssl
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from hotline.calls.facts import AmiEvent
from hotline.errors import SettingError
from hotline.pbx.codec import MESSAGE_LIMIT
from hotline.pbx.errors import ConnectionLost, LoginRefused, NoAnswer, PbxUnavailable
from hotline.pbx.filters import ADVANCED_SINCE, advanced_filters, ami_major, regex_filters
from hotline.pbx.wire import Accept, Reply, Wire, earlier
from hotline.settings import PbxAddress

log = logging.getLogger(__name__)

#: Seconds that an event can be late at most: a connection that is silent for much less is dropped as dead.
LONGEST_LATE = 3600.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds."""

    connect: float = 5.0
    login: float = 5.0
    #: How long a server may take to the first word about an action that it may not know at all.
    probe: float = 1.5
    #: Asterisk says FullyBooted at once, or when it has loaded; servers that never say it exist.
    boot: float = 1.5
    ping_every: float = 5.0
    #: A connection on which nothing at all came for this long is dead.
    dead: float = 12.0


@dataclass(frozen=True, slots=True)
class FilterReport:
    """What became of the server-side filters: advanced, regex or none, and why not when none."""

    kind: str
    problem: str = ""


@dataclass(slots=True)
class Connection:
    """A logged-in AMI session."""

    address: PbxAddress
    wire: Wire
    patience: Patience
    #: Whether the PBX said that it has booted; None when it says nothing about it.
    booted: bool | None = None
    #: Whether Ping is answered; only then silence proves anything.
    pings: bool = False
    filters: FilterReport = FilterReport("none", "not set yet")
    _clock_samples: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=8))
    _early: list[AmiEvent] = field(default_factory=list)

    @classmethod
    async def open(
        cls,
        address: PbxAddress,
        accept: Accept,
        patience: Patience | None = None,
        *,
        ca_file: Path | None = None,
        limit: int = MESSAGE_LIMIT,
    ) -> Self:
        """Connect and log in. Raises LoginRefused, or PbxUnavailable with the reason in words."""
        patience = patience or Patience()
        try:
            wire = await Wire.open(
                address.host,
                address.port,
                tls=tls_context(address, ca_file),
                accept=Accept(accept.names | {b"FullyBooted"}, accept.variables),
                patience=patience.connect,
                limit=limit,
            )
        except TimeoutError as error:
            raise PbxUnavailable(f"{address.host}:{address.port} does not answer.") from error
        except OSError as error:
            raise PbxUnavailable(f"{address.host}:{address.port}: {error.strerror or error}.") from error
        connection = cls(address, wire, patience)
        try:
            await connection._login()
            # Both at once: a server may be silent on either. The clock must be known before the events are used.
            await asyncio.gather(connection._wait_for_boot(), connection._first_ping())
        except BaseException:
            wire.close()
            raise
        return connection

    async def _login(self) -> None:
        address = self.address
        method = address.auth
        if method == "auto":
            method = "plain" if address.tls or _is_local(address.host) else "md5"
            fallback = True
        else:
            fallback = False
        login = [("Username", address.user)]
        if method == "md5":
            challenge = await self._challenge()
            if challenge:
                # MD5 is what the protocol has; it keeps the secret itself off the wire.
                key = hashlib.md5(
                    f"{challenge}{address.secret.get_secret_value()}".encode(), usedforsecurity=False
                ).hexdigest()
                login += [("AuthType", "MD5"), ("Key", key)]
            elif not fallback:
                raise LoginRefused("The PBX has no MD5 login; use auth=plain over TLS.")
            else:
                method = "plain"
        if method == "plain":
            login += [("Secret", address.secret.get_secret_value())]
        try:
            reply = await self.wire.request("Login", *login, ("Events", "on"), silence=self.patience.login)
        except NoAnswer as error:
            raise PbxUnavailable("The PBX does not answer the login; is this an AMI port?") from error
        except ConnectionLost as error:
            raise self._reason(error) from error
        if not reply.success:
            # The server's text ("Authentication failed") tells nothing more and is not ours to trust.
            raise LoginRefused

    async def _challenge(self) -> str:
        try:
            reply = await self.wire.request("Challenge", ("AuthType", "MD5"), silence=self.patience.probe)
        except NoAnswer:
            return ""
        except ConnectionLost as error:
            raise self._reason(error) from error
        return reply.headers.get("Challenge", "") if reply.success else ""

    def _reason(self, error: ConnectionLost) -> PbxUnavailable:
        return self.wire.error if isinstance(self.wire.error, PbxUnavailable) else error

    async def _wait_for_boot(self) -> None:
        """Until FullyBooted, any other event (a PBX with calls has booted), or ``patience.boot``."""
        try:
            async with asyncio.timeout(self.patience.boot):
                self._early = await self.wire.events()
                self.booted = True
        except TimeoutError:
            self.booted = None

    async def _first_ping(self) -> None:
        try:
            await self.ping()
        except NoAnswer:
            return
        offset = self.wire.clock_offset
        self.wire.shift(offset)
        self._early = [earlier(event, offset) for event in self._early]

    async def set_filters(self, events: frozenset[str], variables: frozenset[str]) -> FilterReport:
        """Ask the PBX to send only these events; a PBX that refuses sends all, which costs only bandwidth."""
        wanted = events | {"FullyBooted"}
        if ami_major(self.wire.greeting) >= ADVANCED_SINCE:
            problem = await self._filter(advanced_filters(wanted, variables))
            if not problem:
                self.filters = FilterReport("advanced")
                return self.filters
        problem = await self._filter(regex_filters(wanted, variables))
        self.filters = FilterReport("none", problem) if problem else FilterReport("regex")
        return self.filters

    async def _filter(self, filters: list[tuple[tuple[str, str], ...]]) -> str:
        """The first refusal in words, or nothing. The first one alone, since include filters are all or
        nothing.
        """
        try:
            first, *others = filters
            reply = await self.wire.request("Filter", *first, silence=self.patience.probe)
            if not reply.success:
                return reply.message or "refused"
            replies = await asyncio.gather(
                *(self.wire.request("Filter", *headers, silence=self.patience.login) for headers in others)
            )
        except NoAnswer:
            return "no answer to Filter"
        refused = [reply for reply in replies if not reply.success]
        if refused:
            # Some are set and some are not: what is missing would never come. Better a new session without
            # any.
            raise PbxUnavailable("The PBX took only a part of the filters.")
        return ""

    async def request(
        self, action: str, *headers: tuple[str, str], silence: float = 5.0, action_id: str | None = None
    ) -> Reply:
        """See Wire.request."""
        return await self.wire.request(action, *headers, silence=silence, action_id=action_id)

    async def events(self) -> list[AmiEvent]:
        """The next live events, at least one, in order; raises ConnectionLost at the end.

        While the PBX has not told its clock, the times in its events say nothing about their age and are left out;
        so are times of another day, which no lateness explains (a recording, an event generator).
        """
        if self._early:
            events, self._early = self._early, []
        else:
            events = await self.wire.events()
        if self._clock_samples:
            at = next((event.at for event in reversed(events) if event.at is not None), None)
            if at is None or abs(at.timestamp() - time.time()) < LONGEST_LATE:
                return events
        return [replace(event, at=None) for event in events]

    async def ping(self) -> None:
        """One Ping: proof of life and a look at the PBX's clock. Raises NoAnswer or ConnectionLost."""
        loop = asyncio.get_running_loop()
        before, wall = loop.time(), time.time()
        reply = await self.wire.request("Ping", silence=self.patience.probe if not self.pings else self.patience.login)
        took = loop.time() - before
        if not reply.success:
            return
        self.pings = True
        try:
            theirs = float(reply.headers.get("Timestamp", ""))
        except ValueError:
            return
        self._clock_samples.append((took, theirs - (wall + took / 2)))
        # The quickest of the last answers knows best: the least of its time was spent in queues.
        self.wire.clock_offset = min(self._clock_samples)[1]

    async def keep_alive(self) -> None:
        """Ping until the connection is lost or dead; returns then. A dead (half-open) one is dropped.

        A server that has never answered a Ping cannot be told dead by its silence; TCP has the last word
        there.
        """
        loop = asyncio.get_running_loop()
        while not self.wire.lost.is_set():
            try:
                await self.ping()
            except NoAnswer:
                log.debug("ami.ping_unanswered", extra={"pbx": self.address.name})
            except ConnectionLost:
                return
            if self.pings and loop.time() - self.wire.last_byte > self.patience.dead:
                log.warning("ami.half_open", extra={"pbx": self.address.name})
                self.wire.abort()
                return
            try:
                async with asyncio.timeout(self.patience.ping_every):
                    await self.wire.lost.wait()
            except TimeoutError:
                continue

    def close(self) -> None:
        """End the session at once."""
        self.wire.close()


def tls_context(address: PbxAddress, ca_file: Path | None) -> ssl.SSLContext | None:
    """How to trust the PBX, None without TLS; raises SettingError when the CA file cannot be read."""
    if not address.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise SettingError(f"HOTLINE_AMI_CA_FILE cannot be read ({error.strerror or error})") from error
    if not address.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _is_local(host: str) -> bool:
    """Whether the PBX is on this machine, so that nobody can listen on the way."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def backoff(first: float = 0.5, most: float = 20.0) -> Iterator[float]:
    """Seconds to wait before each next try: doubling, with jitter so that nodes do not come in step."""
    step = first
    while True:
        yield step * random.uniform(0.5, 1.0)  # noqa: S311  # jitter, not a secret
        step = min(step * 2, most)
