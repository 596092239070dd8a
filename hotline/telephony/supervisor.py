"""Who reads a PBX: one node at a time, by a lease in the records; another takes over within seconds.

The holder renews each second. While the records are away it goes on reading, since nobody else can take the lease
either; its lines wait in the journal. A node that died is replaced when its lease has run out.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

import structlog

from hotline.errors import HotlineError, Unavailable
from hotline.pbx.connection import Patience
from hotline.settings import PbxAddress
from hotline.telephony.reader import Reader, Records
from hotline.workflows.calls.commands import expire_commands
from hotline.workflows.house import House
from hotline.workflows.leases import Lease, acquire_lease, release_lease, renew_lease

log = structlog.get_logger(__name__)

LEASE: Final = timedelta(seconds=3)
RENEW_SECONDS: Final = 1.0
ASK_SECONDS: Final = 0.5


def lease_name(pbx: str) -> str:
    """The lease of the one who reads this PBX."""
    return f"pbx:{pbx}"


class Supervisor:
    """Waits for the lease, holds it while it can, and starts over."""

    def __init__(
        self, house: House, address: PbxAddress, records: Records, *, patience: Patience | None = None
    ) -> None:
        self._house = house
        self._address = address
        self._records = records
        self._patience = patience
        self._lease: Lease | None = None
        self.reader: Reader | None = None

    @property
    def holds(self) -> bool:
        """Whether this node reads the PBX."""
        return self._lease is not None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            lease = await self._acquire()
            if lease is None:
                await asyncio.sleep(ASK_SECONDS)
                continue
            log.info("lease.taken", pbx=self._address.name, token=lease.token)
            self._lease = lease
            try:
                await self._hold()
            except Exception:
                log.exception("reader.failed", pbx=self._address.name)
                await asyncio.sleep(ASK_SECONDS)
            finally:
                await self._give_back()

    async def _acquire(self) -> Lease | None:
        try:
            lease = await acquire_lease(self._house, lease_name(self._address.name), LEASE)
            if lease is None:
                # Whoever holds it may have no connection; commands expire all the same.
                await expire_commands(self._house, self._address.name)
        except Unavailable:
            return None
        return lease

    async def _hold(self) -> None:
        """Read while the lease is ours."""
        reader = Reader(self._house, self._address, self._records, lambda: self._lease, patience=self._patience)
        self.reader = reader
        reading = self._house.spawn(reader.run(), f"reader {self._address.name}")
        renewing = self._house.spawn(self._renew(), f"lease {self._address.name}")
        try:
            done, _ = await asyncio.wait([reading, renewing], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await _end(reading, renewing)
            self.reader = None
            # Another node reads now. What this one saw and has not written yet is written all the same, or kept.
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await reader.lanes.drained()
            reader.close()

    async def _renew(self) -> None:
        """Returns when the lease is lost to somebody else."""
        while self._lease is not None:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                renewed = await renew_lease(self._house, self._lease, LEASE)
            except Unavailable:
                continue  # nobody can take it while the records are away
            if renewed is None:
                log.warning("lease.lost", pbx=self._address.name)
            self._lease = renewed

    async def _give_back(self) -> None:
        lease, self._lease = self._lease, None
        if lease is not None:
            with suppress(HotlineError):
                await release_lease(self._house, lease)

    def health(self) -> dict[str, Any]:
        """For the system page: who we are to this PBX."""
        reader = self.reader
        connection = None if reader is None else reader.connection
        return {
            "pbx": self._address.name,
            "holds": self.holds,
            "connected": connection is not None,
            "error": "" if reader is None else reader.error,
            "filters": None if connection is None else connection.filters.kind,
            "pending_lines": 0 if reader is None else reader.lanes.waiting,
        }


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
