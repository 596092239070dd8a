"""Personal keys in the database: kept, destroyed, and wrapped anew when the master key is rotated."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
from pydantic import SecretStr

from hotline.crm.keys import Keyring, PersonalKey, WrongKey
from hotline.crm.personal_keys import (
    KEY_FILE,
    create_personal_key,
    destroy_personal_key,
    load_personal_key,
    load_personal_keys,
    master_secrets,
    open_keyring,
    rewrap,
)
from hotline.crm.viewer import SYSTEM
from hotline.errors import SettingError
from hotline.ids import new_id
from hotline.workflows.house import House, migrate_database
from tests.conftest import SECRET

NEW = "the secret after the rotation"


async def create(house: House) -> PersonalKey:
    async with house.unit(SYSTEM) as uow:
        return await create_personal_key(uow)


async def test_a_key_is_kept_wrapped(house: House) -> None:
    key = await create(house)
    assert await load_personal_key(house.db, house.keyring, key.id) == key
    stored = await house.db.fetchval("SELECT wrapped FROM personal_key")
    assert key.secret not in stored


async def test_many_keys_come_in_one_read(house: House) -> None:
    keys = [await create(house) for _ in range(3)]
    found = await load_personal_keys(house.db, house.keyring, [keys[0].id, keys[2].id, keys[2].id, new_id()])
    assert found == {key.id: key for key in (keys[0], keys[2])}


async def test_a_destroyed_key_is_gone_for_good(house: House) -> None:
    key, other = await create(house), await create(house)
    async with house.unit(SYSTEM) as uow:
        await destroy_personal_key(uow, key.id)
    assert await load_personal_key(house.db, house.keyring, key.id) is None
    assert await load_personal_key(house.db, house.keyring, other.id) == other
    row = await house.db.fetchrow("SELECT wrapped, destroyed_at FROM personal_key WHERE id = $1", key.id)
    assert row is not None
    assert row["wrapped"] is None
    assert row["destroyed_at"] is not None
    assert await house.db.fetchval("SELECT action FROM audit_entry WHERE subject_id = $1", key.id) is not None


async def test_rotation_wraps_every_key_anew_and_the_old_secret_may_go(house: House) -> None:
    keys = [await create(house) for _ in range(7)]
    async with house.unit(SYSTEM) as uow:
        await destroy_personal_key(uow, keys[0].id)
    index = house.keyring.blind_index("phone", "+4930123456")

    both = await open_keyring(house.db, [NEW, SECRET])
    assert await load_personal_key(house.db, both, keys[1].id) == keys[1], "while rotating all of it reads"
    assert await rewrap(house.db, both, [NEW, SECRET], batch=2) == 6
    assert await rewrap(house.db, both, [NEW, SECRET], batch=2) == 0

    rotated = await open_keyring(house.db, [NEW])
    assert await load_personal_keys(house.db, rotated, [key.id for key in keys]) == {key.id: key for key in keys[1:]}
    assert rotated.blind_index("phone", "+4930123456") == index, "customers are still found"
    with pytest.raises(SettingError, match="HOTLINE_SECRET_KEY"):
        await open_keyring(house.db, [SECRET])


async def test_the_command_that_migrates_also_rotates(house: House) -> None:
    keys = [await create(house) for _ in range(3)]
    settings = house.settings.model_copy(update={"secret_key": (SecretStr(NEW), SecretStr(SECRET))})
    assert await migrate_database(settings) == ([], 3)
    rotated = await open_keyring(house.db, [NEW])
    assert len(await load_personal_keys(house.db, rotated, [key.id for key in keys])) == 3


async def test_dropping_the_old_secret_too_early_is_refused_at_the_start(house: House) -> None:
    await create(house)
    with pytest.raises(SettingError, match="HOTLINE_SECRET_KEY"):
        await open_keyring(house.db, [NEW])


async def test_a_key_under_a_secret_that_is_gone_says_so(house: House) -> None:
    key = await create(house)
    with pytest.raises(WrongKey, match="HOTLINE_SECRET_KEY"):
        await load_personal_key(house.db, Keyring([NEW], bytes(32)), key.id)


# The secret that is made at the first start


def test_the_setting_is_taken_as_it_is(tmp_path: Path) -> None:
    assert master_secrets(["one", "two"], tmp_path) == ["one", "two"]
    assert list(tmp_path.iterdir()) == []


def test_without_a_setting_a_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    [first] = master_secrets([], folder)
    assert len(first) >= 32
    assert master_secrets([], folder) == [first]
    assert stat.S_IMODE((folder / KEY_FILE).stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == [KEY_FILE]


def test_processes_that_start_together_get_one_secret(tmp_path: Path) -> None:
    found: list[str] = []
    start = threading.Barrier(8)

    def one() -> None:
        start.wait()
        found.extend(master_secrets([], tmp_path))

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    master_secrets([], tmp_path)
    (tmp_path / KEY_FILE).chmod(0o644)
    with pytest.raises(SettingError, match="chmod 600"):
        master_secrets([], tmp_path)


def test_an_emptied_secret_is_not_replaced(tmp_path: Path) -> None:
    master_secrets([], tmp_path)
    (tmp_path / KEY_FILE).write_text("")
    with pytest.raises(SettingError, match="empty"):
        master_secrets([], tmp_path)
