"""The house for commands that work beside a running service or on a database of another version: nothing is migrated,
nobody is told over a bus."""

from __future__ import annotations

from collections.abc import Sequence

from hotline.bus import MemoryBus
from hotline.crm.backup.records import has_records
from hotline.crm.database import Database
from hotline.crm.personal_keys import master_secrets, open_keyring
from hotline.errors import SettingError
from hotline.settings import Settings
from hotline.workflows.house import House


async def open_records(settings: Settings) -> Database:
    """The database of the settings, whatever its schema is."""
    return await Database.open(
        settings.database_url.get_secret_value(), data_dir=settings.data_dir, check=False, pool_size=2
    )


async def quiet_house(settings: Settings, secrets: Sequence[str] = ()) -> House:
    """The house with the master keys of the settings, or with ``secrets``. Raises SettingError without records."""
    db = await open_records(settings)
    try:
        if not await has_records(db):
            raise SettingError("HOTLINE_DATABASE_URL: this database has no records of hotline yet")
        configured = [secret.get_secret_value() for secret in settings.secret_key]
        keyring = await open_keyring(db, list(secrets) or master_secrets(configured, settings.data_dir))
    except BaseException:
        await db.close()
        raise
    return House(db=db, bus=MemoryBus(), keyring=keyring, settings=settings)
