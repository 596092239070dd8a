"""Where keys are kept: personal keys wrapped by the master key, and the master key's file when no setting gives one."""

from __future__ import annotations

import os
import secrets as randomness
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog

from hotline.crm.database import Database, Reader
from hotline.crm.keys import Keyring, PersonalKey, Wrapped, unwrap_with, wrap_with
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import SettingError

log = structlog.get_logger(__name__)

KEY_FILE: Final = "secret.key"
_INDEX: Final = "index"


async def create_personal_key(uow: UnitOfWork) -> PersonalKey:
    """A fresh key for one person, stored in this unit of work."""
    key, wrapped = uow.keyring.new_personal_key(uow.new_id())
    await keep_personal_key(uow, key, wrapped)
    return key


async def keep_personal_key(uow: UnitOfWork, key: PersonalKey, wrapped: Wrapped) -> None:
    """Store a key that was made before this unit of work, for what was sealed meanwhile."""
    await uow.execute(
        "INSERT INTO personal_key (id, wrapped, master, created_at) VALUES ($1, $2, $3, $4)",
        key.id, wrapped.sealed, wrapped.master, uow.now,
    )  # fmt: skip


async def load_personal_keys(db: Reader, keyring: Keyring, key_ids: Iterable[UUID]) -> dict[UUID, PersonalKey]:
    """The keys by id; destroyed ones are left out."""
    rows = await db.fetch(
        "SELECT id, wrapped, master FROM personal_key WHERE id = ANY($1::uuid[]) AND wrapped IS NOT NULL",
        list(set(key_ids)),
    )
    return {row["id"]: keyring.unwrap(row["id"], Wrapped(row["master"], row["wrapped"])) for row in rows}


async def load_personal_key(db: Reader, keyring: Keyring, key_id: UUID) -> PersonalKey | None:
    """One key, or None when it was destroyed."""
    return (await load_personal_keys(db, keyring, [key_id])).get(key_id)


async def destroy_personal_key(uow: UnitOfWork, key_id: UUID) -> None:
    """Erase for good: nothing sealed by this key opens again."""
    await uow.execute(
        "UPDATE personal_key SET wrapped = NULL, destroyed_at = $2 WHERE id = $1 AND wrapped IS NOT NULL",
        key_id,
        uow.now,
    )
    uow.audit("personal_key:destroyed", key_id)


async def rewrap(db: Database, keyring: Keyring, secrets: Sequence[str], *, batch: int = 500) -> int:
    """Wrap by the current master key whatever an older one still wraps, and answer how many keys that were.

    After it, the old secret may leave the setting. It may be interrupted and run again.
    """
    changed = 0
    last = UUID(int=0)
    while True:
        async with db.transaction() as client:
            connection = client._connection
            rows = await connection.fetch(
                """SELECT id, wrapped, master FROM personal_key
                   WHERE id > $1 AND wrapped IS NOT NULL AND master <> $2 ORDER BY id LIMIT $3 FOR UPDATE""",
                last,
                keyring.master, batch,
            )  # fmt: skip
            for row in rows:
                wrapped = keyring.wrap(keyring.unwrap(row["id"], Wrapped(row["master"], row["wrapped"])))
                await connection.execute(
                    "UPDATE personal_key SET wrapped = $2, master = $3 WHERE id = $1",
                    row["id"], wrapped.sealed, wrapped.master,
                )  # fmt: skip
            if not rows:
                index = await connection.fetchrow("SELECT wrapped, master FROM shared_key WHERE name = $1", _INDEX)
                key = unwrap_with(secrets, _INDEX, Wrapped(index["master"], index["wrapped"]))
                again = wrap_with(secrets[0], _INDEX, key)
                await connection.execute(
                    "UPDATE shared_key SET wrapped = $2, master = $3 WHERE name = $1",
                    _INDEX,
                    again.sealed,
                    again.master,
                )
                return changed
        changed += len(rows)
        last = rows[-1]["id"]


async def open_keyring(db: Database, secrets: Sequence[str]) -> Keyring:
    """The keyring of this database. SettingError when it was made with another master key."""
    if not secrets:
        raise SettingError("HOTLINE_SECRET_KEY: a key is needed")
    fresh = wrap_with(secrets[0], _INDEX, randomness.token_bytes(32))
    await db.execute(
        "INSERT INTO shared_key (name, wrapped, master) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
        _INDEX, fresh.sealed, fresh.master,
    )  # fmt: skip
    row = await db.fetchrow("SELECT wrapped, master FROM shared_key WHERE name = $1", _INDEX)
    if row is None:
        raise SettingError("The database has lost its index key; restore it from a backup")
    return Keyring(secrets, unwrap_with(secrets, _INDEX, Wrapped(row["master"], row["wrapped"])))


def master_secrets(configured: Sequence[str], data_dir: Path) -> list[str]:
    """The master secrets of the setting, or the one kept in ``data_dir``, made at the first start (mode 0600). Raises
    SettingError."""
    if configured:
        return list(configured)
    try:
        return [_kept_secret(data_dir)]
    except OSError as error:
        raise SettingError(f"HOTLINE_DATA_DIR: {data_dir} cannot be used ({error.strerror})") from error


def _kept_secret(data_dir: Path) -> str:
    path = data_dir / KEY_FILE
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    data_dir.mkdir(parents=True, exist_ok=True)
    mine = data_dir / f".{KEY_FILE}.{os.getpid()}.{randomness.token_hex(4)}"
    descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(randomness.token_urlsafe(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        # link() fails when another process was first, so that all processes read one key, whole.
        with suppress(FileExistsError):
            os.link(mine, path)
            log.warning(
                "secret_key.made",
                file=str(path),
                advice="keep a copy of it: without it personal data cannot be read",
            )
    finally:
        mine.unlink()
    return _read(path)


def _read(path: Path) -> str:
    if path.stat().st_mode & 0o077:
        raise SettingError(f"{path} can be read by others: chmod 600 it, and consider the key known")
    secret = path.read_text().strip()
    if not secret:
        raise SettingError(f"{path} is empty; restore the key from your copy")
    return secret
