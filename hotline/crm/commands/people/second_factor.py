"""A user's second factor: the secret of their authenticator app, sealed under their own key, and recovery codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hotline.crm.personal_keys import load_personal_key
from hotline.crm.second_factors import recovery_mark, step_of
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.user_keys import key_of_user, sealed
from hotline.errors import NotFound

_PENDING: Final = "totp_pending_cipher"
_KEPT: Final = "totp_cipher"


@dataclass(frozen=True, slots=True)
class Factor:
    """A user's second factor as a unit of work finds it; locked until the unit ends."""

    user_id: UUID
    secret: str | None
    pending: str | None
    since: datetime | None
    step: int


async def lock_factor(uow: UnitOfWork, user_id: UUID) -> Factor:
    """The second factor to be looked at or changed. Raises NotFound."""
    row = await uow.fetchrow(
        """SELECT key_id, totp_cipher, totp_pending_cipher, totp_since, totp_step FROM users
           WHERE id = $1 FOR UPDATE""",
        user_id,
    )
    if row is None:
        raise NotFound()
    key = await load_personal_key(uow, uow.keyring, row["key_id"]) if row["key_id"] else None

    def opened(column: str) -> str | None:
        cipher = row[column]
        return None if cipher is None or key is None else uow.keyring.decrypt(key, "users", column, user_id, cipher)

    return Factor(user_id, opened(_KEPT), opened(_PENDING), row["totp_since"], row["totp_step"])


async def keep_pending(uow: UnitOfWork, user_id: UUID, secret: str) -> None:
    """Keep a secret that is not proved yet; one that was begun before is forgotten."""
    key = await key_of_user(uow, user_id)
    await uow.execute(
        "UPDATE users SET totp_pending_cipher = $2 WHERE id = $1", user_id, sealed(uow, key, _PENDING, user_id, secret)
    )


async def forget_pending(uow: UnitOfWork, user_id: UUID) -> None:
    """Forget a secret that was not proved."""
    await uow.execute("UPDATE users SET totp_pending_cipher = NULL WHERE id = $1", user_id)


async def turn_on(uow: UnitOfWork, factor: Factor, step: int, codes: Sequence[str]) -> None:
    """The pending secret was proved by the code of ``step``: from now on it is asked for. Old recovery codes end."""
    assert factor.pending is not None
    key = await key_of_user(uow, factor.user_id)
    await uow.execute(
        """UPDATE users SET totp_cipher = $2, totp_pending_cipher = NULL, totp_since = $3, totp_step = $4
           WHERE id = $1""",
        *(factor.user_id, sealed(uow, key, _KEPT, factor.user_id, factor.pending), uow.now, step),
    )
    await replace_recovery_codes(uow, factor.user_id, codes)
    uow.audit("second_factor:turned_on", factor.user_id)


async def turn_off(uow: UnitOfWork, user_id: UUID) -> None:
    """Forget the second factor and its recovery codes."""
    await uow.execute(
        """UPDATE users SET totp_cipher = NULL, totp_pending_cipher = NULL, totp_since = NULL, totp_step = 0
           WHERE id = $1""",
        user_id,
    )
    await uow.execute("DELETE FROM recovery_code WHERE user_id = $1", user_id)
    uow.audit("second_factor:turned_off", user_id)


async def replace_recovery_codes(uow: UnitOfWork, user_id: UUID, codes: Sequence[str]) -> None:
    """Keep the marks of new recovery codes; the old ones end."""
    marks = [mark for code in codes if (mark := recovery_mark(uow.keyring, user_id, code)) is not None]
    await uow.execute("DELETE FROM recovery_code WHERE user_id = $1", user_id)
    await uow.execute(
        """INSERT INTO recovery_code (id, user_id, mark, created_at)
           SELECT id, $2, mark, $4 FROM unnest($1::uuid[], $3::bytea[]) AS code (id, mark)""",
        *([uow.new_id() for _ in marks], user_id, marks, uow.now),
    )
    uow.audit("second_factor:recovery_codes_made", user_id, count=len(marks))


async def use_code(uow: UnitOfWork, factor: Factor, code: str) -> bool:
    """Whether this is a code of the app now; it cannot be used again, nor one of an earlier step."""
    if factor.secret is None:
        return False
    step = step_of(factor.secret, code, uow.now, factor.step)
    if step is None:
        return False
    await uow.execute("UPDATE users SET totp_step = $2 WHERE id = $1", factor.user_id, step)
    return True


async def use_recovery_code(uow: UnitOfWork, user_id: UUID, code: str) -> bool:
    """Whether this is an unused recovery code of the user; it is used up by this."""
    mark = recovery_mark(uow.keyring, user_id, code)
    if mark is None:
        return False
    used = await uow.fetchval(
        "UPDATE recovery_code SET used_at = $3 WHERE user_id = $1 AND mark = $2 AND used_at IS NULL RETURNING true",
        *(user_id, mark, uow.now),
    )
    if used:
        uow.audit("second_factor:recovery_code_used", user_id)
    return used is True
