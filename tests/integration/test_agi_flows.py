"""Flows through the FastAGI door: keys in, what the dialplan is told, and what the records have afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from hotline.calls.names import call_id
from hotline.crm.viewer import SYSTEM
from hotline.settings import Settings
from hotline.workflows.customers.customers import create_customer
from hotline.workflows.house import House
from tests.fakes.agi import AgiCaller, script
from tests.integration.agi import Exchange, exchange
from tests.waiting import until


@pytest.fixture
async def lines(house: House, settings: Settings) -> AsyncIterator[Exchange]:
    async with exchange(house, settings) as opened:
        yield opened


async def call_of(house: House, caller: AgiCaller) -> dict[str, Any] | None:
    row = await house.db.fetchrow(
        "SELECT ivr, customer_id, ticket_id FROM call WHERE id = $1", call_id("main", caller.uniqueid)
    )
    return dict(row) if row is not None else None


async def tickets(house: House) -> list[dict[str, Any]]:
    return [dict(row) for row in await house.db.fetch("SELECT kind, state, provisional, customer_id FROM ticket")]


async def session_of(house: House, caller: AgiCaller) -> dict[str, Any]:
    found: dict[str, Any] = {}

    async def look() -> bool:
        row = await house.db.fetchrow("SELECT * FROM ivr_session WHERE uniqueid = $1", caller.uniqueid)
        found.update(dict(row) if row is not None else {})
        return bool(found)

    await until(look)
    return found


async def test_what_the_caller_chose_is_on_the_ticket_when_the_queue_is_told(lines: Exchange) -> None:
    caller = lines.caller(["2", "2"])
    assert await caller.run(lines.path()) == "queue"
    # Before the dialplan is told, so before any phone rings.
    call = await call_of(lines.house, caller)
    assert call is not None
    assert call["ivr"] == {
        "flow": "main", "version": call["ivr"]["version"], "language": "zh", "kind": "complaint",
        "path": ["language:2", "menu:2"], "queue": "support", "outcome": "queued",
    }  # fmt: skip
    (ticket,) = await tickets(lines.house)
    assert (ticket["kind"], ticket["provisional"]) == ("complaint", True)
    assert caller.variables == {
        "CHANNEL(language)": "zh",
        "HOTLINE_CALL": str(call_id("main", caller.uniqueid)),
        "HOTLINE_CONTINUE": "",
        "HOTLINE_NEXT": "queue",
        "HOTLINE_QUEUE": "support",
        "HOTLINE_QUEUE_SECONDS": "300",
        "QUEUE_PRIO": "0",
    }
    assert caller.commands[-1] == ["SET", "VARIABLE", "HOTLINE_NEXT", "queue"]


async def test_keys_typed_ahead_count(lines: Exchange) -> None:
    caller = lines.caller(["13"])
    assert await caller.run(lines.path()) == "queue"
    call = await call_of(lines.house, caller)
    assert call is not None
    assert (call["ivr"]["language"], call["ivr"]["kind"]) == ("en", "service_request")


async def test_silence_goes_on_to_the_queue(lines: Exchange) -> None:
    caller = lines.caller()
    assert await caller.run(lines.path()) == "queue"
    call = await call_of(lines.house, caller)
    assert call is not None
    assert (call["ivr"]["kind"], call["ivr"]["path"]) == (None, [])
    assert (await session_of(lines.house, caller))["state"] == "queued"


async def test_a_vip_gets_their_priority_and_the_shorter_way(lines: Exchange) -> None:
    await create_customer(
        lines.house, SYSTEM,
        {"name": "Anna", "tier": "gold", "contact_points": [{"kind": "phone", "value": "+4930123456"}]},
    )  # fmt: skip
    caller = lines.caller(["1", ""])
    assert await caller.run(lines.path()) == "queue"
    assert caller.variables["QUEUE_PRIO"] == "20"
    call = await call_of(lines.house, caller)
    assert call is not None
    assert call["customer_id"] is not None


async def test_a_withheld_caller_is_known_by_the_number_that_they_key_in(lines: Exchange) -> None:
    anna = await create_customer(lines.house, SYSTEM, {"name": "Anna", "tier": "gold", "contact_points": []})
    caller = lines.caller(["1", f"{anna.number}#", "1"], number="anonymous")
    caller.presentation = "32"
    assert await caller.run(lines.path()) == "queue"
    call = await call_of(lines.house, caller)
    assert call is not None
    assert call["customer_id"] == anna.id
    assert caller.variables["QUEUE_PRIO"] == "20"
    row = await session_of(lines.house, caller)
    assert row["sealed"] is not None
    assert str(anna.number) not in repr({**row, "sealed": None, "started_at": None, "updated_at": None})


async def test_a_withheld_caller_without_a_number_goes_on_as_unknown(lines: Exchange) -> None:
    caller = lines.caller(["1", "#", "2"], number="anonymous")
    caller.presentation = "32"
    assert await caller.run(lines.path()) == "queue"
    call = await call_of(lines.house, caller)
    assert call is not None
    assert (call["customer_id"], call["ivr"]["kind"]) == (None, "complaint")


@pytest.mark.parametrize("acts", [[None], ["1", None]])
async def test_a_hang_up_at_any_question_ends_the_session(lines: Exchange, acts: list[str | None]) -> None:
    caller = lines.caller(acts)
    assert await caller.run(lines.path()) is None

    async def over() -> bool:
        call = await call_of(lines.house, caller)
        left = call is not None and (call["ivr"] or {}).get("outcome") == "left"
        return left and (await session_of(lines.house, caller))["state"] == "over"

    await until(over)


async def test_nobody_answers_and_the_caller_leaves_a_message(lines: Exchange) -> None:
    caller = lines.caller(["1", "1"])
    assert await caller.run(lines.path()) == "queue"
    caller.acts = ["#"]
    assert await caller.run(lines.path("left/main?status=TIMEOUT")) == "hangup"
    (record,) = caller.named("RECORD", "FILE")
    assert record[0].startswith("/var/spool/hotline/")
    assert UUID(record[0].rpartition("/")[2])
    assert caller.variables["VMSTATUS"] == "SUCCESS"
    assert caller.variables["HOTLINE_VOICEMAIL"] == record[0].rpartition("/")[2]
    assert caller.variables["HOTLINE_VOICEMAIL_URL"].startswith("http")

    async def over() -> bool:
        return bool((await session_of(lines.house, caller))["facts"]["outcome"] == "voicemail")

    await until(over)


async def test_a_full_disk_is_said_and_the_call_goes_on(lines: Exchange) -> None:
    caller = lines.caller(["1", "1"])
    await caller.run(lines.path())
    caller.acts = ["#"]
    task = asyncio.create_task(caller.run(lines.path("left/main?status=TIMEOUT")))
    caller.values["${STAT(s,FILE)}"] = "44"
    # Whatever file is asked about has only its header.
    caller.values = _AlwaysHeader(caller.values)
    before = len(caller.heard)
    assert await task == "hangup"
    assert "VMSTATUS" not in caller.variables
    assert caller.variables["HOTLINE_VOICEMAIL"] == ""
    assert len(caller.heard) > before


class _AlwaysHeader(dict[str, str]):
    def get(self, key: str, default: Any = None) -> Any:
        return "44" if key.startswith("${STAT(") else super().get(key, default)


async def test_after_an_answered_call_the_flow_ends(lines: Exchange) -> None:
    caller = lines.caller(["1", "1"])
    await caller.run(lines.path())
    assert await caller.run(lines.path("left/main?status=CONTINUE")) == "hangup"


async def test_a_restarted_service_goes_on_with_the_session(lines: Exchange, house: House, settings: Settings) -> None:
    caller = lines.caller(["1", "2"])
    await caller.run(lines.path())
    held = lines.telephony.sessions
    held._held.clear()
    caller.acts = ["#"]
    assert await caller.run(lines.path("left/main?status=LEAVEEMPTY")) == "hangup"
    assert caller.named("RECORD", "FILE")


async def test_two_runs_side_by_side_do_not_meet(lines: Exchange) -> None:
    one, two = lines.caller(["1", "1"]), lines.caller(["2", "2"])
    async with script(one, lines.path()) as first, script(two, lines.path()) as second:
        assert (await first, await second) == ("queue", "queue")
    assert one.variables["HOTLINE_CALL"] != two.variables["HOTLINE_CALL"]
    assert len(await tickets(lines.house)) == 2
