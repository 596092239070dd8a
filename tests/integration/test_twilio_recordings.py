"""Voicemails of Twilio's callers: from the tone to the sealed file, once, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
import struct
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from hotline.crm.commands.twilio import twilio_fetches
from hotline.crm.company import Recordings, TwilioIvr
from hotline.crm.queries.calls.recordings import list_recordings, sealed_file
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Forbidden, NotFound
from hotline.simulator.twilio import Fault, Recording
from hotline.simulator.twilio.records import new_sid
from hotline.workflows.calls.recordings import delete_recording, open_recording
from hotline.workflows.calls.transcripts import read_transcript
from hotline.workflows.company import company
from hotline.workflows.house import House
from hotline.workflows.twilio.twilio_recordings import recording_id, work
from tests.fakes.twilio import NUMBER, FakeTwilio, TwilioDoor
from tests.waiting import until

CALL = "CA" + "1" * 32


def wav(seconds: float = 3.0) -> bytes:
    """Some sound as Twilio records it: 8 kHz, 16 bits, one channel."""
    data = bytes(int(seconds * 16_000))
    form = struct.pack("<HHIIHH", 1, 1, 8_000, 16_000, 2, 16)
    return (
        b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<I", 16) + form
        + b"data" + struct.pack("<I", len(data)) + data
    )  # fmt: skip


async def told(door: TwilioDoor, sid: str, **more: str) -> int:
    """A recording's status callback; the answer's status."""
    params = {
        "CallSid": CALL, "RecordingSid": sid, "RecordingStatus": "completed", "RecordingDuration": "3",
        "RecordingSource": "RecordVerb", "RecordingUrl": f"https://api.twilio.com/x/{sid}", **more,
    }  # fmt: skip
    return (await door.post("/recordings", params)).status


def lies_at(twilio: FakeTwilio, sound: bytes, text: str = "") -> str:
    """A recording that Twilio has; its id."""
    made = Recording(twilio.account_sid, CALL, 3, "RecordVerb", sound, text)
    twilio.recordings[made.sid] = made
    return made.sid


async def rows(house: House) -> list[dict[str, Any]]:
    return [dict(row) for row in await house.db.fetch("SELECT * FROM twilio_fetch ORDER BY created_at, what")]


async def make_due(house: House) -> None:
    """Time passes."""
    await house.db.execute("UPDATE twilio_fetch SET due_at = now(), lease_until = NULL WHERE state = 'due'")


def fetched(twilio: FakeTwilio) -> int:
    """How often sound was fetched."""
    return len([path for method, path, _ in twilio.requests if method == "GET" and path.endswith(".wav")])


async def heard(house: House, recording: UUID) -> bytes:
    _, reader = await open_recording(house, SYSTEM, recording)
    try:
        return b"".join(reader.read(0, reader.size))
    finally:
        reader.close()


async def test_a_voicemail_from_the_tone_to_the_sealed_file(
    twilio: FakeTwilio, twilio_door: TwilioDoor, house: House
) -> None:
    await company.put(house, SYSTEM, TwilioIvr(transcribe=True, delete_at_twilio=True))
    # Nobody is signed in at hotline's own queues: the flow goes on to its voicemail at once.
    line = twilio.call("+4930123456", NUMBER)
    line.press("1")
    line.press("1")
    await twilio.wait_for(lambda: line.doing == "record")
    line.record(wav(), 3, "please call me back", "#")
    await asyncio.wait_for(line.over.wait(), 60)
    await twilio.quiet()

    await until(lambda: _done(house, "recording", "transcript"))
    await make_due(house)
    await until(lambda: _done(house, "recording", "transcript", "delete_recording", "delete_transcript"))
    recording = recording_id(line.recordings[0].sid)
    assert await heard(house, recording) == wav()
    row = await house.db.fetchrow(
        "SELECT r.kind, r.pbx, c.id AS call_id, c.disposition FROM recording r JOIN call c ON c.id = r.call_id"
    )
    assert row is not None
    assert (row["kind"], row["pbx"], row["disposition"]) == ("voicemail", "twilio", "voicemail")
    view = await sealed_file(house.db, house.keyring, SYSTEM, recording)
    sealed = await house.db.fetchval("SELECT transcript_cipher FROM recording WHERE id = $1", recording)
    assert house.keyring.decrypt(view.key, "recording", "transcript_cipher", recording, sealed) == "please call me back"
    assert twilio.recordings == {}
    assert fetched(twilio) == 1


async def _done(house: House, *wanted: str) -> bool:
    """Work once; whether these things are done."""
    await work(house)
    await house.db.execute("UPDATE twilio_fetch SET due_at = now() WHERE state = 'due' AND what = 'transcript'")
    return {row["what"] for row in await rows(house) if row["state"] == "done"} == set(wanted)


async def test_twenty_callbacks_are_one_recording(twilio: FakeTwilio, twilio_door: TwilioDoor, house: House) -> None:
    sid = lies_at(twilio, wav())
    assert set(await asyncio.gather(*(told(twilio_door, sid) for _ in range(20)))) == {204}
    await asyncio.gather(*(work(house) for _ in range(5)))
    assert fetched(twilio) == 1
    assert await house.db.fetchval("SELECT count(*) FROM recording") == 1
    assert [row["state"] for row in await rows(house)] == ["done"]
    assert list(twilio.recordings) == [sid]  # the company did not say that it is deleted there


@pytest.mark.parametrize("fault", [Fault(status=503), Fault(status=429), Fault(status=404), Fault(status=401)])
async def test_twilio_has_a_bad_moment(fault: Fault, twilio: FakeTwilio, twilio_door: TwilioDoor, house: House) -> None:
    sid = lies_at(twilio, wav())
    await told(twilio_door, sid)
    twilio.fails(fault)
    await work(house)
    (row,) = await rows(house)
    assert (row["state"], row["attempts"], row["lease_until"]) == ("due", 1, None)
    assert row["due_at"] > house.clock()
    await make_due(house)
    await work(house)
    assert (await rows(house))[0]["state"] == "done"
    assert await heard(house, recording_id(sid)) == wav()


async def test_what_is_never_there_is_given_up(twilio: FakeTwilio, twilio_door: TwilioDoor, house: House) -> None:
    await told(twilio_door, new_sid("RE"))
    for _ in range(20):
        await work(house)
        await make_due(house)
    (row,) = await rows(house)
    assert (row["state"], row["error"]) == ("failed", "gone")
    assert fetched(twilio) < 10


async def test_what_is_no_sound_or_too_long_is_given_up(
    twilio: FakeTwilio, twilio_door: TwilioDoor, house: House
) -> None:
    await company.put(house, SYSTEM, Recordings(largest_mb=1))
    for sound in (b"<html>not found</html>" * 100, wav(70)):
        await told(twilio_door, lies_at(twilio, sound))
    await work(house)
    assert [(row["state"], row["error"]) for row in await rows(house)] == [
        ("failed", "not_sound"),
        ("failed", "too_large"),
    ]
    assert await house.db.fetchval("SELECT count(*) FROM recording") == 0
    assert not [path for path in (house.settings.data_dir / "recordings").rglob("*") if path.is_file()]


async def test_whoever_dies_while_fetching_is_followed(
    twilio: FakeTwilio, twilio_door: TwilioDoor, house: House
) -> None:
    sid = lies_at(twilio, wav())
    await told(twilio_door, sid)
    async with house.unit(SYSTEM) as uow:
        (mine,) = await twilio_fetches.lease(uow, timedelta(minutes=8), limit=4)
    assert await work(house) == 0  # it is leased
    await house.db.execute("UPDATE twilio_fetch SET lease_until = now() - interval '1 second'")
    assert await work(house) == 1
    async with house.unit(SYSTEM) as uow:
        assert not await twilio_fetches.done(uow, mine)  # the lease was lost
    assert [row["state"] for row in await rows(house)] == ["done"]


async def test_an_erased_caller_leaves_nothing_at_twilio(
    twilio: FakeTwilio, twilio_door: TwilioDoor, house: House
) -> None:
    line = twilio.call("+4930123456", NUMBER)
    await twilio.wait_for(lambda: line.doing == "gather")
    line.hang_up()
    await asyncio.wait_for(line.over.wait(), 60)
    await house.db.execute(
        """UPDATE personal_key SET wrapped = NULL, destroyed_at = now()
           WHERE id IN (SELECT caller_key_id FROM call)"""
    )
    sid = lies_at(twilio, wav())
    await told(twilio_door, sid, CallSid=line.call.sid)
    await until(lambda: _settled(house))
    assert [(row["what"], row["state"]) for row in await rows(house)] == [
        ("recording", "failed"), ("delete_recording", "done"),
    ]  # fmt: skip
    assert twilio.recordings == {}
    assert fetched(twilio) == 0


async def _settled(house: House) -> bool:
    await work(house)
    await make_due(house)
    return all(row["state"] != "due" for row in await rows(house))


@pytest.mark.parametrize(
    "more",
    [
        {"RecordingSid": "RE../../../secret"}, {"RecordingSid": "RE" + "1" * 32 + "\n"}, {"RecordingSid": ""},
        {"CallSid": "nonsense"}, {"RecordingStatus": "absent"}, {"RecordingStatus": "in-progress"},
    ],
)  # fmt: skip
async def test_what_names_no_recording_asks_for_nothing(
    more: dict[str, str], twilio: FakeTwilio, twilio_door: TwilioDoor, house: House
) -> None:
    assert await told(twilio_door, new_sid("RE"), **more) == 204
    assert await rows(house) == []


async def test_the_address_that_a_webhook_names_is_not_asked(
    twilio: FakeTwilio, twilio_door: TwilioDoor, house: House
) -> None:
    sid = lies_at(twilio, wav())
    await told(twilio_door, sid, RecordingUrl="http://169.254.169.254/latest/meta-data")
    await work(house)
    assert [path for method, path, _ in twilio.requests if method == "GET"] == [
        f"/2010-04-01/Accounts/{twilio.account_sid}/Recordings/{sid}.wav"
    ]


async def test_a_recording_whose_callback_is_lost_is_fetched_all_the_same(
    twilio: FakeTwilio, twilio_door: TwilioDoor, house: House
) -> None:
    twilio.hold("/recordings")
    line = twilio.call("+4930123456", NUMBER)
    line.press("1")
    line.press("1")
    await twilio.wait_for(lambda: line.doing == "record")
    line.record(wav(), 3, "", "hangup")
    await asyncio.wait_for(line.over.wait(), 60)
    (row,) = await rows(house)
    assert row["due_at"] > house.clock()
    await make_due(house)
    await work(house)
    assert await heard(house, recording_id(line.recordings[0].sid)) == wav()
    await twilio.release()
    assert await house.db.fetchval("SELECT count(*) FROM twilio_fetch") == 1


async def test_the_text_is_read_by_who_may_hear_the_recording(
    twilio: FakeTwilio, twilio_door: TwilioDoor, house: House
) -> None:
    sid = lies_at(twilio, wav(), "please call me back")
    await told(twilio_door, sid)
    text = {
        "TranscriptionSid": f"TR{sid[2:]}",
        "TranscriptionStatus": "completed",
        "RecordingSid": sid,
        "CallSid": CALL,
    }
    assert (await twilio_door.post("/transcripts", text)).status == 204
    await until(lambda: _done(house, "recording", "transcript"))
    recording = recording_id(sid)
    (view,) = await list_recordings(house.db, SYSTEM, limit=10)
    assert view.transcribed
    assert await read_transcript(house, SYSTEM, recording) == "please call me back"
    read = await house.db.fetchval("SELECT count(*) FROM audit_entry WHERE action = 'recording:read'")
    assert read == 1
    with pytest.raises(Forbidden):
        await read_transcript(house, Viewer(None, "user", frozenset()), recording)
    await delete_recording(house, SYSTEM, recording)
    with pytest.raises(NotFound):
        await read_transcript(house, SYSTEM, recording)
    assert await house.db.fetchval("SELECT transcript_cipher FROM recording") is None
