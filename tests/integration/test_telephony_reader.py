"""The reader of a PBX: from bytes to lines in the records, through cuts, outages and restarts."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hotline.calls.open_calls import OpenCall
from hotline.calls.story import CallArrived, CallEnded, CallGap, Line, RingStarted
from hotline.crm.queries.calls.presence import list_pbxs
from hotline.crm.viewer import SYSTEM
from hotline.errors import Conflict, Invalid, Unavailable
from hotline.pbx.connection import Patience
from hotline.telephony.reader import Records
from hotline.telephony.supervisor import Supervisor
from hotline.workflows.house import House
from hotline.workflows.leases import Lease, acquire_lease
from tests.fakes.ami import FakePbx, fake_pbx
from tests.fakes.ami_calls import FakeCall
from tests.waiting import until

#: With a PBX that answers, and with one that leaves out a few answers.
PATIENT = Patience(connect=20, login=20, probe=20, boot=20, ping_every=0.1, dead=20)
QUICK = Patience(connect=5, login=5, probe=0.3, boot=0.3, ping_every=0.1, dead=20)


@dataclass
class Story:
    """Stands where the records stand: keeps the lines, or refuses them."""

    lines: list[Line] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    away: bool = False
    open: list[OpenCall] = field(default_factory=list)

    async def apply(self, house: House, pbx: str, lines: Sequence[Line]) -> None:
        if self.away:
            raise Unavailable
        self.batches.append(len(lines))
        self.lines += lines

    async def open_calls(self, house: House, pbx: str) -> Sequence[OpenCall]:
        return self.open

    def of(self, kind: type[Line]) -> list[Line]:
        return [line for line in self.lines if isinstance(line, kind)]


@asynccontextmanager
async def reading(house: House, pbx: FakePbx, story: Story) -> AsyncIterator[Supervisor]:
    patience = QUICK if pbx.silent else PATIENT
    supervisor = Supervisor(house, pbx.address(), Records(story.apply, story.open_calls), patience=patience)
    task = house.spawn(supervisor.run(), "supervisor")
    try:
        yield supervisor
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def connected(supervisor: Supervisor) -> Callable[[], object]:
    return lambda: (
        supervisor.reader and supervisor.reader.connection and supervisor.reader.executor._connection is not None
    )


async def test_what_is_there_is_asked_when_every_filter_stands(house: House) -> None:
    async with fake_pbx() as pbx, reading(house, pbx, Story()) as supervisor:
        await until(connected(supervisor))
        asked = [each["Action"] for each in pbx.actions]
    last_filter = len(asked) - 1 - asked[::-1].index("Filter")
    assert last_filter < min(asked.index("CoreShowChannels"), asked.index("QueueStatus"))


async def test_a_call_reaches_the_records(house: House) -> None:
    story = Story()
    async with fake_pbx() as pbx, reading(house, pbx, story) as supervisor:
        await until(connected(supervisor))
        call = FakeCall(pbx)
        call.arrive()
        call.ring("agent1")
        await until(lambda: story.of(RingStarted))
        arrived = story.of(CallArrived)[0]
        assert isinstance(arrived, CallArrived)
        assert arrived.number == "+4930123456"
        assert arrived.age is not None
        assert arrived.age < 60
        call.answer("agent1")
        call.hang_up("agent1")
        await until(lambda: story.of(CallEnded))
        assert len({line.call_id for line in story.lines}) == 1
        await supervisor.reader.lanes.drained()  # type: ignore[union-attr]


async def test_a_server_that_answers_only_the_login_is_followed(house: House) -> None:
    story = Story()
    silent = {"Challenge", "Filter", "Ping", "CoreShowChannels", "QueueStatus", "CoreSettings"}
    async with fake_pbx(silent=silent, boots=False) as pbx, reading(house, pbx, story):
        await until(lambda: pbx.sessions and pbx.sessions[0].logged_in)
        FakeCall(pbx).arrive()  # before anything has timed out: it waits and is fed then
        await until(lambda: story.of(CallArrived))


@pytest.mark.parametrize("ahead", [7200.0, -7200.0])
async def test_a_clock_that_is_off_does_not_make_calls_old(house: House, ahead: float) -> None:
    story = Story()
    async with fake_pbx(clock_ahead=ahead) as pbx, reading(house, pbx, story):
        await until(lambda: pbx.sessions and pbx.sessions[0].logged_in)
        call = FakeCall(pbx)
        call.arrive()
        call.ring("agent1")
        await until(lambda: story.of(RingStarted))
        ring = story.of(RingStarted)[0]
        assert ring.age is not None
        assert abs(ring.age) < 60
        assert abs((ring.at - house.clock()).total_seconds()) < 60


def _time_of_now(_: object) -> list[list[tuple[str, str]]]:
    return [[("Response", "Success"), ("Ping", "Pong"), ("Timestamp", f"{time.time():.6f}")]]


@pytest.mark.parametrize(
    "server",
    [
        pytest.param({"silent": {"Ping"}}, id="that tells no time of its own"),
        pytest.param({"answers": {"Ping": _time_of_now}}, id="that tells the time of now"),
    ],
)
async def test_a_recording_played_into_a_pbx_pops(house: House, server: dict[str, Any]) -> None:
    """The events carry the times of last week, whatever the server says of its clock: not late but wrong."""
    story = Story()
    week = 7 * 24 * 3600.0
    async with fake_pbx(clock_ahead=-week, **server) as pbx, reading(house, pbx, story):
        await until(lambda: pbx.sessions and pbx.sessions[0].logged_in)
        call = FakeCall(pbx)
        call.arrive()
        call.ring("agent1")
        await until(lambda: story.of(RingStarted))
        ring = story.of(RingStarted)[0]
        assert ring.age is None or ring.age < 60
        assert abs((ring.at - house.clock()).total_seconds()) < 60


async def test_a_call_that_ended_while_nobody_listened_is_ended_unseen(house: House) -> None:
    story = Story()
    async with fake_pbx() as pbx, reading(house, pbx, story) as supervisor:
        await until(connected(supervisor))
        call = FakeCall(pbx)
        call.arrive()
        await until(lambda: story.of(CallArrived))
        pbx.cut()
        await until(lambda: story.of(CallEnded))
        ended = story.of(CallEnded)[0]
        assert isinstance(ended, CallEnded)
        assert ended.end_seen is False
        assert len(story.of(CallArrived)) == 1


async def test_a_call_that_lives_through_a_cut_has_a_gap_and_no_ghost(house: House) -> None:
    story = Story()
    async with fake_pbx() as pbx, reading(house, pbx, story) as supervisor:
        await until(connected(supervisor))
        call = FakeCall(pbx)
        call.arrive()
        call.ring("agent1")
        call.answer("agent1")
        await until(lambda: story.of(RingStarted))
        pbx.channels = call.rows("agent1")
        pbx.cut()
        await until(lambda: story.of(CallGap))
        await until(connected(supervisor))
        call.hang_up("agent1")
        await until(lambda: story.of(CallEnded))
        assert len(story.of(CallArrived)) == 1
        assert len({line.call_id for line in story.lines}) == 1
        assert {getattr(line, "end_seen", True) for line in story.of(CallEnded)} == {True}


async def test_nothing_is_lost_while_the_records_are_away(house: House) -> None:
    story = Story()
    async with fake_pbx() as pbx, reading(house, pbx, story) as supervisor:
        await until(connected(supervisor))
        story.away = True
        calls = [FakeCall(pbx, serial=serial) for serial in range(1, 6)]
        for call in calls:
            call.arrive()
        reader = supervisor.reader
        assert reader is not None
        await until(lambda: reader.lanes.waiting >= 5)
        story.away = False
        await until(lambda: len(story.of(CallArrived)) == 5)
        await reader.lanes.drained()
        assert reader._journal is not None
        assert reader._journal.pending == 0


async def test_what_was_not_committed_survives_the_process(house: House) -> None:
    story = Story(away=True)
    async with fake_pbx() as pbx:
        async with reading(house, pbx, story) as supervisor:
            await until(connected(supervisor))
            FakeCall(pbx).arrive()
            reader = supervisor.reader
            assert reader is not None
            await until(lambda: reader.lanes.waiting)
            folder = reader.folder
        assert story.lines == []
        assert [path.suffix for path in folder.iterdir()] == [".journal"]
        assert b"4930123456" not in next(folder.iterdir()).read_bytes(), "numbers lie on disk sealed only"
        later = Story()
        pbx.silent.add("Login")  # the records get it even while the PBX is away
        async with reading(house, pbx, later):
            await until(lambda: later.of(CallArrived))
        assert list(folder.iterdir()) == []


async def test_lines_that_the_records_refuse_for_ever_stop_nobody_else(house: House) -> None:
    story = Story()
    good = story.apply

    async def apply(house: House, pbx: str, lines: Sequence[Line]) -> None:
        if any(isinstance(line, CallArrived) and line.number == "+1999" for line in lines):
            raise Invalid("never")
        await good(house, pbx, lines)

    story.apply = apply  # type: ignore[method-assign]
    async with fake_pbx() as pbx, reading(house, pbx, story) as supervisor:
        await until(connected(supervisor))
        FakeCall(pbx, number="+1999", serial=1).arrive()
        FakeCall(pbx, serial=2).arrive()
        await until(lambda: len(story.of(CallArrived)) == 1)
        assert supervisor.reader is not None
        await supervisor.reader.lanes.drained()
        assert len(story.of(CallArrived)) == 1


async def test_a_conflict_with_another_reader_is_tried_again(house: House) -> None:
    story = Story()
    good = story.apply
    refused: list[Sequence[Line]] = []

    async def apply(house: House, pbx: str, lines: Sequence[Line]) -> None:
        if not refused:
            refused.append(lines)
            raise Conflict
        await good(house, pbx, lines)

    story.apply = apply  # type: ignore[method-assign]
    async with fake_pbx() as pbx, reading(house, pbx, story) as supervisor:
        await until(connected(supervisor))
        FakeCall(pbx).arrive()
        await until(lambda: story.of(CallArrived))


async def test_one_event_that_the_tracker_does_not_bear_costs_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story()
    async with fake_pbx() as pbx, reading(house, pbx, story) as supervisor:
        await until(connected(supervisor))
        tracker = supervisor.reader._tracker  # type: ignore[union-attr]
        feed = tracker.feed

        def failing(event: object, now: object) -> object:
            if event.get("Uniqueid") == "poison":  # type: ignore[attr-defined]
                raise ZeroDivisionError
            return feed(event, now)  # type: ignore[arg-type]

        monkeypatch.setattr(tracker, "feed", failing)
        pbx.event("Newchannel", Uniqueid="poison", Channel="x")
        FakeCall(pbx).arrive()
        await until(lambda: story.of(CallArrived))


async def test_the_state_of_the_connection_is_written_and_told(house: House) -> None:
    story = Story()
    async with fake_pbx() as pbx, reading(house, pbx, story):

        async def up() -> bool:
            return [(state.connected, state.error) for state in await list_pbxs(house.db, SYSTEM)] == [(True, "")]

        async def down() -> bool:
            return any(not state.connected and state.error for state in await list_pbxs(house.db, SYSTEM))

        await until(up)
        pbx.slams = True
        pbx.cut()
        await until(down)
        pbx.slams = False
        await until(up)
        changes = await house.db.fetch(
            "SELECT data->>'connected' AS up FROM outbox WHERE type = 'pbx.changed' ORDER BY at"
        )
        assert [row["up"] for row in changes][:3] == ["true", "false", "true"]


async def test_a_second_node_takes_over_when_the_first_lets_go(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hotline.telephony import supervisor as module

    first, second = Story(), Story()
    asked = Counter[str]()

    async def asks(house: House, name: str, duration: timedelta) -> Lease | None:
        lease = await acquire_lease(house, name, duration)
        asked[house.settings.node] += 1
        return lease

    monkeypatch.setattr(module, "acquire_lease", asks)
    monkeypatch.setattr(module, "LEASE", timedelta(minutes=1))  # a busy machine may be late with renewing
    other = House(
        db=house.db,
        bus=house.bus,
        keyring=house.keyring,
        settings=house.settings.model_copy(update={"node": "second", "data_dir": tmp_path / "second"}),
    )
    async with fake_pbx() as pbx, reading(house, pbx, first) as one:
        await until(connected(one))
        async with reading(other, pbx, second) as two:
            await until(lambda: asked["second"] >= 3)  # the lease must keep it out, not luck
            assert not two.holds
            FakeCall(pbx, serial=1).arrive()
            await until(lambda: first.of(CallArrived))
            assert two.reader is None

            async def taken_over() -> object:
                # The first may be quicker than the second: then it loses the lease once more.
                await house.db.execute("UPDATE lease SET until = '-infinity' WHERE holder <> 'second'")
                return connected(two)()

            await until(taken_over)
            await until(lambda: not one.holds)
            FakeCall(pbx, serial=2).arrive()
            await until(lambda: second.of(CallArrived))
            assert len(first.of(CallArrived)) == 1


async def test_the_holder_goes_on_while_the_records_are_away(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from hotline.telephony import supervisor as module

    story = Story()

    async def away(*_: object) -> None:
        raise Unavailable

    async with fake_pbx() as pbx, reading(house, pbx, story) as supervisor:
        await until(connected(supervisor))
        renews = []

        async def renew(*arguments: object) -> None:
            renews.append(arguments)
            await away()

        monkeypatch.setattr(module, "renew_lease", renew)
        await until(lambda: len(renews) >= 4)  # longer than the lease lasts
        assert supervisor.holds
        FakeCall(pbx).arrive()
        await until(lambda: story.of(CallArrived))


async def test_a_full_journal_lets_the_pbx_go_until_the_records_are_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story()
    async with fake_pbx() as pbx, reading(house, pbx, story) as supervisor:
        await until(connected(supervisor))
        reader = supervisor.reader
        assert reader is not None
        assert reader._journal is not None
        reader._journal._largest = 2_000
        story.away = True
        for serial in range(1, 60):
            FakeCall(pbx, serial=serial).arrive()
        await until(lambda: reader.connection is None)
        assert "full" in reader.error
        waiting = reader.lanes.waiting
        assert waiting > 0
        story.away = False
        await until(connected(supervisor))
        assert len(story.of(CallArrived)) > 0
