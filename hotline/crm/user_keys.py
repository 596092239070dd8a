"""The personal key of a user: what is kept about a colleague is sealed as what is kept about a customer."""

from __future__ import annotations

from uuid import UUID

from hotline.crm.keys import PersonalKey
from hotline.crm.personal_keys import create_personal_key, load_personal_key
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import NotFound


async def key_of_user(uow: UnitOfWork, user_id: UUID) -> PersonalKey:
    """The user's key, made when first needed. The row is locked. Raises NotFound."""
    row = await uow.fetchrow("SELECT key_id FROM users WHERE id = $1 FOR UPDATE", user_id)
    if row is None:
        raise NotFound()
    key = await load_personal_key(uow, uow.keyring, row["key_id"]) if row["key_id"] else None
    if key is None:
        key = await create_personal_key(uow)
        await uow.execute("UPDATE users SET key_id = $2 WHERE id = $1", user_id, key.id)
    return key


def sealed(uow: UnitOfWork, key: PersonalKey, column: str, user_id: UUID, text: str | None) -> bytes | None:
    """``text`` sealed for a column of the user's row; None stays None."""
    return None if text is None else uow.keyring.encrypt(key, "users", column, user_id, text)
