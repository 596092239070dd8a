"""PBXs that an administrator entered at the desk: kept sealed, read by whoever listens to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hotline.crm.database import Reader
from hotline.crm.keys import Keyring
from hotline.crm.personal_keys import create_personal_key, destroy_personal_key, load_personal_keys
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import NotFound
from hotline.events import permission_mark

_PLACE = ("stored_pbx", "address_cipher")


async def keep_pbx(uow: UnitOfWork, name: str, address: Mapping[str, Any]) -> None:
    """Keep a PBX's address, or a new one under the same name."""
    await drop_key(uow, name)
    pbx_id, key = uow.new_id(), await create_personal_key(uow)
    await uow.execute(
        """INSERT INTO stored_pbx (id, name, key_id, address_cipher, created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $5)""",
        *(pbx_id, name, key.id, uow.keyring.encrypt(key, *_PLACE, pbx_id, json.dumps(dict(address))), uow.now),
    )
    uow.audit("pbx:kept", None, pbx=name)
    uow.emit("settings.changed", [permission_mark("settings.read")], section="pbxs")


async def drop_pbx(uow: UnitOfWork, name: str) -> None:
    """Forget a PBX that was entered at the desk. Raises NotFound."""
    if not await drop_key(uow, name):
        raise NotFound()
    uow.audit("pbx:dropped", None, pbx=name)
    uow.emit("settings.changed", [permission_mark("settings.read")], section="pbxs")


async def drop_key(uow: UnitOfWork, name: str) -> bool:
    """Delete a PBX and the key under which its secret was sealed; whether there was one."""
    key_id = await uow.fetchval("DELETE FROM stored_pbx WHERE name = $1 RETURNING key_id", name)
    if key_id is None:
        return False
    await destroy_personal_key(uow, key_id)
    return True


async def read_pbxs(db: Reader, keyring: Keyring) -> dict[str, dict[str, Any]]:
    """Every PBX that was entered at the desk: name → address."""
    rows = await db.fetch("SELECT id, name, key_id, address_cipher FROM stored_pbx ORDER BY name")
    keys = await load_personal_keys(db, keyring, [row["key_id"] for row in rows]) if rows else {}
    return {
        row["name"]: json.loads(keyring.decrypt(keys[row["key_id"]], *_PLACE, row["id"], row["address_cipher"]))
        for row in rows
        if row["key_id"] in keys
    }
