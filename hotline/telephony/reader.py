"""Reads one PBX: connects, catches up, and turns its events into story lines that reach the records in order.

A connection's first steps: log in, set the filters and take the snapshot while live events wait in the socket's queue;
reconcile the tracker with the snapshot; then feed what waited and go on. Whatever the tracker tells goes to the journal
first and to the records through the call's lane.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID

import structlog

from hotline.calls.facts import TRACKED_EVENTS, TRACKED_VARIABLES, AmiEvent, Snapshot
from hotline.calls.open_calls import OpenCall
from hotline.calls.story import Line
from hotline.calls.tracker import Tracker
from hotline.crm.leases import Lease
from hotline.crm.queries.calls.presence import list_pbxs
from hotline.crm.viewer import SYSTEM
from hotline.errors import HotlineError, Unavailable
from hotline.pbx.connection import Connection, Patience, backoff
from hotline.pbx.errors import ConnectionLost, NoAnswer
from hotline.pbx.wire import Accept
from hotline.settings import PbxAddress
from hotline.telephony import metrics
from hotline.telephony.channels import take_snapshot
from hotline.telephony.executor import Executor
from hotline.telephony.journal import Journal, JournalFull, left_over
from hotline.telephony.lanes import Lanes
from hotline.telephony.members import MEMBER_EVENTS, MemberMirror
from hotline.telephony.recording import RECORDING_EVENTS, RecordingMirror
from hotline.workflows.calls.presence import note_connection, note_lag
from hotline.workflows.house import House

log = structlog.get_logger(__name__)
T = TypeVar("T")

ApplyLines = Callable[[House, str, Sequence[Line]], Awaitable[None]]
OpenCalls = Callable[[House, str], Awaitable[Sequence[OpenCall]]]

EVENTS: Final = TRACKED_EVENTS | MEMBER_EVENTS | RECORDING_EVENTS | {"OriginateResponse"}
SWEEP_SECONDS: Final = 1.0
NOTE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Records:
    """The two doors to the records that the reader needs; ``workflows.calls.calls`` has them."""

    apply: ApplyLines
    open_calls: OpenCalls


class Reader:
    """One holder's time with one PBX. ``run`` ends only by cancellation; ``close`` then keeps what is not committed."""

    def __init__(
        self,
        house: House,
        address: PbxAddress,
        records: Records,
        lease: Callable[[], Lease | None],
        *,
        patience: Patience | None = None,
    ) -> None:
        self._house = house
        self.address = address
        self.pbx = address.name
        self._records = records
        self._patience = patience or Patience()
        self._tracker = Tracker(self.pbx)
        self._fresh = True
        self._journal: Journal | None = None
        self.lanes = Lanes(house, self.pbx, self._apply, self._acknowledge)
        self.members = MemberMirror(house, self.pbx)
        self.recordings = RecordingMirror(house, self.pbx)
        self.executor = Executor(house, self.pbx, lease)
        self.connection: Connection | None = None
        self.error = ""
        self._full = False
        self._lost_at: datetime | None = None
        self._lag: float | None = None
        self._accept = Accept.of(EVENTS, TRACKED_VARIABLES)

    @property
    def folder(self) -> Path:
        """Where this PBX's journals lie."""
        return self._house.settings.data_dir / "journal" / self.pbx

    @property
    def listening(self) -> bool:
        """Whether it is connected and knows what is on the PBX."""
        return self.connection is not None and not self._fresh

    def call_of(self, channel: str, uniqueid: str) -> UUID | None:
        """The call of a channel that the PBX told of, while it is alive."""
        return self._tracker.call_of(channel, uniqueid)

    # Life

    async def run(self) -> None:
        """Read until cancelled. Reconnects for ever, with growing pauses that a lasting connection resets."""
        self._open_journal()
        beside = [
            self._house.spawn(self.members.run(), f"members {self.pbx}"),
            self._house.spawn(self.recordings.run(), f"recordings {self.pbx}"),
            self._house.spawn(self.executor.run(), f"commands {self.pbx}"),
        ]
        try:
            pauses = backoff()
            while True:
                started = time.monotonic()
                try:
                    await self._session()
                except HotlineError as error:
                    await self._down(error)
                if time.monotonic() - started > 30:
                    pauses = backoff()
                await asyncio.sleep(next(pauses))
        finally:
            for task in beside:
                task.cancel()
            self.executor.detach()
            if self.connection is not None:
                self.connection.close()
                self.connection = None
            metrics.CONNECTED.labels(self.pbx).set(0)

    def close(self) -> None:
        """Stop writing to the records; what they do not have yet stays in the journal for the next holder."""
        self.lanes.stop()
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _open_journal(self) -> None:
        self._journal = Journal.create(self.folder, self._house.keyring)
        for path, descriptor, lines in left_over(self.folder, self._house.keyring):
            if path == self._journal.path:
                continue
            log.info("journal.recovered", pbx=self.pbx, lines=len(lines))
            self._tell(lines)
            path.unlink()
            os.close(descriptor)  # ends the lock; the file is gone by then, so nobody reads its lines twice

    async def _down(self, error: HotlineError) -> None:
        """Say why there is no connection, once for each reason."""
        self._full = isinstance(error, JournalFull)
        if error.detail != self.error:
            self.error = error.detail
            log.warning("ami.down", pbx=self.pbx, code=error.code, reason=error.detail)
            with suppress(Unavailable):
                await note_connection(self._house, self.pbx, connected=False, error=error.detail)

    # One connection

    async def _session(self) -> None:
        settings = self._house.settings
        await self._room()
        connection = await Connection.open(self.address, self._accept, self._patience, ca_file=settings.ami_ca_file)
        self.connection = connection
        beside: list[asyncio.Task[None]] = []
        try:
            # Filters first: once a session has one, events whose filter is still to come are dropped. A snapshot taken
            # meanwhile would show a call whose Hangup is never heard.
            filters = await connection.set_filters(EVENTS, TRACKED_VARIABLES)
            if filters.kind == "none":
                log.warning("ami.unfiltered", pbx=self.pbx, reason=filters.problem)
            snapshot = await take_snapshot(connection)
            await self._catch_up(connection, snapshot)
            self.error = ""
            self._lost_at = None
            metrics.CONNECTED.labels(self.pbx).set(1)
            beside = [
                self._house.spawn(connection.keep_alive(), f"ping {self.pbx}"),
                self._house.spawn(self._sweep(), f"sweep {self.pbx}"),
                self._house.spawn(self._note(connection), f"state {self.pbx}"),
            ]
            self.executor.attach(connection)
            while True:
                self._handle(connection, await connection.events())
                await asyncio.sleep(0)  # let the lanes and the browsers have their turn under load
        except ConnectionLost:
            metrics.RECONNECTS.labels(self.pbx).inc()
            raise (
                connection.wire.error
                if isinstance(connection.wire.error, HotlineError)
                else ConnectionLost("The connection to the PBX broke.")
            ) from None
        finally:
            if beside:
                self._lost_at = self._house.clock()
            self.executor.detach()
            self.connection = None
            connection.close()
            for task in beside:
                task.cancel()
            metrics.CONNECTED.labels(self.pbx).set(0)

    async def _room(self) -> None:
        """After a full journal: wait for the records before reading on."""
        if self._full:
            await self.lanes.drained()

    async def _catch_up(self, connection: Connection, snapshot: Snapshot) -> None:
        """Reconcile with what is there now, and settle the commands that were under way."""
        since = self._lost_at
        known: Sequence[OpenCall] = ()
        if self._fresh:
            # The journal of the last holder first: the records must know all that anybody saw.
            await self.lanes.drained()
            known = await _until_available(lambda: self._records.open_calls(self._house, self.pbx))
            if known:
                since = await _until_available(self._last_heard)
        now = self._house.clock()
        if since is not None:
            metrics.GAP.labels(self.pbx).inc(max((now - since).total_seconds(), 0))
        self._tell(self._tracker.restore(known, snapshot, now, since=since))
        self._fresh = False
        if snapshot.members or snapshot.complete:
            self.members.replace(snapshot.members)
        with suppress(Unavailable):
            await self.executor.settle(snapshot)

    async def _last_heard(self) -> datetime | None:
        """When the last holder still heard the PBX, to the seconds in which it says so."""
        for state in await list_pbxs(self._house.db, SYSTEM):
            if state.id == self.pbx:
                return state.updated_at
        return None

    # Events

    def _handle(self, connection: Connection, events: Sequence[AmiEvent]) -> None:
        now = self._house.clock()
        lines: list[Line] = []
        feed = self._tracker.feed
        for event in events:
            if event.name in MEMBER_EVENTS:
                self.members.take(event)
            elif event.name in RECORDING_EVENTS:
                self.recordings.take(event)
                continue
            elif event.name == "OriginateResponse":
                self.executor.originated(event)
                continue
            elif event.name == "Hangup":
                self.executor.hung_up(event)
            try:
                told = feed(event, now)
            except Exception:
                # One event that the tracker does not bear must not cost the others.
                metrics.TRACKER_ERRORS.labels(self.pbx).inc()
                log.exception("tracker.failed", pbx=self.pbx, ami_event=event.name)
                continue
            if told:
                lines += told
        if lines:
            self._tell(lines)
        last = events[-1].at
        if last is not None:
            lag = max((now - last).total_seconds(), 0.0)
            metrics.LAG.labels(self.pbx).observe(lag)
            self._lag = lag if self._lag is None else max(self._lag, lag)
        metrics.WAITING.labels(self.pbx).set(connection.wire.waiting)

    def _tell(self, lines: Sequence[Line]) -> None:
        """To the journal, then to the records. Raises JournalFull, with these lines still on their way."""
        if not lines or self._journal is None:
            return
        serials: Sequence[int] = [0] * len(lines)
        try:
            serials = self._journal.append(lines)
        except JournalFull:
            raise
        except Unavailable as error:
            # The disk fails, the records may well work: better without a journal than without calls.
            log.error("journal.failed", pbx=self.pbx, reason=error.detail)
        finally:
            self.lanes.put(zip(serials, lines, strict=True))

    async def _apply(self, lines: Sequence[Line]) -> None:
        await self._records.apply(self._house, self.pbx, lines)

    def _acknowledge(self, serials: Iterable[int]) -> None:
        if self._journal is not None:
            self._journal.acknowledge(serials)

    # Beside a connection

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            with suppress(JournalFull):  # the reading itself ends by it
                self._tell(self._tracker.sweep(self._house.clock()))

    async def _note(self, connection: Connection) -> None:
        """Say in the records that the PBX is heard, which version it is, and how late its events come."""
        version = await self._version(connection)
        noted = False
        counted = dict.fromkeys(("received", "skipped", "kept", "broken"), 0)
        while True:
            try:
                if not noted:
                    await note_connection(self._house, self.pbx, connected=True, version=version)
                    noted = True
                lag, self._lag = self._lag, None
                await note_lag(self._house, self.pbx, None if lag is None else round(lag * 1000, 1))
            except Unavailable:
                noted = False
            counters = connection.wire.counters
            for outcome in ("skipped", "kept", "broken"):
                value = getattr(counters, outcome)
                metrics.EVENTS.labels(self.pbx, outcome).inc(value - counted[outcome])
                counted[outcome] = value
            metrics.CLOCK_OFFSET.labels(self.pbx).set(connection.wire.clock_offset)
            metrics.PENDING.labels(self.pbx).set(self.lanes.waiting)
            metrics.JOURNAL_BYTES.labels(self.pbx).set(self._journal.size if self._journal else 0)
            await asyncio.sleep(NOTE_SECONDS if noted else 0.5)

    @staticmethod
    async def _version(connection: Connection) -> str:
        """Asterisk's version, or AMI's where the PBX does not tell."""
        try:
            reply = await connection.request("CoreSettings", silence=connection.patience.probe)
            if reply.success and reply.headers.get("AsteriskVersion"):
                return f"Asterisk {reply.headers['AsteriskVersion'][:60]}"
        except (NoAnswer, ConnectionLost):
            pass
        return f"AMI {connection.wire.greeting[:60]}" if connection.wire.greeting else ""


async def _until_available(ask: Callable[[], Awaitable[T]]) -> T:
    pauses = backoff(0.2, 2.0)
    while True:
        try:
            return await ask()
        except Unavailable:
            await asyncio.sleep(next(pauses))
