"""Outside events happen once: each is claimed in the transaction of its effect, with the answer that it got beside it.

A duplicate that comes at the same moment waits for the first to commit and gets its answer; when the first is rolled
back, the duplicate takes its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring
from hotline.crm.unit_of_work import UnitOfWork

#: Longest key that is kept.
LONGEST_KEY: Final = 200

_PURPOSE: Final = "webhook_claim"
# In the order of the keys: two events that share some never wait for each other in a circle.
_CLAIM: Final = """
INSERT INTO webhook_claim (key, reply_cipher, at)
SELECT k, r, $3 FROM unnest($1::text[], $2::bytea[]) AS given (k, r) ORDER BY k
ON CONFLICT (key) DO NOTHING RETURNING key
"""


async def claim(uow: UnitOfWork, keys: Sequence[str], reply: str | None = None) -> str | None:
    """Claim an event by all of its keys. None: it is ours, go on. Else what was answered when it first came; empty when
    nothing was. Who knows the ``reply`` already has it kept by the same statement."""
    wanted = sorted({_short(key) for key in keys})
    sealed = _sealed(uow.keyring, wanted, reply) if reply else [None] * len(wanted)
    ours = [row["key"] for row in await uow.fetch(_CLAIM, wanted, sealed, uow.now)]
    if len(ours) == len(wanted):
        return None
    others = [key for key in wanted if key not in ours]
    rows = await uow.fetch("SELECT key, reply_cipher FROM webhook_claim WHERE key = ANY($1::text[])", others)
    earlier = next((opened for row in rows if (opened := _opened(uow.keyring, row))), "")
    if ours and earlier:
        await keep(uow, ours, earlier)
    return earlier


async def keep(uow: UnitOfWork, keys: Sequence[str], reply: str) -> None:
    """Keep the answer for who comes again, in the same unit of work as the claim."""
    if not reply:
        return
    wanted = sorted({_short(each) for each in keys})
    await uow.execute(
        """UPDATE webhook_claim SET reply_cipher = kept.reply
           FROM unnest($1::text[], $2::bytea[]) AS kept (key, reply) WHERE webhook_claim.key = kept.key""",
        wanted,
        _sealed(uow.keyring, wanted, reply),
    )


async def earlier_reply(db: Reader, keyring: Keyring, keys: Sequence[str]) -> str:
    """What an event was answered when it came before; empty when it did not, or nothing was. Claims nothing."""
    wanted = sorted({_short(key) for key in keys})
    rows = await db.fetch("SELECT key, reply_cipher FROM webhook_claim WHERE key = ANY($1::text[])", wanted)
    for row in rows:
        if row["reply_cipher"] is not None:
            return _opened(keyring, row)
    return ""


def prepared(keyring: Keyring, keys: Sequence[str], reply: str) -> tuple[list[str], list[bytes]]:
    """Keys and sealed replies as rows of ``webhook_claim``, for a statement that claims by itself."""
    wanted = sorted({_short(key) for key in keys})
    return wanted, _sealed(keyring, wanted, reply)


async def forget_claims(uow: UnitOfWork, before: datetime) -> int:
    """Forget claims from before a moment; how many."""
    tag = await uow.execute("DELETE FROM webhook_claim WHERE at < $1", before)
    return int(tag.rpartition(" ")[2])


def _sealed(keyring: Keyring, keys: Sequence[str], reply: str) -> list[bytes]:
    key = keyring.own_key(_PURPOSE)
    return [keyring.encrypt(key, _PURPOSE, "reply_cipher", _row(each), reply) for each in keys]


def _opened(keyring: Keyring, row: Row) -> str:
    if row["reply_cipher"] is None:
        return ""
    key = keyring.own_key(_PURPOSE)
    return keyring.decrypt(key, _PURPOSE, "reply_cipher", _row(row["key"]), row["reply_cipher"])


def _row(key: str) -> UUID:
    return UUID(bytes=sha256(key.encode()).digest()[:16])


def _short(key: str) -> str:
    """A key that is too long is kept by its digest."""
    return key if len(key) <= LONGEST_KEY else f"sha256:{sha256(key.encode()).hexdigest()}"
