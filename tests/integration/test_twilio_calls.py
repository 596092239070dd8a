"""Calls by Twilio in the records: webhooks in any order, and the Asterisk's leg of the same call."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from hotline.calls.story import (
    Alias,
    CallAnswered,
    CallArrived,
    CallEnded,
    CallJoined,
    CallQueued,
    CallUnqueued,
    Line,
    RingAnswered,
    RingEnded,
    RingStarted,
)
from hotline.crm.queries.calls.calls import CallView, get_call
from hotline.crm.queries.customers.timeline import list_timeline
from hotline.crm.viewer import SYSTEM
from hotline.ids import new_id
from hotline.workflows.calls.calls import apply
from hotline.workflows.customers.customers import create_customer
from hotline.workflows.house import House
from hotline.workflows.people.users import create_user
from hotline.workflows.twilio import twilio_calls

#: A pop is shown only of a ring of these seconds.
NOW = datetime.now(UTC)
ZHANG = "+8613800138000"
SID = "CA" + "0123456789abcdef" * 2
FORM = {
    "CallSid": SID, "AccountSid": "AC" + "0" * 32, "From": ZHANG, "To": "+4930123456", "CallStatus": "ringing",
    "Direction": "inbound", "ApiVersion": "2010-04-01", "CallerName": "ZHANG WEI",
}  # fmt: skip


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


async def customer(house: House) -> UUID:
    made = await create_customer(
        house,
        SYSTEM,
        {"name": "Zhang Wei", "contact_points": [{"kind": "phone", "value": ZHANG, "label": ""}]},
    )
    return made.id


async def call_of(house: House, call_id: UUID) -> CallView:
    return await get_call(house.db, house.keyring, SYSTEM, call_id)


async def count(house: House, table: str) -> int:
    found: int = await house.db.fetchval(f"SELECT count(*) FROM {table}")
    return found


async def test_twenty_webhooks_at_once_make_one_call(house: House) -> None:
    zhang = await customer(house)
    ids = await asyncio.gather(*(twilio_calls.arrived(house, FORM, NOW) for _ in range(20)))
    assert len(set(ids)) == 1
    call = await call_of(house, ids[0])
    assert (call.pbx, call.direction, call.customer_id) == ("twilio", "in", zhang)
    assert (call.caller.number, call.dialled) == (ZHANG, "+4930123456")
    assert await count(house, "call") == 1


@pytest.mark.parametrize(
    ("sender", "number"),
    [
        ("anonymous", None),
        ("+266696687", None),
        ("sip:+4930999@pbx.example.com:5060", "+4930999"),
        ("sip:anna@pbx.example.com", None),
        ("client:anna", None),
        ("", None),
    ],
)
async def test_who_calls(house: House, sender: str, number: str | None) -> None:
    call = await call_of(house, await twilio_calls.arrived(house, {**FORM, "From": sender}, NOW))
    assert (call.caller.number, call.caller.withheld) == (number, number is None)


@pytest.mark.parametrize(
    ("status", "outcome", "disposition"),
    [
        ("completed", None, "abandoned"),
        ("completed", "voicemail", "voicemail"),
        ("canceled", None, "abandoned"),
        ("failed", None, "failed"),
    ],
)
async def test_an_end_that_overtakes_the_beginning(
    house: House, status: str, outcome: str | None, disposition: str
) -> None:
    over = await twilio_calls.caller_progress(house, {**FORM, "CallStatus": status}, at(3), outcome=outcome)
    assert over
    call_id = await twilio_calls.arrived(house, FORM, at(4))
    assert not await twilio_calls.caller_progress(house, {**FORM, "CallStatus": "in-progress"}, at(5))
    await twilio_calls.caller_progress(house, {**FORM, "CallStatus": status}, at(6), outcome=outcome)
    call = await call_of(house, call_id)
    assert (call.state, call.disposition) == ("ended", disposition)
    ended = await house.db.fetchval("SELECT count(*) FROM outbox WHERE type = 'call.ended'")
    assert (await count(house, "call"), ended) == (1, 1)


def legs_of_the_asterisk(rig: UUID, twilio: UUID | str) -> list[Line]:
    ring = new_id()
    aliases = (Alias("linkedid", "1763800000.7"), Alias("uniqueid", "1763800000.7"))
    return [
        CallArrived(rig, at(1), "PJSIP/twilio", ZHANG, None, False, "hotline", aliases),
        CallJoined(rig, at(1), twilio),
        CallQueued(rig, at(2), "support", 1),
        RingStarted(rig, at(2), ring, ("PJSIP/anna",), "1763800000.8", "support"),
        RingAnswered(rig, at(4), ring),
        CallAnswered(rig, at(4), ring),
        RingEnded(rig, at(9), ring, "completed", 16),
        CallEnded(rig, at(9), "answered", 16),
    ]


async def story(house: House, call_id: UUID) -> dict[str, Any]:
    call = await call_of(house, call_id)
    return {
        "state": call.state,
        "disposition": call.disposition,
        "queue": call.queue,
        "legs": [(leg.interface, leg.end_reason) for leg in call.legs],
    }


@pytest.mark.parametrize("cut", [0, 1, 2, 4, 6])
async def test_the_asterisks_leg_is_the_same_call(house: House, cut: int) -> None:
    """Wherever the PBX's lines are cut into batches, also when its call is in the records before it is joined."""
    zhang = await customer(house)
    await create_user(house, SYSTEM, {"login": "anna", "name": "Anna", "role": "agent", "interfaces": ["PJSIP/anna"]})
    twilio = await twilio_calls.arrived(house, FORM, NOW)
    rig = uuid4()
    lines = legs_of_the_asterisk(rig, twilio)
    for batch in (lines[:cut], lines[cut:6], lines[6:], lines):
        await apply(house, "rig", batch)
    assert await story(house, rig) == await story(house, twilio)
    assert await story(house, twilio) == {
        "state": "answered", "disposition": None, "queue": "support", "legs": [("PJSIP/anna", "completed")],
    }  # fmt: skip
    await twilio_calls.caller_progress(house, {**FORM, "CallStatus": "completed"}, at(12))
    await apply(house, "rig", lines)
    assert (await story(house, twilio))["disposition"] == "answered"
    events = await house.db.fetch("SELECT type, count(*) AS times FROM outbox GROUP BY type")
    times = {row["type"]: row["times"] for row in events}
    assert (times["call.offered"], times["call.answered"], times["call.ended"]) == (1, 1, 1)
    assert await count(house, "ticket WHERE state <> 'discarded'") == 1
    timeline = await list_timeline(house.db, house.keyring, SYSTEM, zhang, limit=10)
    assert [each.kind for each in timeline].count("call") == 1
    pbxs = await house.db.fetch("SELECT pbx, kind, value FROM call_alias ORDER BY pbx, kind")
    assert [tuple(row) for row in pbxs] == [
        ("rig", "linkedid", "1763800000.7"), ("rig", "uniqueid", "1763800000.7"), ("twilio", "uniqueid", SID),
    ]  # fmt: skip


async def test_a_call_is_joined_to_none_that_is_over_or_not_twilios(house: House) -> None:
    twilio = await twilio_calls.arrived(house, FORM, NOW)
    await twilio_calls.caller_progress(house, {**FORM, "CallStatus": "completed"}, at(1))
    for other in (twilio, uuid4()):
        rig = uuid4()
        aliases = (Alias("linkedid", f"{rig}"),)
        await apply(house, "rig", [
            CallArrived(rig, at(2), "PJSIP/twilio", ZHANG, None, False, "hotline", aliases),
            CallJoined(rig, at(2), other),
            CallEnded(rig, at(3), "abandoned", 16),
        ])  # fmt: skip
        call = await call_of(house, rig)
        assert (call.id, call.pbx, call.state) == (rig, "rig", "ended")


@pytest.mark.parametrize("known", [True, False])
async def test_a_call_that_was_sent_on_without_the_records_is_one_call(house: House, known: bool) -> None:
    """Its name at Twilio joins both; whichever of the two the records hear of first."""
    zhang = await customer(house)
    await create_user(house, SYSTEM, {"login": "anna", "name": "Anna", "role": "agent", "interfaces": ["PJSIP/anna"]})
    if known:
        await twilio_calls.arrived(house, FORM, NOW)
    rig = uuid4()
    lines = legs_of_the_asterisk(rig, SID)
    await apply(house, "rig", lines[:6])
    twilio = await twilio_calls.arrived(house, FORM, at(5))
    await apply(house, "rig", lines[6:])
    await apply(house, "rig", lines)
    assert (await call_of(house, rig)).id == (await call_of(house, twilio)).id
    await twilio_calls.caller_progress(house, {**FORM, "CallStatus": "completed"}, at(12))
    call = await call_of(house, twilio)
    assert (call.state, call.disposition, call.customer_id) == ("ended", "answered", zhang)
    events = await house.db.fetch("SELECT type, count(*) AS times FROM outbox GROUP BY type")
    times = {row["type"]: row["times"] for row in events}
    assert (times["call.offered"], times["call.answered"], times["call.ended"]) == (1, 1, 1)
    assert await count(house, "ticket WHERE state <> 'discarded'") == 1
    timeline = await list_timeline(house.db, house.keyring, SYSTEM, zhang, limit=10)
    assert [each.kind for each in timeline].count("call") == 1


async def test_who_waits_in_vain_at_the_asterisk_is_missed_once(house: House) -> None:
    twilio = await twilio_calls.arrived(house, FORM, NOW)
    rig = uuid4()
    waited = legs_of_the_asterisk(rig, twilio)[:3]
    gave_up = [CallUnqueued(rig, at(20), "support", "timeout"), CallEnded(rig, at(20), "no_answer", 19)]
    await apply(house, "rig", [*waited, *gave_up])
    assert (await call_of(house, twilio)).state == "ringing"
    await twilio_calls.caller_progress(house, {**FORM, "CallStatus": "completed"}, at(21))
    call = await call_of(house, twilio)
    assert (call.state, call.disposition) == ("ended", "abandoned")
    assert await count(house, "ticket WHERE callback_due IS NOT NULL") == 1
