"""Who may connect, and how many: sources, connections that have not begun, scripts at the same time.

A flood never shuts out a PBX: of the connections that have not sent their environment yet the oldest of a source goes
when another one comes, and Asterisk sends its own at once.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

import structlog

from hotline.settings import IpNetwork, Settings

log = structlog.get_logger(__name__)

#: Connections without a whole environment: of one source, and of all.
MOST_BEGINNING_HERE: Final = 64
MOST_BEGINNING: Final = 512
#: Callers whose script runs at the same time.
MOST_SCRIPTS: Final = 2_000
#: Seconds between two looks at what the PBXs' host names mean.
REFRESH_SECONDS: Final = 60.0
#: The same after one that could not be looked up.
RETRY_SECONDS: Final = 5.0

_LOOPBACK: Final[tuple[IpNetwork, ...]] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


class Sources:
    """The addresses that may ask: those of HOTLINE_AGI_SOURCES, or this machine and the hosts of HOTLINE_AMI_URLS."""

    def __init__(self, settings: Settings) -> None:
        self._networks = settings.agi_sources or _LOOPBACK
        self._fixed = bool(settings.agi_sources)
        self._names: tuple[str, ...] = ()
        self.use(address.host for address in settings.ami_urls)
        self._resolved: frozenset[str] = frozenset()

    def use(self, hosts: Iterable[str]) -> None:
        """These are the PBXs' hosts from now on, as soon as they are looked up; HOTLINE_AGI_SOURCES stands above it."""
        self._names = () if self._fixed else tuple(sorted(set(hosts)))

    def allow(self, source: str) -> bool:
        """Whether a connection from this address is served."""
        try:
            address = ipaddress.ip_address(source.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        address = mapped or address
        return str(address) in self._resolved or any(address in network for network in self._networks)

    async def resolve(self) -> bool:
        """Look up the PBXs' hosts; what cannot be looked up now keeps its last addresses. Whether all could be."""
        found: set[str] = set()
        whole = True
        for name in self._names:
            try:
                async with asyncio.timeout(5.0):
                    answers = await asyncio.get_running_loop().getaddrinfo(name, None)
            except (OSError, TimeoutError, UnicodeError):
                log.warning("agi.host_unknown", host=name)
                found |= self._resolved
                whole = False
            else:
                found |= {str(answer[4][0]) for answer in answers}
        self._resolved = frozenset(found)
        return whole

    async def run(self) -> None:
        """Keep the addresses fresh, until cancelled."""
        while not self._fixed:
            whole = await self.resolve()
            await asyncio.sleep(REFRESH_SECONDS if whole else RETRY_SECONDS)


class Crowd:
    """The connections that have not begun, in their order; all limits are counts, so a flood costs no memory."""

    def __init__(self, here: int = MOST_BEGINNING_HERE, all: int = MOST_BEGINNING) -> None:
        self._here = here
        self._all = all
        self._waiting: OrderedDict[object, str] = OrderedDict()
        self._counts: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, connection: object, source: str) -> object | None:
        """One more from ``source``; answers the one that has to go for it."""
        self._waiting[connection] = source
        self._counts[source] = self._counts.get(source, 0) + 1
        goes: object | None = None
        if self._counts[source] > self._here:
            goes = next(each for each, its in self._waiting.items() if its == source)
        elif len(self._waiting) > self._all:
            goes = next(iter(self._waiting))
        if goes is not None:
            self.leave(goes)
        return goes

    def leave(self, connection: object) -> None:
        """It has begun, or is gone."""
        source = self._waiting.pop(connection, None)
        if source is None:
            return
        left = self._counts[source] - 1
        if left:
            self._counts[source] = left
        else:
            del self._counts[source]
