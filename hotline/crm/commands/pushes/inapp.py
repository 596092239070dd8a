"""In-app messages and the devices of customers: written, shown, read, taken away."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from hotline.crm.keys import PersonalKey, Wrapped
from hotline.crm.unit_of_work import UnitOfWork

#: Devices of one customer; a further one takes the place of the oldest.
MOST_DEVICES: Final = 10
#: Failures in a row after which a device is forgotten.
MOST_FAILURES: Final = 10

Mark = Literal["shown", "read", "dismissed"]
_MARKS: Final[Mapping[Mark, str]] = {"shown": "shown_at", "read": "read_at", "dismissed": "dismissed_at"}


async def put_message(
    uow: UnitOfWork,
    message_id: UUID,
    customer_id: UUID,
    campaign_id: UUID,
    words: Mapping[str, str],
    expires_at: datetime | None,
) -> bool:
    """Put a message into a customer's list, once whatever happens; False when there is no such customer any more."""
    key = await _key_of(uow, customer_id)
    if key is None:
        return False
    sealed = uow.keyring.encrypt(key, "inapp_message", "sealed", message_id, _plain(words))
    await uow.execute(
        """INSERT INTO inapp_message (id, customer_id, campaign_id, sealed, at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING""",
        *(message_id, customer_id, campaign_id, sealed, uow.now, expires_at),
    )
    return True


async def mark(uow: UnitOfWork, customer_id: UUID, message_ids: Sequence[UUID], what: Mark) -> list[UUID]:
    """Note that a customer was shown, has read or put away messages of theirs; those that this is new of."""
    column = _MARKS[what]
    # Whoever reads or puts away a message was shown it.
    also = "" if what == "shown" else ", shown_at = COALESCE(shown_at, $3)"
    rows = await uow.fetch(
        f"""UPDATE inapp_message SET {column} = $3{also}
            WHERE customer_id = $1 AND id = ANY($2::uuid[]) AND {column} IS NULL RETURNING id""",  # noqa: S608
        *(customer_id, list(message_ids), uow.now),
    )
    return [row["id"] for row in rows]


async def keep_device(uow: UnitOfWork, customer_id: UUID, endpoint: str, p256dh: str, auth: str) -> bool:
    """Keep a device that wants Web Push. The same one again, and whoever it belonged to before, makes one row; False
    when there is no such customer any more."""
    key = await _key_of(uow, customer_id)
    if key is None:
        return False
    address = uow.keyring.blind_index("web_push", endpoint)
    await uow.execute("DELETE FROM push_subscription WHERE address_hash = $1", address)
    device_id = uow.new_id()
    words = {"endpoint": endpoint, "p256dh": p256dh, "auth": auth}
    await uow.execute(
        """INSERT INTO push_subscription (id, customer_id, address_hash, sealed, created_at)
           VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (address_hash) DO UPDATE SET id = excluded.id, customer_id = excluded.customer_id, key_id = NULL,
               sealed = excluded.sealed, created_at = excluded.created_at, used_at = NULL, failures = 0""",
        *(device_id, customer_id, address),
        *(uow.keyring.encrypt(key, "push_subscription", "sealed", device_id, _plain(words)), uow.now),
    )
    await uow.execute(
        """DELETE FROM push_subscription WHERE id IN (SELECT id FROM push_subscription WHERE customer_id = $1
               ORDER BY created_at DESC, id DESC OFFSET $2)""",
        *(customer_id, MOST_DEVICES),
    )
    return True


async def forget_device(uow: UnitOfWork, customer_id: UUID, endpoint: str) -> None:
    """Forget a device of a customer."""
    await uow.execute(
        "DELETE FROM push_subscription WHERE customer_id = $1 AND address_hash = $2",
        *(customer_id, uow.keyring.blind_index("web_push", endpoint)),
    )


async def note_devices(uow: UnitOfWork, told: Sequence[UUID], failed: Sequence[UUID], gone: Sequence[UUID]) -> None:
    """What came of telling devices: those that are gone, or failed too often, are forgotten."""
    await uow.execute(
        """WITH over AS (
               DELETE FROM push_subscription WHERE id = ANY($4::uuid[])
                   OR (id = ANY($3::uuid[]) AND failures + 1 >= $5)
           )
           UPDATE push_subscription SET failures = CASE WHEN id = ANY($2::uuid[]) THEN 0 ELSE failures + 1 END,
               used_at = CASE WHEN id = ANY($2::uuid[]) THEN $1 ELSE used_at END
           WHERE id = ANY($2::uuid[]) OR (id = ANY($3::uuid[]) AND failures + 1 < $5)""",
        *(uow.now, list(told), list(failed), list(gone), MOST_FAILURES),
    )


async def forget_old(uow: UnitOfWork, before: datetime, *, limit: int) -> int:
    """Delete messages that nobody can see any more; how many."""
    tag = await uow.execute(
        """DELETE FROM inapp_message WHERE id IN (
               SELECT id FROM inapp_message WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)""",
        *(before, limit),
    )
    return int(tag.rpartition(" ")[2])


async def _key_of(uow: UnitOfWork, customer_id: UUID) -> PersonalKey | None:
    row = await uow.fetchrow(
        """SELECT k.id, k.wrapped, k.master FROM customer c JOIN personal_key k ON k.id = c.key_id
           WHERE c.id = $1 AND c.erased_at IS NULL AND k.wrapped IS NOT NULL""",
        customer_id,
    )
    return None if row is None else uow.keyring.unwrap(row["id"], Wrapped(row["master"], row["wrapped"]))


def _plain(words: Mapping[str, str]) -> str:
    return json.dumps(dict(words), ensure_ascii=False, separators=(",", ":"))
