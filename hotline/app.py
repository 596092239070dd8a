"""The composition root: which parts run in this process, started in order and stopped in the opposite one."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from time import monotonic
from typing import Final

import structlog
import uvloop
from aiohttp import web

from hotline import logs
from hotline.crm.queries.calls.presence import list_pbxs
from hotline.crm.queries.people.users import list_users
from hotline.crm.viewer import SYSTEM
from hotline.errors import HotlineError, SettingError, Unavailable
from hotline.jobs import (
    background,
    campaigns,
    dispatch_process,
    facts,
    mail,
    messages,
    outgoing,
    recordings,
    relay,
    retention,
    sealer,
    sla,
    tickets,
    twilio_calls,
    twilio_recordings,
    upkeep,
)
from hotline.memory import settle_memory
from hotline.settings import EMBEDDED, Bind, PbxAddress, Settings
from hotline.telephony.doctor import KnownAgent, examine_pbx
from hotline.telephony.doctor_phone import examine_phone
from hotline.telephony.findings import Finding
from hotline.telephony.service import Telephony
from hotline.web.application import create_app
from hotline.web.context import Part
from hotline.web.demo import Demo
from hotline.web.scene import HouseScene
from hotline.web.sources import DatabaseOutbox, HouseIdentify, nudges
from hotline.web.stream import Hub
from hotline.web.webhooks.seen import SEEN, Seen
from hotline.workflows.calls import pbx_addresses
from hotline.workflows.calls.commands import TWILIO
from hotline.workflows.calls.recordings import trouble as recordings_trouble
from hotline.workflows.house import House, open_house
from hotline.workflows.ivr import flows, prompts
from hotline.workflows.ivr.prompt_recordings import trouble as prompts_trouble

log = structlog.get_logger(__name__)

#: Most seconds that each step of a shutdown may take; what is not done by then is cut off.
STEP_SECONDS: Final = 10.0
#: Seconds that open requests get to end after the shutdown began.
REQUESTS_SECONDS: Final = 5.0
#: Seconds for which the rest of a refused body is still read, so that its sender hears the refusal.
LINGER_SECONDS: Final = 1.0
#: Seconds without a reading of the outbox after which streams are not live.
_STALE_SECONDS: Final = 10.0
_PROBE_SECONDS: Final = 1.0
#: Most seconds that a PBX is examined for somebody who waits at a page.
_EXAMINE_SECONDS: Final = 25.0
_MOST_AGENTS: Final = 200


def run(settings: Settings, started: Callable[[str], None]) -> None:
    """Serves until SIGTERM or SIGINT; ``started`` is told the address. Raises SettingError for what cannot start."""
    logs.configure(settings.log_level, json=settings.log_format == "json")
    uvloop.run(serve(settings, started))


async def serve(settings: Settings, started: Callable[[str], None], *, demo: Demo | None = None) -> None:
    """As ``run``, inside a loop that runs; ``demo`` adds the page with the handset."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with serving(settings, demo=demo) as address:
        started(address)
        await stop.wait()
        log.info("app.stopping")
        # Whoever asks twice does not want to wait.
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@asynccontextmanager
async def serving(settings: Settings, *, demo: Demo | None = None) -> AsyncIterator[str]:
    """All parts of one process while the context is open; gives the address that it answers at."""
    async with AsyncExitStack() as parts:
        sockets = _listen(settings.http_bind, "HOTLINE_HTTP_BIND")
        agi = _listen(settings.agi_bind, "HOTLINE_AGI_BIND") if settings.agi_key.get_secret_value() else []
        lmtp = _listen(settings.mail_lmtp_bind, "HOTLINE_MAIL_LMTP_BIND") if settings.mail_lmtp_bind else []
        for each in (*sockets, *agi, *lmtp):
            parts.callback(each.close)
        house = await _open_house(settings)
        parts.push_async_callback(_step, "house", house.close)
        prompts.serve_at(house, _own_address(sockets))
        for name, job in _jobs(house):
            parts.push_async_callback(_step, name, _start(house, name, job))
        if lmtp:
            parts.push_async_callback(_step, "lmtp", (await mail.serve(house, lmtp)).stop)
        await pbx_addresses.refresh(house)
        telephony = Telephony(house, agi=agi)
        parts.push_async_callback(_step, "telephony", telephony.stop)
        await telephony.start()
        if demo is not None and telephony.agi is not None:
            demo.scripts_at(telephony.agi.port)
        hub = Hub(DatabaseOutbox(house.db), nudges(house.bus), HouseScene(house))
        health = _Parts(house, hub, telephony)
        app = create_app(
            house,
            hub=hub,
            identify=HouseIdentify(house),
            parts=health,
            demo=demo,
            examine=_Examine(house),
        )
        health.webhooks = app[SEEN]
        runner = web.AppRunner(
            app,
            access_log=None,
            shutdown_timeout=REQUESTS_SECONDS,
            lingering_time=LINGER_SECONDS,
            # Encoded bodies are refused; aiohttp would decode them all the same, and trip over false ones.
            auto_decompress=False,
        )
        parts.push_async_callback(_step, "web", runner.cleanup)
        await runner.setup()
        await _open_doors(runner, sockets, settings.http_bind)
        port = sockets[0].getsockname()[1]
        address = settings.public_url.rstrip("/") or f"http://{Bind(settings.http_bind.host, port)}"
        _warm(house)
        settle_memory()
        log.info("app.started", node=settings.node)
        yield address


def _warm(house: House) -> None:
    """Twilio's library takes a third of a second to load: not while a caller waits."""
    if house.twilio is not None:
        log.info("twilio.configured", accounts=len(house.twilio.tokens.accounts))


async def _step(name: str, stop: Callable[[], Awaitable[object]]) -> None:
    """One step of the shutdown: bounded, and the next ones follow whatever happens."""
    try:
        async with asyncio.timeout(STEP_SECONDS):
            await stop()
    except TimeoutError:
        log.warning("app.stop_cut_off", part=name)
    except Exception:
        log.exception("app.stop_failed", part=name)


def _start(house: House, name: str, job: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    async def keep() -> None:
        # A job handles its own bad days; one that ends all the same is a defect, and is started again.
        while True:
            try:
                await job()
                log.error("app.job_ended", job=name)
            except HotlineError as error:
                log.warning("app.job_failed", job=name, error=error.code)
            except Exception:
                log.exception("app.job_failed", job=name)
            await asyncio.sleep(1)

    task = house.spawn(keep(), name)

    async def stop() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    return stop


def _jobs(house: House) -> Sequence[tuple[str, Callable[[], Awaitable[None]]]]:
    """What runs by itself, in the order of its start."""
    return (
        ("relay", lambda: relay.run(house)),
        ("sealer", lambda: sealer.run(house)),
        ("upkeep", lambda: upkeep.run(house)),
        ("facts", lambda: facts.run(house)),
        ("tickets", lambda: tickets.run(house)),
        ("sla", lambda: sla.run(house)),
        ("flows", lambda: flows.run(house)),
        ("prompts", lambda: prompts.run(house)),
        ("recordings", lambda: recordings.run(house)),
        ("twilio recordings", lambda: twilio_recordings.run(house)),
        ("retention", lambda: retention.run(house)),
        ("background", lambda: background.run(house)),
        ("mail", lambda: mail.run(house)),
        ("twilio calls", lambda: twilio_calls.run(house)),
        ("messages", lambda: messages.run(house)),
        ("outgoing", lambda: outgoing.run(house)),
        ("campaigns", lambda: campaigns.run(house)),
        ("dispatch", lambda: dispatch_process.run(house)),
    )


async def _open_house(settings: Settings) -> House:
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(f"HOTLINE_DATA_DIR: {settings.data_dir} cannot be made ({error.strerror})") from error
    try:
        return await open_house(settings, migrate=True)
    except Unavailable as error:
        raise SettingError(f"HOTLINE_DATABASE_URL: {error.detail}") from error


def _listen(bind: Bind, setting: str) -> list[socket.socket]:
    """Bound sockets for a setting's address, before anything else starts: a port in use is told at once."""
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(bind.host, bind.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in dict.fromkeys(found):
            # Port 0 is whatever the first one got.
            port = sockets[0].getsockname()[1] if sockets else bind.port
            made = socket.socket(family, kind, protocol)
            sockets.append(made)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind((address[0], port, *address[2:]))
            made.setblocking(False)
            # The doors listen later: until then nobody is let in half-way.
    except OSError as error:
        for each in sockets:
            each.close()
        raise _unusable(bind, setting, error) from error
    return sockets


def _own_address(sockets: Sequence[socket.socket]) -> str:
    """Where a PBX on this machine reaches the web; one on another needs HOTLINE_MEDIA_URL."""
    host, port = sockets[0].getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://{Bind(host, port)}"


async def _open_doors(runner: web.AppRunner, sockets: Sequence[socket.socket], bind: Bind) -> None:
    try:
        for each in sockets:
            await web.SockSite(runner, each).start()
    except OSError as error:  # another process bound it at the same moment, and listens
        raise _unusable(bind, "HOTLINE_HTTP_BIND", error) from error


def _unusable(bind: Bind, setting: str, error: OSError) -> SettingError:
    why = "is in use already" if error.errno == errno.EADDRINUSE else f"cannot be listened on ({error.strerror})"
    return SettingError(f"{setting}: {bind} {why}")


class _Examine:
    """Tries PBXs and phones for the set-up page."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def pbx(self, address: PbxAddress) -> list[Finding]:
        """As much as was found in time."""
        found: list[Finding] = []
        users = await list_users(self._house.db, SYSTEM, limit=_MOST_AGENTS, with_disabled=False)
        agents = [KnownAgent(user.login, user.interfaces, user.queues) for user in users if user.interfaces]
        try:
            async with asyncio.timeout(_EXAMINE_SECONDS):
                async for finding in examine_pbx(self._house.settings, address, agents):
                    found.append(finding)
        except TimeoutError:
            found.append(Finding("time", "wrong", "the PBX answers too slowly to be examined"))
        return found

    async def phone(self, address: PbxAddress, interface: str) -> Finding:
        """What the PBX says of a phone."""
        try:
            async with asyncio.timeout(_EXAMINE_SECONDS):
                return await examine_phone(self._house.settings, address, interface)
        except TimeoutError:
            return Finding("phone", "unknown", f"{address.name} answers too slowly")


class _Parts:
    """The health of this process's parts, for /readyz and the system page."""

    def __init__(self, house: House, hub: Hub, telephony: Telephony) -> None:
        self._house = house
        self._hub = hub
        self._telephony = telephony
        self.webhooks = Seen(house)

    async def __call__(self) -> list[Part]:
        bus = self._house.bus.health()
        database = await self._database()
        fresh = monotonic() - self._hub.read_at < _STALE_SECONDS
        return [
            database,
            Part("bus", bus.connected, bus.error or bus.kind, needed=False),
            Part("events", fresh and not self._hub.trouble, self._hub.trouble or ("" if fresh else "not read lately")),
            self._ivr(),
            *(self._sound()),
            *(self._twilio()),
            *(self._mail()),
            *(await self._pbxs() if database.well else []),
        ]

    def _ivr(self) -> Part:
        """The FastAGI server, with what its callers told and the records do not have yet."""
        agi = self._telephony.agi
        if agi is None:
            return Part("ivr", True, "off: HOTLINE_AGI_KEY is not set", needed=False)
        return Part("ivr", agi.listening, f"{agi.callers} callers, port {agi.port}", needed=False)

    def _sound(self) -> list[Part]:
        """Prompts and recordings: what is wrong is shown, and calls go on."""
        speech, room = prompts_trouble(self._house), recordings_trouble(self._house)
        return [Part("prompts", not speech, speech, needed=False), Part("recordings", not room, room, needed=False)]

    def _mail(self) -> list[Part]:
        """Whether the mailbox is reached, where one is set."""
        if self._house.settings.imap is None:
            return []
        wrong = mail.trouble(self._house)
        return [Part("mail", not wrong, wrong, needed=False)]

    def _twilio(self) -> list[Part]:
        """Whether Twilio is set up, and what was heard of it in this process."""
        if self._house.twilio is None:
            return [Part("twilio", True, "off: HOTLINE_TWILIO_ACCOUNT_SID is not set", needed=False)]
        if not self._house.settings.public_url and not self._house.settings.twilio_api_url:
            return [Part("twilio", False, "HOTLINE_PUBLIC_URL is not set: Twilio cannot reach hotline", needed=False)]
        return [Part("twilio", True, self.webhooks.told(self._house.clock()), needed=False)]

    async def _pbxs(self) -> list[Part]:
        """Each PBX as the node that reads it said; one that is away is shown, and the rest goes on."""
        wanted = [address.name for address in self._house.settings.ami_urls]
        if self._house.twilio is not None:
            wanted.append(TWILIO)
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                known = {view.id: view for view in await list_pbxs(self._house.db, SYSTEM)}
        except (HotlineError, TimeoutError):
            return []
        parts = []
        for name in wanted:
            view = known.get(name)
            well = view is not None and view.connected
            detail = "" if well else (view.error or "not connected" if view is not None else "not connected yet")
            parts.append(Part(f"pbx {name}", well, detail, needed=False))
        return parts

    async def _database(self) -> Part:
        name = "embedded" if self._house.settings.database_url.get_secret_value() == EMBEDDED else "external"
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                await self._house.db.fetchval("SELECT 1")
        except (HotlineError, TimeoutError) as error:
            return Part("database", False, error.detail if isinstance(error, HotlineError) else "does not answer")
        return Part("database", True, name)
