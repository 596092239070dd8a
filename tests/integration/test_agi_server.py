"""The FastAGI door and those who should not be there: strangers, floods, half a header, forged channels."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from prometheus_client import REGISTRY

from hotline.calls.names import call_id
from hotline.settings import Settings
from hotline.workflows.house import House
from hotline.workflows.ivr.ivr import close_sessions
from tests.fakes.agi import AgiCaller, script
from tests.integration.agi import Exchange, exchange
from tests.waiting import until


@pytest.fixture
async def lines(house: House, settings: Settings) -> AsyncIterator[Exchange]:
    async with exchange(house, settings) as opened:
        yield opened


def refused(reason: str) -> float:
    return REGISTRY.get_sample_value("hotline_agi_refused_total", {"reason": reason}) or 0.0


async def connect(port: int, data: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    return reader, writer


async def silence(reader: asyncio.StreamReader) -> bytes:
    """What a connection says until it ends."""
    try:
        return await reader.read()
    except ConnectionError:
        return b""


@pytest.mark.parametrize(
    "path",
    ["main/wrong/flow/main", "other/{key}/flow/main", "main/{key}", "", "main//flow/main", "%00/{key}/flow/main"],
)
async def test_a_wrong_address_gets_nothing(lines: Exchange, path: str) -> None:
    caller = lines.caller()
    key = lines.path().split("/")[1]
    assert await caller.run(path.format(key=key)) is None
    assert caller.commands == []


async def test_a_forged_channel_gets_nothing_spoken_and_nothing_looked_up(lines: Exchange) -> None:
    true = lines.caller()
    forged = [
        AgiCaller(lines.port, true.channel, "1795316655.999", true.number),
        AgiCaller(lines.port, "PJSIP/other-00000001", true.uniqueid, true.number),
        AgiCaller(lines.port, "", "", true.number),
    ]
    assert await asyncio.gather(*(each.run(lines.path()) for each in forged)) == [None] * 3
    # Keys are listened to, that is all.
    assert all(words[:3] == ["WAIT", "FOR", "DIGIT"] for each in forged for words in each.commands)
    assert await lines.house.db.fetchval("SELECT count(*) FROM ivr_session") == 0


async def test_a_channel_that_is_over_gets_nothing(lines: Exchange) -> None:
    caller = lines.caller()
    lines.calls[caller.uniqueid].hang_up()
    await until(lambda: lines.telephony.call_of("main", caller.channel, caller.uniqueid) is None)
    assert await caller.run(lines.path()) is None
    assert all(words[:3] == ["WAIT", "FOR", "DIGIT"] for words in caller.commands)


async def test_the_manager_may_be_later_than_the_script(lines: Exchange) -> None:
    caller = lines.caller(["1", "1"], arrive=False)
    async with script(caller, lines.path()) as running:
        await until(lambda: lines.telephony.agi and lines.telephony.agi.callers)
        lines.arrive(lines.calls[caller.uniqueid])
        assert await running == "queue"


async def test_keys_before_the_first_word_count(lines: Exchange) -> None:
    """A caller types ahead at once, while the manager has not told of them yet."""
    caller = lines.caller(arrive=False)
    caller.ahead = ["1", "2"]
    async with script(caller, lines.path()) as running:
        await until(lambda: not caller.ahead)
        lines.arrive(lines.calls[caller.uniqueid])
        assert await running == "queue"
    found = await lines.house.db.fetchval("SELECT facts FROM ivr_session WHERE uniqueid = $1", caller.uniqueid)
    assert found["path"] == ["language:1", "menu:2"]
    assert not caller.named("GET", "DATA")


async def test_others_calls_go_on_in_a_flood(lines: Exchange) -> None:
    """Hundreds of halves of a header, connects without a word, and megabytes: a caller goes through all the same."""
    before = refused("crowded"), refused("too_long")
    half = AgiCaller(lines.port).environment("main/x/flow/main")[:100]
    flood = [await connect(lines.port, half if n % 2 else b"") for n in range(300)]
    fat = [await connect(lines.port, b"agi_x: " + b"y" * (10 << 20)) for _ in range(3)]
    caller = lines.caller(["1", "2"])
    assert await caller.run(lines.path()) == "queue"
    assert await asyncio.gather(*(silence(reader) for reader, _ in fat)) == [b""] * 3
    assert refused("crowded") > before[0]
    assert refused("too_long") > before[1]
    assert lines.telephony.agi is not None
    assert len(lines.telephony.agi._crowd) <= 64
    for _, writer in (*flood, *fat):
        writer.close()


async def test_half_a_header_is_not_waited_for_for_ever(lines: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hotline.telephony.agi.wire.ENVIRONMENT_SECONDS", 0.05)
    reader, writer = await connect(lines.port, b"agi_network: yes\n")
    assert await silence(reader) == b""
    writer.close()


async def test_strangers_are_not_let_in(house: House, settings: Settings) -> None:
    async with exchange(house, settings, agi_sources=(ipaddress.ip_network("192.0.2.0/24"),)) as lines:
        caller = lines.caller()
        assert await caller.run(lines.path()) is None
        assert caller.commands == []


@pytest.mark.parametrize(
    "reply",
    ["510 Invalid or unknown command\n", "520-Invalid\n usage\n520 End\n", "nonsense\n", "200 result=" + "9" * 20_000],
)
async def test_a_pbx_that_answers_nonsense_takes_its_caller_back(
    lines: Exchange, reply: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hotline.telephony.agi.wire.REPLY_SECONDS", 0.2)
    monkeypatch.setattr("hotline.telephony.agi.line.REPLY_SECONDS", 0.2)
    monkeypatch.setattr("hotline.telephony.agi.wire.AgiConnection.ask.__kwdefaults__", {"seconds": 0.2})
    caller = lines.caller()
    reader, writer = await connect(lines.port, caller.environment(lines.path()))
    assert await reader.readline()
    writer.write(reply.encode())
    await silence(reader)
    writer.close()
    await until(lambda: lines.telephony.agi and not lines.telephony.agi.callers)


async def test_the_records_are_away_and_the_flow_goes_on(lines: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flows go on from memory; session and ticket are written afterwards, once."""
    away = asyncio.Event()
    db = lines.house.db

    def held(name: str) -> Callable[..., Any]:
        real = getattr(db, name)

        async def ask(*args: Any) -> Any:
            await away.wait()
            return await real(*args)

        return ask

    acquire = db.__class__._pool.fget  # type: ignore[attr-defined]

    class Gate:
        def get_idle_size(self) -> int:
            return 0

        async def acquire(self, **more: Any) -> Any:
            await away.wait()
            return await acquire(db).acquire(**more)

        async def release(self, connection: Any) -> None:
            await acquire(db).release(connection)

    with monkeypatch.context() as patch:
        for name in ("fetch", "fetchrow", "fetchval", "execute"):
            patch.setattr(db, name, held(name))
        patch.setattr(db.__class__, "_pool", property(lambda _: Gate()))
        caller = lines.caller(["2", "1"])
        assert await caller.run(lines.path()) == "queue"
        assert caller.variables["HOTLINE_QUEUE"] == "support"
        away.set()

    async def told() -> bool:
        rows = await db.fetch(
            "SELECT c.ivr, t.kind FROM call c JOIN ticket t ON t.id = c.ticket_id WHERE c.id = $1",
            call_id("main", caller.uniqueid),
        )
        return len(rows) == 1 and rows[0]["kind"] == "consultation" and rows[0]["ivr"]["language"] == "zh"

    await until(told)
    assert await db.fetchval("SELECT count(*) FROM ticket") == 1
    assert await db.fetchval("SELECT count(*) FROM ivr_session") == 1


async def test_stopping_gives_callers_back_to_the_dialplan(lines: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hotline.telephony.agi.server.STOP_SECONDS", 0.1)
    caller = lines.caller()
    caller.stop_at = "SET"
    async with script(caller, lines.path()) as running:
        await caller.stopped.wait()
        assert lines.telephony.agi is not None
        await lines.telephony.agi.stop()
        caller.go_on.set()
        assert await running is None
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", lines.port)


async def test_sessions_of_calls_that_are_over_end(lines: Exchange) -> None:
    caller = lines.caller(["1", "1"])
    assert await caller.run(lines.path()) == "queue"
    lines.calls[caller.uniqueid].hang_up()

    async def over() -> bool:
        return bool(await lines.house.db.fetchval("SELECT count(*) FROM call WHERE ended_at IS NOT NULL"))

    await until(over)
    await lines.house.db.execute("UPDATE call SET ended_at = ended_at - interval '1 hour'")
    assert await close_sessions(lines.house) == 1
    assert await lines.house.db.fetchval("SELECT state FROM ivr_session") == "over"
