"""The event streams, over memory twins of outbox, bus and scene and a real socket."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from hotline.events import permission_mark, queue_mark, user_mark
from hotline.ids import new_id
from hotline.web.context import SignedIn
from hotline.web.stream import WATCH_CALLS, Hub, Limits
from hotline.web.stream_client import Stream
from tests.unit.web.twins import Block, MemoryOutbox, MemoryScene, Wire, event, read_blocks, signed
from tests.waiting import until

FAST = Limits(poll=0.02, recheck=0.02, sweep=0.02, heartbeat=30.0)


@dataclass
class Desk:
    outbox: MemoryOutbox
    scene: MemoryScene
    wire: Wire
    hub: Hub
    client: TestClient[Any, Any]

    @asynccontextmanager
    async def listen(self, **headers: str) -> AsyncIterator[AsyncIterator[Block]]:
        response: ClientResponse = await self.client.get("/", headers=headers)
        assert response.status == 200
        blocks = read_blocks(response)
        try:
            yield blocks
        finally:
            response.close()


@asynccontextmanager
async def desk(
    who: SignedIn | None = None,
    *,
    limits: Limits = FAST,
    watch: bool = False,
    outbox: MemoryOutbox | None = None,
    circle: frozenset[str] = frozenset(),
) -> AsyncIterator[Desk]:
    who = who or signed()
    outbox, scene, wire = outbox or MemoryOutbox(), MemoryScene(), Wire()
    scene.valid[who.id] = who.viewer
    scene.circles[who.viewer.user_id] = circle
    hub = Hub(outbox, wire, scene, limits)
    await hub.start()

    async def handle(request: web.Request) -> web.StreamResponse:
        header = request.headers.get("Last-Event-ID")
        return await hub.serve(request, who, last_id=int(header) if header else None, watch=watch)

    app = web.Application()
    app.router.add_get("/", handle)
    async with TestClient(TestServer(app)) as client:
        yield Desk(outbox, scene, wire, hub, client)
        await hub.close()


async def take(blocks: AsyncIterator[Block], count: int) -> list[Block]:
    async with asyncio.timeout(60):
        return [await anext(blocks) for _ in range(count)]


async def test_a_snapshot_comes_first_then_live_events_at_once() -> None:
    async with desk(limits=replace(FAST, poll=30.0)) as at, at.listen() as blocks:
        (first,) = await take(blocks, 1)
        assert (first.kind, first.id, first.data["rings"]) == ("snapshot", "0", [])
        sent = event(call_id="c1")
        at.wire.put(sent)
        (block,) = await take(blocks, 1)
        assert block.kind == "call.updated"
        assert block.data["event_id"] == str(sent.id)
        assert block.id == "0", "it has no number yet: a client that comes back must get it again"


async def test_without_any_bus_message_events_come_by_number() -> None:
    async with desk() as at, at.listen() as blocks:
        await take(blocks, 1)
        first, second = event(), event()
        at.outbox.commit(first, second)
        got = await take(blocks, 2)
        assert [(block.id, block.data["event_id"]) for block in got] == [
            ("1", str(first.id)),
            ("2", str(second.id)),
        ]


async def test_live_and_numbered_are_told_once() -> None:
    async with desk() as at, at.listen() as blocks:
        await take(blocks, 1)
        once, after = event(), event()
        at.wire.put(once)
        assert (await take(blocks, 1))[0].data["event_id"] == str(once.id)
        at.outbox.commit(once, after)
        (block,) = await take(blocks, 1)
        assert (block.id, block.data["event_id"]) == ("2", str(after.id))


async def test_a_client_that_comes_back_gets_what_it_missed_and_nothing_of_others() -> None:
    who = signed()
    mine = user_mark(who.viewer.user_id)  # type: ignore[arg-type]
    outbox = MemoryOutbox()
    missed = [event("call.updated", mine) for _ in range(3)]
    outbox.commit(event("call.updated", mine), missed[0], event("call.updated", "user:other"), *missed[1:])
    async with desk(who, outbox=outbox) as at, at.listen(**{"Last-Event-ID": "1"}) as blocks:
        first, *rest = await take(blocks, 4)
        assert (first.kind, first.id) == ("snapshot", "1"), "cut off here, it must be able to ask again"
        assert [block.data["event_id"] for block in rest] == [str(each.id) for each in missed]
        assert [block.id for block in rest] == ["2", "4", "5"]


async def test_a_client_from_before_the_replay_s_reach_gets_the_snapshot_of_now() -> None:
    outbox = MemoryOutbox()
    outbox.commit(*(event() for _ in range(50)))
    async with (
        desk(outbox=outbox, limits=replace(FAST, replay=10)) as at,
        at.listen(**{"Last-Event-ID": "1"}) as blocks,
    ):
        (first,) = await take(blocks, 1)
        assert first.id == "50"
        new = event()
        at.outbox.commit(new)
        assert (await take(blocks, 1))[0].data["event_id"] == str(new.id)


async def test_events_go_only_to_their_audience() -> None:
    who = signed("calls.read_all")
    async with desk(who) as at, at.listen() as blocks:
        await take(blocks, 1)
        allowed = event("call.ended", permission_mark("calls.read_all"))
        at.wire.put(event("call.offered", WATCH_CALLS), event("call.ended", permission_mark("audit.read")), allowed)
        assert (await take(blocks, 1))[0].data["event_id"] == str(allowed.id)


async def test_watching_calls_shows_everybody_s_rings() -> None:
    async with desk(signed("calls.read_all"), watch=True) as at, at.listen() as blocks:
        assert (await take(blocks, 1))[0].data["watch"] is True
        at.wire.put(event("call.offered", WATCH_CALLS))
        assert (await take(blocks, 1))[0].kind == "call.offered"


LEAD = ("calls.read", "calls.read_team", "tickets.read")


@pytest.mark.parametrize("watch", [False, True])
async def test_a_team_s_records_reach_who_sees_them_and_nothing_of_a_colleague_s_own(watch: bool) -> None:
    who, colleague = signed(*LEAD), user_mark(new_id())
    circle = frozenset({colleague, queue_mark("north")})
    async with desk(who, watch=watch, circle=circle) as at, at.listen() as blocks:
        await take(blocks, 1)
        theirs = [
            event("call.answered", colleague),
            event("recording.stored", colleague),
            event("call.ended", queue_mark("north")),
        ]
        ring = event("call.offered", colleague, WATCH_CALLS)
        at.wire.put(
            event("command.updated", colleague),
            event("ticket.updated", colleague),  # of tickets, they see only their own
            event("call.ended", queue_mark("south")),
            event("call.ended", user_mark(new_id())),
            ring,
            *theirs,
        )
        told = [ring, *theirs] if watch else theirs
        assert [block.data["event_id"] for block in await take(blocks, len(told))] == [str(each.id) for each in told]


async def test_what_a_team_missed_is_replayed_by_the_same_rule() -> None:
    who, colleague = signed(*LEAD), user_mark(new_id())
    first, private, call = event("call.updated"), event("presence.changed", colleague), event("call.ended", colleague)
    outbox = MemoryOutbox()
    outbox.commit(first, private, call)
    async with (
        desk(who, outbox=outbox, circle=frozenset({colleague})) as at,
        at.listen(**{"Last-Event-ID": "1"}) as blocks,
    ):
        assert [block.data["event_id"] for block in (await take(blocks, 2))[1:]] == [str(call.id)]


async def test_changed_rights_hold_at_once_on_open_streams() -> None:
    who = signed("calls.read")
    async with desk(who, limits=replace(FAST, recheck=600.0)) as at, at.listen() as blocks:
        await take(blocks, 1)
        at.scene.valid[who.id] = replace(who.viewer, permissions=frozenset())
        at.wire.put(event("rights.changed", user_mark(new_id())))
        async with asyncio.timeout(60):
            assert [block async for block in blocks] == []


async def test_a_right_for_a_time_is_over_on_open_streams_when_it_ends() -> None:
    who = signed("calls.read")
    async with desk(who, limits=replace(FAST, recheck=600.0)) as at:

        def ends() -> Iterator[float]:
            yield 0.01
            at.scene.valid[who.id] = replace(who.viewer, permissions=frozenset())

        at.scene.ends = ends()
        async with at.listen() as blocks, asyncio.timeout(20):
            assert len([block async for block in blocks]) <= 1


async def test_who_does_not_see_every_customer_is_rendered_for_alone() -> None:
    for rights, shared in (((), False), (("customers.read_all",), True)):
        one, two = signed(*rights), signed(*rights)
        streams = [
            Stream(Hub(MemoryOutbox(), Wire(), MemoryScene()), each, None, last_id=None, watch=False)
            for each in (one, two)
        ]
        assert (streams[0]._look == streams[1]._look) is shared


async def test_a_full_queue_loses_the_queue_and_no_event() -> None:
    async with desk(limits=replace(FAST, queue=4)) as at, at.listen() as blocks:
        await take(blocks, 1)
        at.scene.gate = asyncio.Event()
        many = [event(n=number) for number in range(40)]
        at.outbox.commit(*many)
        await until(lambda: at.hub.cursor == 40)
        at.scene.gate.set()
        told: list[str] = []
        snapshots = 0
        async with asyncio.timeout(60):
            while len(told) < 40:
                block = await anext(blocks)
                if block.kind == "snapshot":
                    snapshots += 1
                else:
                    told.append(block.data["event_id"])
        assert snapshots == 1
        assert told == [str(each.id) for each in many]


async def test_a_slow_client_holds_nobody_up() -> None:
    async with desk(limits=replace(FAST, queue=8)) as at, at.listen(), at.listen() as blocks:
        # The first client never reads: its socket fills up.
        await take(blocks, 1)
        for number in range(30):
            sent = event(padding="x" * 200_000, n=number)
            at.wire.put(sent)
            async with asyncio.timeout(60):
                while (block := await anext(blocks)).kind == "snapshot":
                    pass
            assert block.data["n"] == number


async def test_while_the_database_is_away_streams_stay_and_then_catch_up() -> None:
    async with desk(limits=replace(FAST, heartbeat=0.05)) as at, at.listen() as blocks:
        await take(blocks, 1)
        at.outbox.away = True
        await until(lambda: at.hub.trouble != "")
        late = event()
        at.outbox.commit(late)
        at.outbox.away = False
        async with asyncio.timeout(60):
            while (block := await anext(blocks)).kind != "call.updated":
                pass
        assert block.data["event_id"] == str(late.id)
        await until(lambda: at.hub.trouble == "")


async def test_heartbeats_move_the_id_forward() -> None:
    async with desk(limits=replace(FAST, heartbeat=0.05)) as at, at.listen() as blocks:
        await take(blocks, 1)
        at.outbox.commit(event("call.updated", "user:other"))
        async with asyncio.timeout(60):
            while (block := await anext(blocks)).id != "1":
                pass
        assert block.kind == ""


async def test_a_revoked_sign_in_ends_the_stream() -> None:
    who = signed()
    async with desk(who) as at, at.listen() as blocks:
        await take(blocks, 1)
        at.scene.valid.clear()
        async with asyncio.timeout(60):
            assert [block async for block in blocks] == []
        await until(lambda: len(at.hub) == 0)


async def test_changed_rights_end_the_stream_too() -> None:
    who = signed("calls.read")
    async with desk(who) as at, at.listen() as blocks:
        await take(blocks, 1)
        at.scene.valid[who.id] = replace(who.viewer, permissions=frozenset({"calls.read", "audit.read"}))
        async with asyncio.timeout(60):
            assert [block async for block in blocks] == []


async def test_clients_that_left_are_noticed_without_a_write() -> None:
    async with desk() as at:
        async with at.listen() as blocks:
            await take(blocks, 1)
            assert len(at.hub) == 1
        await until(lambda: len(at.hub) == 0)


async def test_shutdown_ends_streams_and_takes_no_more() -> None:
    async with desk() as at, at.listen() as blocks:
        await take(blocks, 1)
        at.hub.close_streams()
        async with asyncio.timeout(60):
            assert [block async for block in blocks] == []
        assert (await at.client.get("/")).status == 500


async def test_viewers_who_see_the_same_share_one_rendering() -> None:
    who = signed("calls.read_all")
    async with desk(who) as at, at.listen() as one, at.listen() as two:
        await take(one, 1)
        await take(two, 1)
        at.wire.put(event())
        await take(one, 1)
        await take(two, 1)
        assert at.scene.rendered == 1


async def test_an_event_that_cannot_be_shown_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk() as at, at.listen() as blocks:
        await take(blocks, 1)
        render = at.scene.render

        async def sometimes(viewer: Any, one: Any) -> Any:
            if one.data.get("bad"):
                raise KeyError("bad")
            return await render(viewer, one)

        monkeypatch.setattr(at.scene, "render", sometimes)
        at.wire.put(event(bad=True), event(good=True))
        assert (await take(blocks, 1))[0].data["good"] is True


async def test_instants_have_one_spelling() -> None:
    async with desk() as at, at.listen() as blocks:
        await take(blocks, 1)
        at.wire.put(event(answered_at="2026-11-21T23:40:29.123456+00:00", text='"+00:00"'))
        (block,) = await take(blocks, 1)
        assert block.data["answered_at"] == "2026-11-21T23:40:29.123456Z"
        assert block.data["at"].endswith("Z")
        assert block.data["text"] == '"+00:00"'


async def test_response_headers_suit_proxies() -> None:
    async with desk() as at:
        response = await at.client.get("/")
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert response.headers["X-Accel-Buffering"] == "no"
        assert "no-store" in response.headers["Cache-Control"]
        response.close()


@pytest.mark.parametrize("with_bus", [True, False], ids=["with a bus", "without any bus message"])
async def test_a_hundred_writers_and_clients_that_reconnect_each_event_once(with_bus: bool) -> None:
    """Numbers come late and in commit order; clients are cut at random and come back with their last id."""
    dice = random.Random(7)
    async with desk(limits=replace(FAST, queue=32, page=16)) as at:
        written: list[str] = []

        async def write() -> None:
            for _ in range(5):
                each = event()
                await asyncio.sleep(dice.random() * 0.2)
                written.append(str(each.id))
                if with_bus:
                    at.wire.put(each)
                    await asyncio.sleep(dice.random() * 0.05)
                at.outbox.commit(each)

        async def read(seen: list[str], stop: asyncio.Event) -> None:
            last = "0"
            known: set[str] = set()
            while not (stop.is_set() and known.issuperset(written)):
                async with at.listen(**{"Last-Event-ID": last}) as blocks:
                    for number in range(dice.randrange(2, 30)):
                        try:
                            # The snapshot is waited for, however busy the machine is; what comes then, for a while.
                            async with asyncio.timeout(0.3 if number else None):
                                block = await anext(blocks)
                        except TimeoutError:
                            break
                        last = block.id
                        if block.kind == "call.updated" and block.data["event_id"] not in known:
                            known.add(block.data["event_id"])
                            seen.append(block.data["event_id"])

        stop = asyncio.Event()
        seen: list[list[str]] = [[] for _ in range(6)]
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for each in seen:
                group.create_task(read(each, stop))
            async with asyncio.TaskGroup() as writers:
                for _ in range(100):
                    writers.create_task(write())
            stop.set()
        assert len(written) == 500
        for each in seen:
            assert sorted(each) == sorted(written)
