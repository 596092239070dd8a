"""Backups on a real PostgreSQL and a real disk: everything is destroyed and put back, the key ring included; what is
cut, altered, newer or not ours is refused before anything is touched."""

from __future__ import annotations

import asyncio
import errno
import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from bench import blast
from hotline.crm import migrate
from hotline.crm.backup.backup_keys import BackupKey, WrongBackupKey, new_recovery_key, read_key
from hotline.crm.backup.records import InUse, NewerBackup
from hotline.crm.backup.sealed_stream import DamagedBackup, NoBackup
from hotline.crm.embedded import EmbeddedPostgres
from hotline.crm.queries.conversations.messages import get_message
from hotline.crm.queries.customers.customers import get_customer, lookup
from hotline.crm.viewer import SYSTEM
from hotline.errors import Conflict, NotFound, SettingError
from hotline.settings import Settings, load_settings
from hotline.workflows.calls import recordings
from hotline.workflows.company.senders import create_sender
from hotline.workflows.conversations.replies import NewConversation, NewReply, begin, send
from hotline.workflows.customers.customer_input import ContactPointInput
from hotline.workflows.customers.customers import create_customer, write_note
from hotline.workflows.customers.erasure import erase
from hotline.workflows.house import open_house
from hotline.workflows.upkeep.audit import seal_audit, verify_audit
from hotline.workflows.upkeep.backup import BackupExists, NoRoomForBackup, make_backup
from hotline.workflows.upkeep.backup_rotation import Keep
from hotline.workflows.upkeep.restore import restore_backup
from tests.databases import create_database, drop_database
from tests.integration.people import add_user
from tests.integration.test_recordings import VOICE, arrive, heard, store
from tests.schema import contents as rows_of

PHONE = "+8613800138000"
RECOVERY = read_key(new_recovery_key())


def settings_at(url: str, folder: Path, secret: str = "") -> Settings:
    """An installation of its own, with its key in its folder unless one is given."""
    given = {"HOTLINE_DATABASE_URL": url, "HOTLINE_DATA_DIR": str(folder)}
    return load_settings(given | ({"HOTLINE_SECRET_KEY": secret} if secret else {}), env_file=None)


@pytest.fixture
def old(db_url: str, tmp_path: Path) -> Settings:
    """The installation that is backed up, and lost."""
    return settings_at(db_url, tmp_path / "old")


@pytest.fixture
async def fresh(postgres: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Settings]:
    """Another machine: an empty database, an empty folder."""
    name = f"fresh_{uuid4().hex}"
    yield settings_at(await create_database(postgres, name), tmp_path / "fresh")
    await drop_database(postgres, name)


@pytest.fixture
async def alone(postgres: EmbeddedPostgres, template: str, tmp_path: Path) -> AsyncIterator[Settings]:
    """An installation whose database nobody else is connected to."""
    name = f"alone_{uuid4().hex}"
    yield settings_at(await create_database(postgres, name, template), tmp_path / "alone")
    await drop_database(postgres, name)


async def lived_in(settings: Settings) -> tuple[UUID, UUID]:
    """Somebody worked here: a customer who called, a note, a recording, a file, users; (customer, recording)."""
    settings.data_dir.mkdir(mode=0o700, exist_ok=True)
    house = await open_house(settings)
    try:
        await add_user(house, "anna")
        customer = await create_customer(
            house,
            SYSTEM,
            {"kind": "person", "name": "Ada Lovelace", "contact_points": [{"kind": "phone", "value": PHONE}]},
        )
        call_id = await arrive(house)
        recording_id = await store(house)
        await write_note(house, SYSTEM, uuid4(), "She asked for a quiet room.", customer.id, call_id)
        prompts = settings.data_dir / "prompts"
        prompts.mkdir(exist_ok=True)
        (prompts / "0f.wav").write_bytes(b"RIFF and so on")
        (prompts / ".draft.wav").write_bytes(b"unfinished")
        await seal_audit(house)
        return customer.id, recording_id
    finally:
        await house.close()


async def snapshot(url: str) -> dict[str, list[str]]:
    connection = await asyncpg.connect(url)
    try:
        found = await rows_of(connection)
        return {name: rows for name, rows in found.items() if name not in ("audit_entry", "audit_seal", "outbox")}
    finally:
        await connection.close()


def url_of(settings: Settings) -> str:
    return settings.database_url.get_secret_value()


async def sees_everything(settings: Settings, customer_id: UUID, recording_id: UUID, *, more: bool = False) -> None:
    """The customer, their number, their recording, the trail; numbers go on where they stood. ``more``: others came."""
    house = await open_house(settings)
    try:
        customer = await get_customer(house.db, house.keyring, SYSTEM, customer_id)
        assert (customer.name, [point.value for point in customer.contact_points]) == ("Ada Lovelace", [PHONE])
        found = await lookup(house.db, house.keyring, SYSTEM, PHONE, region="CN")
        assert [each.id for each in found] == [customer_id]
        assert await heard(house, recording_id) == VOICE
        assert (await verify_audit(house, SYSTEM)).findings == []
        assert await house.db.fetchval("SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D'") == 0
        again = await create_customer(house, SYSTEM, {"kind": "person", "name": "Grace Hopper"})
        assert again.number > customer.number if more else again.number == customer.number + 1
    finally:
        await house.close()


# Destroyed and restored


async def test_everything_is_destroyed_and_put_back_with_its_key_ring(
    old: Settings, fresh: Settings, tmp_path: Path
) -> None:
    customer_id, recording_id = await lived_in(old)
    before = await snapshot(url_of(old))
    secret = (old.data_dir / "secret.key").read_text()
    made = await make_backup(old, tmp_path / "night.hlbackup", RECOVERY)
    assert made.bytes == made.path.stat().st_size
    assert made.path.stat().st_mode & 0o777 == 0o600
    whole = made.path.read_bytes()
    for plain in (b"Ada Lovelace", PHONE.encode(), secret.strip().encode(), b"anna", b"RIFF"):
        assert plain not in whole

    connection = await asyncpg.connect(url_of(old))
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await connection.close()
    await asyncio.to_thread(_remove, old.data_dir)

    # Nobody is erased by a list that somebody else wrote.
    forged = {"customer": str(customer_id), "at": "2026-01-01T00:00:00+00:00", "master": "00", "mac": "00" * 32}
    (tmp_path / "erasures.jsonl").write_text(json.dumps(forged) + "\nnot even that\n")

    done = await restore_backup(fresh, made.path, RECOVERY)
    assert (done.rows, done.files, done.steps, done.erased) == (made.rows, made.files, (), 0)
    after = await snapshot(url_of(fresh))
    assert {name: rows for name, rows in after.items() if name != "lease"} == {
        name: rows for name, rows in before.items() if name != "lease"
    }
    assert (fresh.data_dir / "secret.key").read_text() == secret
    assert (fresh.data_dir / "secret.key").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in (fresh.data_dir / "prompts").iterdir()) == ["0f.wav"]
    modes = {path.stat().st_mode & 0o777 for path in fresh.data_dir.rglob("*") if path.is_dir()}
    assert modes == {0o700}
    await sees_everything(fresh, customer_id, recording_id)


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder)


async def test_a_backup_of_a_running_hotline_is_of_one_moment_and_another_key_takes_over(
    old: Settings, fresh: Settings, tmp_path: Path
) -> None:
    """Customers come in all the time: each is there with its key and contact point, or not at all. The new
    installation has a master key of its own."""
    customer_id, recording_id = await lived_in(old)
    house = await open_house(old)
    enough = asyncio.Event()
    points: list[ContactPointInput] = [{"kind": "email", "value": "a@b.example"}]

    async def work() -> None:
        while not enough.is_set():
            await create_customer(house, SYSTEM, {"kind": "person", "name": "One More", "contact_points": points})

    working = [asyncio.create_task(work()) for _ in range(3)]
    try:
        await make_backup(old, tmp_path / "busy.hlbackup", RECOVERY)
    finally:
        enough.set()
        await asyncio.gather(*working)
        await house.close()
    own = "another secret that is long enough"
    target = settings_at(url_of(fresh), fresh.data_dir, own)
    done = await restore_backup(target, tmp_path / "busy.hlbackup", RECOVERY)  # foreign keys are made again: rows fit
    connection = await asyncpg.connect(url_of(fresh))
    counts = await connection.fetchrow("SELECT (SELECT count(*) FROM customer), (SELECT count(*) FROM contact_point)")
    masters = await connection.fetch("SELECT DISTINCT master FROM personal_key WHERE wrapped IS NOT NULL")
    await connection.close()
    assert counts[0] == counts[1] > 0
    assert len(masters) == 1
    secret = (old.data_dir / "secret.key").read_text().strip()
    assert done.kept_key is not None
    assert done.kept_key.read_text().strip() == secret
    assert not (target.data_dir / "secret.key").exists()
    await sees_everything(
        settings_at(url_of(fresh), fresh.data_dir, f"{own},{secret}"), customer_id, recording_id, more=True
    )


async def test_who_was_erased_after_the_backup_stays_erased(
    old: Settings, fresh: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also on another machine: the next backup leaves the list beside the older one. And though the power goes in the
    middle of the restore: then nothing starts until it was done again."""
    customer_id, recording_id = await lived_in(old)
    first = (await make_backup(old, tmp_path / "monday.hlbackup", RECOVERY)).path
    house = await open_house(old)
    try:
        await house.db.execute("UPDATE call SET ended_at = now(), state = 'ended'")
        await erase(house, SYSTEM, customer_id, reason="request", confirm="C10001")
    finally:
        await house.close()
    await make_backup(old, tmp_path / "tuesday.hlbackup", RECOVERY)

    def power_goes(_: object) -> None:
        raise RuntimeError("the power went")

    monkeypatch.setattr("hotline.workflows.upkeep.restore._swap", power_goes)
    with pytest.raises(RuntimeError, match="the power went"):
        await restore_backup(fresh, first, RECOVERY)
    monkeypatch.undo()
    with pytest.raises(SettingError, match="a restore was cut off"):
        await open_house(fresh)
    done = await restore_backup(fresh, first, RECOVERY)
    assert done.erased == 1
    house = await open_house(fresh)
    try:
        customer = await get_customer(house.db, house.keyring, SYSTEM, customer_id)
        assert (customer.erased, customer.name, customer.contact_points) == (True, "", ())
        assert await lookup(house.db, house.keyring, SYSTEM, PHONE, region="CN") == []
        with pytest.raises(NotFound):
            await heard(house, recording_id)
        assert [path for path in recordings.folder(house).rglob("*") if path.is_file()] == []
        lines = (fresh.data_dir / "erasures.jsonl").read_text()
        assert str(customer_id) in lines
    finally:
        await house.close()


async def test_what_waited_to_leave_then_is_not_sent_again(old: Settings, fresh: Settings, tmp_path: Path) -> None:
    await lived_in(old)
    house = await open_house(old)
    try:
        await create_sender(house, SYSTEM, {"channel": "sms", "address": "+14155550100"})
        talk = await begin(house, SYSTEM, NewConversation("sms", address=PHONE))
        waited = await send(house, SYSTEM, talk, NewReply("We call you at three."))
    finally:
        await house.close()
    made = (await make_backup(old, tmp_path / "night.hlbackup", RECOVERY)).path
    await restore_backup(fresh, made, RECOVERY)
    house = await open_house(fresh)
    try:
        found = await get_message(house.db, house.keyring, SYSTEM, waited.id)
        assert (found.state, found.body) == ("unknown", "We call you at three.")
        assert (await verify_audit(house, SYSTEM)).findings == []
    finally:
        await house.close()


async def test_no_campaign_goes_on_by_itself_from_where_it_was_then(
    old: Settings, fresh: Settings, tmp_path: Path
) -> None:
    """What it has sent since the backup would leave a second time."""
    await lived_in(old)
    house = await open_house(old)
    try:
        await blast.people(house, 2)
        running = await blast.campaign(house, "sms", blast.text_content(), most=2)
        over = await blast.campaign(house, "sms", blast.text_content(), state="completed", release=False)
        await house.db.execute(
            "UPDATE delivery SET due_at = now() + interval '1 day' WHERE id IN (SELECT id FROM delivery LIMIT 1)"
        )
    finally:
        await house.close()
    made = (await make_backup(old, tmp_path / "night.hlbackup", RECOVERY)).path
    await restore_backup(fresh, made, RECOVERY)
    house = await open_house(fresh)
    try:
        rows = await house.db.fetch("SELECT id, state, state_reason FROM campaign")
        assert {row["id"]: (row["state"], row["state_reason"]) for row in rows} == {
            running: ("paused", "restored"), over: ("completed", None),
        }  # fmt: skip
        assert await blast.states(house, running) == {"unknown": 1, "queued": 1}
    finally:
        await house.close()


# Bad days


async def test_a_full_disk_leaves_no_backup_and_keeps_the_older_ones(
    old: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lived_in(old)
    folder = tmp_path / "backups"
    folder.mkdir()
    first = (await make_backup(old, folder, RECOVERY)).path

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("hotline.crm.backup.sealed_stream.SealedOut.finish", full)
    with pytest.raises(NoRoomForBackup):
        await make_backup(old, folder / "second.hlbackup", RECOVERY, keep=Keep(last=1))
    assert sorted(path.name for path in folder.iterdir()) == sorted(["erasures.jsonl", first.name][-1:])
    monkeypatch.undo()
    with pytest.raises(BackupExists):
        await make_backup(old, first, RECOVERY)


# Refused before anything is touched


async def test_what_is_cut_altered_or_not_ours_is_refused_and_nothing_is_touched(
    old: Settings, fresh: Settings, tmp_path: Path
) -> None:
    await lived_in(old)
    path = (await make_backup(old, tmp_path / "one.hlbackup", RECOVERY)).path
    good = path.read_bytes()
    other = read_key(new_recovery_key())
    passphrase = BackupKey(passphrase="correct horse battery staple")
    bad = tmp_path / "bad.hlbackup"
    half = len(good) // 2
    cases: list[tuple[bytes, BackupKey, type[Exception]]] = [
        (good[:half], RECOVERY, DamagedBackup),
        (good[:-1], RECOVERY, DamagedBackup),
        (good + b"x", RECOVERY, DamagedBackup),
        (good[:half] + bytes([good[half] ^ 1]) + good[half + 1 :], RECOVERY, DamagedBackup),
        (good[:-9] + bytes([good[-9] ^ 128]) + good[-8:], RECOVERY, DamagedBackup),
        (good[:40] + bytes([good[40] ^ 1]) + good[41:], RECOVERY, (WrongBackupKey, DamagedBackup)),  # type: ignore[list-item]
        (good, other, WrongBackupKey),
        (good, passphrase, WrongBackupKey),
        (good[:12], RECOVERY, DamagedBackup),
        (b"", RECOVERY, NoBackup),
        (b"PK\x03\x04" + good, RECOVERY, NoBackup),
    ]
    for data, key, refusal in cases:
        bad.write_bytes(data)
        with pytest.raises(refusal):
            await restore_backup(fresh, bad, key, replace=True)
    assert not fresh.data_dir.exists()
    connection = await asyncpg.connect(url_of(fresh))
    assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    await connection.close()


async def test_an_installation_with_somebody_in_it_is_replaced_only_on_demand(alone: Settings, tmp_path: Path) -> None:
    customer_id, recording_id = await lived_in(alone)
    path = (await make_backup(alone, tmp_path / "one.hlbackup", RECOVERY)).path
    house = await open_house(alone)
    later = await create_customer(house, SYSTEM, {"kind": "person", "name": "Later"})
    with pytest.raises(InUse):
        await restore_backup(alone, path, RECOVERY, replace=True)
    stray = recordings.folder(house) / "2026-01" / "stray.hlr"
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"what the backup does not know")
    await house.close()
    with pytest.raises(Conflict, match="not empty"):
        await restore_backup(alone, path, RECOVERY)
    await restore_backup(alone, path, RECOVERY, replace=True)
    assert not stray.exists()
    connection = await asyncpg.connect(url_of(alone))
    assert await connection.fetchval("SELECT count(*) FROM customer WHERE id = $1", later.id) == 0
    assert await connection.fetchval("SELECT count(*) FROM session") == 0
    actions = [row["action"] for row in await connection.fetch("SELECT action FROM audit_entry ORDER BY id")]
    await connection.close()
    assert actions[-1] == "backup:restored"
    await sees_everything(alone, customer_id, recording_id)


# Versions


async def test_a_newer_version_migrates_what_an_older_one_backed_up(
    postgres: EmbeddedPostgres, fresh: Settings, tmp_path: Path
) -> None:
    step = migrate.known_steps()[6]  # the last one of the first release
    from hotline.crm.database import Database
    from tests.schema import populate

    name = f"aged_{uuid4().hex}"
    aged = settings_at(await create_database(postgres, name), tmp_path / "aged")
    aged.data_dir.mkdir()
    try:
        db = await Database.open(url_of(aged), data_dir=aged.data_dir, check=False)
        await migrate.migrate(db, upto=step)
        await db.close()
        connection = await asyncpg.connect(url_of(aged))
        await populate(connection)
        await connection.execute("DELETE FROM shared_key")
        await connection.close()
        (aged.data_dir / "secret.key").write_text("the secret of an old version, long\n")
        (aged.data_dir / "secret.key").chmod(0o600)
        made = await make_backup(aged, tmp_path / "old.hlbackup", RECOVERY)
        done = await restore_backup(fresh, made.path, RECOVERY)
    finally:
        await drop_database(postgres, name)
    assert list(done.steps) == [each for each in migrate.known_steps() if each > step]
    connection = await asyncpg.connect(url_of(fresh))
    assert await connection.fetchval("SELECT count(*) FROM customer") > 0
    await connection.close()
    await (await open_house(fresh)).close()


async def test_an_older_version_refuses_a_newer_backup(
    old: Settings, fresh: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lived_in(old)
    path = (await make_backup(old, tmp_path / "one.hlbackup", RECOVERY)).path
    older = migrate.known_steps()[:-1]
    monkeypatch.setattr(migrate, "known_steps", lambda: older)
    with pytest.raises(NewerBackup, match="made by a newer hotline"):
        await restore_backup(fresh, path, RECOVERY)
    assert not fresh.data_dir.exists()
