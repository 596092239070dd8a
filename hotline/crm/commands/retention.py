"""Forgetting what has served its purpose: finished PBX commands, used idempotency keys, ended sign-ins."""

from __future__ import annotations

from datetime import datetime

from hotline.crm.unit_of_work import UnitOfWork

#: What goes when it is older than the given moment. What is not finished stays, however old.
_FORGOTTEN = {
    "commands": "DELETE FROM pbx_command WHERE finished_at < $1",
    "idempotency_keys": "DELETE FROM idempotency_key WHERE created_at < $1",
    "sessions": "DELETE FROM session WHERE expires_at < $1 OR revoked_at < $1",
}


async def forget_before(uow: UnitOfWork, moment: datetime) -> dict[str, int]:
    """Delete what ended before ``moment``; how many rows of each kind."""
    return {kind: int((await uow.execute(sql, moment)).split()[-1]) for kind, sql in _FORGOTTEN.items()}
