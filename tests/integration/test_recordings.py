"""Recordings on a real PostgreSQL and a real disk: received, heard, kept and deleted, also on bad days."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from hotline.calls.story import Alias, CallArrived, CallEnded, CallQueued, RingStarted
from hotline.crm import company
from hotline.crm.commands.calls import recordings as commands
from hotline.crm.keys import Keyring
from hotline.crm.queries.calls import recordings as queries
from hotline.crm.queries.calls.calls import get_call
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Forbidden, NotFound, Unavailable
from hotline.ids import new_id
from hotline.media.errors import Damaged, NoRoom, NotSound
from hotline.workflows.calls import calls, recordings, uploads
from hotline.workflows.company.company import put
from hotline.workflows.house import House
from tests.integration.people import add_user, viewer_as
from tests.unit.media.waves import tone, wav

UNIQUEID = "1795315390.7"
VOICE = wav(tone(440, 2, 8000), 8000)
LONG = wav(tone(440, 30, 8000), 8000)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


async def pieces(data: bytes, size: int = 10_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def token(house: House, *, uniqueid: str = UNIQUEID, kind: commands.Kind = "voicemail") -> str:
    return recordings.issue(house, "main", uniqueid, kind).url.rpartition("/")[2]


async def store(house: House, data: bytes = VOICE, **more: str) -> UUID:
    """A recording that arrived."""
    upload = recordings.issue(house, "main", more.get("uniqueid", UNIQUEID), more.get("kind", "voicemail"))  # type: ignore[arg-type]
    assert await recordings.receive(house, upload.url.rpartition("/")[2], len(data), pieces(data))
    return upload.id


async def arrive(house: House, uniqueid: str = UNIQUEID) -> UUID:
    """A call that waits in a queue, with its ticket: a phone rings."""
    call_id = new_id()
    arrived = CallArrived(
        call_id, NOW, "PJSIP/trunk", "+8613800138000", None, False, "4000", (Alias("uniqueid", uniqueid),)
    )
    ring = RingStarted(call_id, NOW, new_id(), ("PJSIP/nobody",), f"{uniqueid}1", "support")
    await calls.apply(house, "main", [arrived, CallQueued(call_id, NOW, "support"), ring])
    return call_id


def files(house: House) -> list[Path]:
    return [path for path in recordings.folder(house).rglob("*") if path.is_file()]


async def heard(house: House, recording_id: UUID, viewer: Viewer = SYSTEM) -> bytes:
    _, reader = await recordings.open_recording(house, viewer, recording_id)
    try:
        return b"".join(reader.read(0, reader.size))
    finally:
        reader.close()


async def told(house: House, kind: str) -> list[tuple[dict[str, object], list[str]]]:
    rows = await house.db.fetch("SELECT data, audience FROM outbox WHERE type = $1 ORDER BY id", kind)
    return [(row["data"], row["audience"]) for row in rows]


async def audited(house: House) -> list[str]:
    rows = await house.db.fetch("SELECT action FROM audit_entry WHERE action LIKE 'recording:%' ORDER BY id")
    return [row["action"] for row in rows]


# Received


async def test_a_recording_is_stored_encrypted_with_its_call(house: House) -> None:
    call_id = await arrive(house)
    recording_id = await store(house)
    view = await queries.get_recording(house.db, SYSTEM, recording_id)
    assert (view.call_id, view.kind, view.state, view.bytes) == (call_id, "voicemail", "stored", len(VOICE))
    assert view.seconds == pytest.approx(2)
    (file,) = files(house)
    assert file.stat().st_mode & 0o777 == 0o600
    assert VOICE[44:244] not in file.read_bytes()
    assert await heard(house, recording_id) == VOICE
    ((data, _),) = await told(house, "recording.stored")
    assert data == {"recording_id": str(recording_id), "call_id": str(call_id), "kind": "voicemail"}
    assert await audited(house) == ["recording:stored", "recording:heard"]


async def test_the_same_upload_again_is_the_same_recording(house: House) -> None:
    once = token(house)
    assert await recordings.receive(house, once, len(VOICE), pieces(VOICE))
    assert not await recordings.receive(house, once, len(VOICE), pieces(VOICE))
    assert len(files(house)) == 1
    assert len(await told(house, "recording.stored")) == 1


async def test_the_same_upload_twice_at_once_is_one_recording(house: House) -> None:
    once = token(house)
    stored = await asyncio.gather(*(recordings.receive(house, once, None, pieces(LONG, 1000)) for _ in range(4)))
    assert sorted(stored) == [False, False, False, True]
    assert len(files(house)) == 1
    assert await house.db.fetchval("SELECT count(*) FROM personal_key") == 1


async def test_a_deleted_recording_does_not_come_back(house: House) -> None:
    once = token(house)
    await recordings.receive(house, once, None, pieces(VOICE))
    ((data, _),) = await told(house, "recording.stored")
    await recordings.delete_recording(house, SYSTEM, UUID(str(data["recording_id"])))
    assert not await recordings.receive(house, once, None, pieces(VOICE))
    assert files(house) == []


@pytest.mark.parametrize(
    "forge",
    [
        lambda good: good[:-4] + "AAAA",
        lambda good: "B" + good[1:],
        lambda good: good.partition(".")[0],
        lambda good: good + "." + good,
        lambda _: "",
        lambda _: "a.b.c",
        lambda _: "\u00e4.\u00e4.\u00e4",
        lambda good: good * 20,
    ],
)
async def test_a_forged_address_takes_nothing(house: House, forge: Callable[[str], str]) -> None:
    with pytest.raises(uploads.Forged):
        await recordings.receive(house, forge(token(house)), None, pieces(VOICE))
    assert files(house) == []


async def test_another_installation_s_address_is_forged(house: House) -> None:
    other = replace(house, keyring=Keyring(["another secret that is long enough"], bytes(32)))
    with pytest.raises(uploads.Forged):
        await recordings.receive(house, token(other), None, pieces(VOICE))


async def test_an_address_outlives_a_new_master_key_and_ends_after_its_time(house: House) -> None:
    old = token(house)
    rotated = Keyring(["a new secret that is long enough", "a secret of the tests that is long enough"], bytes(32))
    assert uploads.read(rotated, old, house.clock()).uniqueid == UNIQUEID
    with pytest.raises(uploads.Expired):
        uploads.read(rotated, old, house.clock() + timedelta(days=31))


def test_an_address_needs_no_quoting_anywhere(house: House) -> None:
    url = recordings.issue(house, "main", UNIQUEID, "call").url
    assert set(url) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/._-")
    assert len(url) < 250


async def put_settings(house: House, **values: object) -> None:
    await put(house, SYSTEM, company.Recordings(**values))


async def test_what_is_too_large_is_refused_before_and_while_it_comes(house: House) -> None:
    await put_settings(house, largest_mb=1)
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 100_000
            yield VOICE[:44] + bytes(99_956)

    with pytest.raises(recordings.TooLong):
        await recordings.receive(house, token(house), 10 << 30, endless())
    assert taken == 0
    with pytest.raises(recordings.TooLong):
        await recordings.receive(house, token(house), None, endless())
    assert taken < 1_300_000
    assert files(house) == []


@pytest.mark.parametrize("data", [b"", b"RIFF", b"<html>" * 10_000, VOICE[:44], b"OggS" + bytes(200_000)])
async def test_what_is_no_recording_leaves_nothing(house: House, data: bytes) -> None:
    with pytest.raises(NotSound):
        await recordings.receive(house, token(house), len(data), pieces(data))
    assert files(house) == []
    assert await house.db.fetchval("SELECT count(*) FROM personal_key") == 0


async def test_a_cut_recording_is_kept_as_far_as_it_goes(house: House) -> None:
    recording_id = await store(house, LONG[:100_001])
    view = await queries.get_recording(house.db, SYSTEM, recording_id)
    assert view.seconds == pytest.approx((100_001 - 44) / 16_000, abs=0.01)
    data = await heard(house, recording_id)
    assert int.from_bytes(data[40:44], "little") == 100_001 - 44 - 1


async def test_a_sender_who_goes_away_leaves_nothing(house: House) -> None:
    async def breaks_off() -> AsyncIterator[bytes]:
        yield LONG[:200_000]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await recordings.receive(house, token(house), None, breaks_off())
    assert files(house) == []


async def test_a_request_that_is_cancelled_leaves_nothing(house: House) -> None:
    began = asyncio.Event()

    async def hangs() -> AsyncIterator[bytes]:
        yield LONG + bytes(recordings.BATCH)
        began.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(recordings.receive(house, token(house), None, hangs()))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert files(house) == []


# Bad days


async def test_a_full_disk_is_told_and_the_upload_comes_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    once = token(house)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(NoRoom):
            await recordings.receive(house, once, None, pieces(LONG))
    assert files(house) == []
    assert recordings.trouble(house)
    assert await recordings.receive(house, once, None, pieces(LONG))
    assert not recordings.trouble(house)


async def test_room_that_the_records_need_is_never_taken(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "SPARED", 1 << 60)
    with pytest.raises(NoRoom):
        await store(house)


async def test_while_the_records_are_away_the_pbx_keeps_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    once = token(house)

    async def away(*_: object) -> bool:
        raise Unavailable()

    with monkeypatch.context() as patch:
        patch.setattr(queries, "is_known", away)
        with pytest.raises(Unavailable):
            await recordings.receive(house, once, None, pieces(VOICE))
        assert files(house) == []
    assert await recordings.receive(house, once, None, pieces(VOICE))


@pytest.mark.parametrize("committed", [True, False])
async def test_a_commit_whose_outcome_is_not_known(
    house: House, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    """The records went away just then: whether they have the row shows when the PBX sends it again."""
    once, add = token(house), recordings._add

    async def lost(*arguments: object) -> bool:
        if committed:
            await add(*arguments)  # type: ignore[arg-type]
        raise Unavailable()

    with monkeypatch.context() as patch:
        patch.setattr(recordings, "_add", lost)
        with pytest.raises(Unavailable):
            await recordings.receive(house, once, None, pieces(VOICE))
    assert await recordings.receive(house, once, None, pieces(VOICE)) is not committed
    assert await recordings.sweep_files(house, orphaned=-1) == (0 if committed else 1)
    (view,) = await queries.list_recordings(house.db, SYSTEM, limit=10)
    assert await heard(house, view.id) == VOICE


async def test_what_a_crash_left_goes_and_what_is_kept_stays(house: House) -> None:
    recording_id = await store(house)
    (kept,) = files(house)
    part = kept.with_name(f"{new_id()}-00000000.hlr.part")
    part.write_bytes(b"half")
    (kept.parent / "somebody's.txt").write_text("not ours")
    assert await recordings.sweep_files(house) == 0  # it may be an upload that goes on
    assert await recordings.sweep_files(house, orphaned=-1) == 1
    assert not part.exists()
    assert await heard(house, recording_id) == VOICE


async def test_a_file_that_is_gone_or_was_changed_is_told(house: House) -> None:
    recording_id = await store(house)
    (file,) = files(house)
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(Damaged):
        await heard(house, recording_id)
    file.unlink()
    with pytest.raises(Damaged):
        await heard(house, recording_id)


async def test_too_many_at_once_come_again(house: House) -> None:
    release = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        await release.wait()
        yield VOICE

    sending = [
        asyncio.create_task(recordings.receive(house, token(house), None, slow()))
        for _ in range(recordings.MOST_UPLOADS + 1)
    ]
    done, _ = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
    (refused,) = done
    assert isinstance(refused.exception(), Unavailable)
    release.set()
    others = [task for task in sending if task is not refused]
    assert await asyncio.gather(*others) == [True] * recordings.MOST_UPLOADS


# Quota, retention, deletion


async def test_the_oldest_make_room(house: House) -> None:
    await put_settings(house, quota_mb=10, when_full="delete_oldest")
    big = wav(tone(440, 220, 8000), 8000)  # 3.5 MB
    first, second = await store(house, big), await store(house, big)
    third = await store(house, big)
    left = [view.id for view in await queries.list_recordings(house.db, SYSTEM, limit=10)]
    assert left == [third, second]
    assert (await queries.get_recording(house.db, SYSTEM, first)).deleted_why == "room"
    assert len(files(house)) == 2


async def test_a_quota_that_is_used_up_refuses_where_the_company_wants_that(house: House) -> None:
    await put_settings(house, quota_mb=10, when_full="refuse")
    big = wav(tone(440, 220, 8000), 8000)
    await store(house, big)
    await store(house, big)
    with pytest.raises(NoRoom, match="quota"):
        await store(house, big)
    assert len(files(house)) == 2


async def test_each_kind_goes_when_its_time_is_up(house: House) -> None:
    await put_settings(house, retention_days=10, voicemail_retention_days=30)
    call, voicemail = await store(house, kind="call"), await store(house, kind="voicemail")
    later = replace(house, clock=lambda: house.clock() + timedelta(days=11))
    done = await recordings.keep_recordings(later)
    assert done.expired == 1
    assert (await queries.get_recording(house.db, SYSTEM, call)).deleted_why == "retention"
    assert await heard(house, voicemail) == VOICE
    assert len(files(house)) == 1
    assert "recording:deleted" in await audited(house)


async def test_a_shorter_retention_holds_for_what_is_kept_already(house: House) -> None:
    voicemail = await store(house)
    await put_settings(house, voicemail_retention_days=1)
    later = replace(house, clock=lambda: house.clock() + timedelta(days=2))
    assert (await recordings.keep_recordings(later)).expired == 1
    assert (await queries.get_recording(house.db, SYSTEM, voicemail)).state == "deleted"


async def test_what_was_deleted_cannot_be_heard_from_any_copy(house: House) -> None:
    recording_id = await store(house)
    (file,) = files(house)
    copy = file.read_bytes()
    key_id = await house.db.fetchval("SELECT key_id FROM recording")
    await recordings.delete_recording(house, SYSTEM, recording_id)
    assert files(house) == []
    file.write_bytes(copy)
    with pytest.raises(NotFound):
        await heard(house, recording_id)
    assert await house.db.fetchval("SELECT wrapped FROM personal_key WHERE id = $1", key_id) is None
    with pytest.raises(NotFound):
        await recordings.delete_recording(house, SYSTEM, recording_id)


async def test_a_crash_between_row_and_file_leaves_no_orphan(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    recording_id = await store(house)
    with monkeypatch.context() as patch:
        patch.setattr(recordings, "_remove", lambda _: None)
        await recordings.delete_recording(house, SYSTEM, recording_id)
    assert len(files(house)) == 1
    assert await recordings.sweep_files(house, orphaned=-1) == 1
    assert files(house) == []


# Who hears it


async def test_a_recording_that_came_first_finds_its_call(house: House) -> None:
    recording_id = await store(house)
    assert (await queries.get_recording(house.db, SYSTEM, recording_id)).call_id is None
    call_id = await arrive(house)
    assert await recordings.link_recordings(house) == 1
    assert await recordings.link_recordings(house) == 0
    assert (await queries.get_recording(house.db, SYSTEM, recording_id)).call_id == call_id
    assert [data["call_id"] for data, _ in await told(house, "recording.stored")] == [None, str(call_id)]


async def visible(house: House, viewers: Iterable[Viewer], recording_id: UUID) -> list[bool]:
    seen = []
    for viewer in viewers:
        try:
            await queries.get_recording(house.db, viewer, recording_id)
            seen.append(True)
        except (NotFound, Forbidden):
            seen.append(False)
    return seen


async def test_one_hears_the_recordings_of_calls_and_tickets_that_one_sees(house: House) -> None:
    call_id = await arrive(house)
    recording_id = await store(house)
    anna, ben = await add_user(house, "anna"), await add_user(house, "ben")
    boss, marketer = viewer_as("supervisor"), viewer_as("marketer")
    who = (anna, ben, boss, marketer)
    await house.db.execute("UPDATE ticket SET provisional = false, assignee_id = NULL")
    assert await visible(house, who, recording_id) == [True, True, True, False]  # nobody's ticket: whoever takes it
    await house.db.execute("UPDATE ticket SET assignee_id = $1", anna.user_id)
    assert await visible(house, who, recording_id) == [True, False, True, False]
    await house.db.execute("UPDATE call SET ticket_id = NULL")
    assert await visible(house, who, recording_id) == [False, False, True, False]
    await house.db.execute("UPDATE call SET user_id = $1", ben.user_id)
    assert await visible(house, who, recording_id) == [False, True, True, False]
    assert set(await queries.of_calls(house.db, ben, [call_id])) == {call_id}
    assert await queries.of_calls(house.db, anna, [call_id]) == {}


async def test_download_and_deletion_are_rights_of_their_own(house: House) -> None:
    await arrive(house)
    recording_id = await store(house)
    agent, boss, admin = viewer_as("agent"), await add_user(house, "boss", "supervisor"), viewer_as("administrator")
    with pytest.raises(Forbidden):
        await recordings.open_recording(house, agent, recording_id, download=True)
    with pytest.raises(Forbidden):
        await recordings.delete_recording(house, boss, recording_id)
    _, reader = await recordings.open_recording(house, boss, recording_id, download=True)
    reader.close()
    assert (await audited(house))[-1] == "recording:downloaded"
    await recordings.delete_recording(house, replace(admin, user_id=boss.user_id), recording_id)
    assert (await queries.get_recording(house.db, SYSTEM, recording_id)).deleted_why == "hand"


# Whole calls


async def test_calls_are_recorded_only_where_the_company_wants_it(house: House) -> None:
    assert await recordings.begin(house, "main", UNIQUEID, "zh") is None
    await put_settings(house, record_calls=True, announcement={"en": "We record."})
    asked = await recordings.begin(house, "main", UNIQUEID, "zh")
    assert asked is not None
    assert asked.announcement is not None
    assert asked.announcement.texts == {"en": "We record.", "zh": recordings.ANNOUNCEMENT["zh"]}
    await put_settings(house, record_calls=True, announce=False)
    asked = await recordings.begin(house, "main", UNIQUEID, "zh")
    assert asked is not None
    assert asked.announcement is None


async def test_a_call_shows_that_it_is_recorded_until_it_ends(house: House) -> None:
    call_id = await arrive(house)
    before = len(await told(house, "call.updated"))
    assert not await recordings.note_recording(house, "main", ["another"], "on")
    for state in ("on", "on", "paused"):
        assert await recordings.note_recording(house, "main", [UNIQUEID], state)
    assert await house.db.fetchval("SELECT recording FROM call WHERE id = $1", call_id) == "paused"
    assert len(await told(house, "call.updated")) == before + 2
    await calls.apply(house, "main", [CallEnded(call_id, NOW, "abandoned", 16, True)])
    assert (await get_call(house.db, house.keyring, SYSTEM, call_id)).recording is None


async def test_errors_have_the_statuses_that_the_upload_script_acts_on() -> None:
    kinds = (uploads.Forged, uploads.Expired, recordings.TooLong, NotSound, Unavailable, NoRoom)
    assert [kind.status for kind in kinds] == [403, 410, 413, 422, 503, 507]
