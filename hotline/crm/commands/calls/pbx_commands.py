"""Writes of commands to the PBXs. Every change of state goes by the table of ``calls.command_states``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from hotline.calls.command_states import CommandState, sources
from hotline.crm.leases import Lease, check
from hotline.crm.personal_keys import create_personal_key, load_personal_key, load_personal_keys
from hotline.crm.unit_of_work import UnitOfWork
from hotline.events import user_mark

#: Longer than a phone may ring and the PBX may take to say so.
FORGOTTEN: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class CommandOrder:
    """A command that was just claimed, with all that carrying it out needs. ``number`` is the outside number."""

    id: UUID
    pbx: str
    action: str
    user_id: UUID | None
    call_id: UUID | None
    number: str | None
    data: Mapping[str, Any]
    created_at: datetime
    sent_at: datetime | None


async def create_command(
    uow: UnitOfWork,
    *,
    command_id: UUID,
    pbx: str,
    action: str,
    user_id: UUID | None,
    call_id: UUID | None,
    number: str | None,
    data: Mapping[str, Any],
    lifetime: timedelta,
) -> None:
    """Write a pending command. The number is sealed under its customer's key when exactly one customer has it."""
    key_id, cipher = None, None
    if number is not None:
        index = uow.keyring.blind_index("phone", number)
        owners = await uow.fetch(
            """SELECT DISTINCT c.key_id FROM contact_point p JOIN customer c ON c.id = p.customer_id
               WHERE p.value_index = $1 AND p.kind IN ('phone', 'whatsapp') AND c.merged_into_id IS NULL LIMIT 2""",
            index,
        )
        key = await load_personal_key(uow, uow.keyring, owners[0]["key_id"]) if len(owners) == 1 else None
        key = key or await create_personal_key(uow)
        key_id, cipher = key.id, uow.keyring.encrypt(key, "pbx_command", "to_cipher", command_id, number)
    await uow.execute(
        """INSERT INTO pbx_command (id, pbx, action, user_id, call_id, to_cipher, key_id, data, state, expires_at,
                                    created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', $10::timestamptz + $9::interval, $10)""",
        command_id,
        pbx,
        action,
        user_id,
        call_id,
        cipher,
        key_id,
        dict(data),
        lifetime,
        uow.now,
    )
    uow.audit(f"pbx_command:{action}", command_id, pbx=pbx, user_id=user_id, call_id=call_id)
    _tell(uow, command_id, "pending", action, user_id, data.get("requested_by"), None)


async def claim_commands(uow: UnitOfWork, pbx: str, lease: Lease, *, most: int = 20) -> list[CommandOrder]:
    """Take the PBX's pending commands that have not expired: they are ``sent`` when this unit commits.

    Raises LeaseLost when another node reads this PBX now.
    """
    await check(uow, lease)
    rows = await uow.fetch(
        """UPDATE pbx_command SET state = 'sent', sent_at = $2, lease_token = $3
           WHERE id IN (SELECT id FROM pbx_command WHERE pbx = $1 AND state = 'pending' AND finished_at IS NULL
                        AND expires_at > $2 ORDER BY created_at, id LIMIT $4 FOR UPDATE SKIP LOCKED)
           RETURNING *""",
        pbx,
        uow.now,
        lease.token,
        most,
    )
    orders = await _orders(uow, sorted(rows, key=lambda row: (row["created_at"], row["id"])))
    for order in orders:
        _tell(uow, order.id, "sent", order.action, order.user_id, order.data.get("requested_by"), None)
    return orders


async def unsettled_commands(uow: UnitOfWork, pbx: str) -> list[CommandOrder]:
    """Commands that were sent and whose outcome nobody has seen."""
    rows = await uow.fetch(
        "SELECT * FROM pbx_command WHERE pbx = $1 AND state = 'sent' AND finished_at IS NULL ORDER BY created_at, id",
        pbx,
    )
    return await _orders(uow, rows)


async def finish_command(
    uow: UnitOfWork, command_id: UUID, state: CommandState, *, error: str | None = None, message: str | None = None
) -> bool:
    """Move a command to ``state`` where the table allows it; says whether it moved."""
    row = await uow.fetchrow(
        """UPDATE pbx_command SET state = $2, error_code = $3, error_text = $4, finished_at = $5
           WHERE id = $1 AND state = ANY($6::text[]) RETURNING action, user_id, data""",
        command_id,
        state,
        error,
        None if message is None else message[:500],
        uow.now,
        sources(state),
    )
    if row is None:
        return False
    _tell(uow, command_id, state, row["action"], row["user_id"], row["data"].get("requested_by"), error)
    return True


async def expire_commands(uow: UnitOfWork, pbx: str) -> int:
    """Commands that nobody took in time will not be carried out any more, and the outcome of what was sent long ago
    will not be learned any more; answers how many."""
    rows = await uow.fetch(
        """UPDATE pbx_command SET finished_at = $2,
                  state = CASE state WHEN 'pending' THEN 'expired' ELSE 'unknown' END,
                  error_code = CASE state WHEN 'pending' THEN 'expired' ELSE 'connection_lost' END,
                  error_text = CASE state WHEN 'pending'
                      THEN 'Nobody could carry it out in time: is the PBX connected?'
                      ELSE 'The connection to the PBX broke, and what became of it cannot be told.' END
           WHERE id IN (SELECT id FROM pbx_command WHERE pbx = $1 AND finished_at IS NULL
                        AND (state = 'pending' AND expires_at <= $2
                             OR state = 'sent' AND sent_at <= $2 - $3::interval)
                        FOR UPDATE SKIP LOCKED)
           RETURNING id, action, user_id, data, state, error_code""",
        pbx,
        uow.now,
        FORGOTTEN,
    )
    for row in rows:
        requested_by = row["data"].get("requested_by")
        _tell(uow, row["id"], row["state"], row["action"], row["user_id"], requested_by, row["error_code"])
    return len(rows)


async def _orders(uow: UnitOfWork, rows: Sequence[Mapping[str, Any]]) -> list[CommandOrder]:
    keys = await load_personal_keys(uow, uow.keyring, [row["key_id"] for row in rows if row["key_id"]])
    orders = []
    for row in rows:
        key = keys.get(row["key_id"])
        number = None
        if row["to_cipher"] is not None and key is not None:
            number = uow.keyring.decrypt(key, "pbx_command", "to_cipher", row["id"], row["to_cipher"])
        orders.append(
            CommandOrder(
                row["id"],
                row["pbx"],
                row["action"],
                row["user_id"],
                row["call_id"],
                number,
                row["data"],
                row["created_at"],
                row["sent_at"],
            )
        )
    return orders


def _tell(
    uow: UnitOfWork,
    command_id: UUID,
    state: str,
    action: str,
    user_id: UUID | None,
    requested_by: str | None,
    error: str | None,
) -> None:
    audience = [user_mark(user) for user in (user_id, UUID(requested_by) if requested_by else None) if user]
    if audience:
        uow.emit("command.updated", audience, command_id=command_id, state=state, action=action, error=error)
