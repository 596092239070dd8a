"""Tokens by which customers are found, made anew: after an upgrade that makes them in another way."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import asyncpg
import structlog

from hotline.crm.database import Database
from hotline.crm.keys import Keyring, Wrapped
from hotline.crm.models.customer import SEARCH_VERSION

log = structlog.get_logger(__name__)

#: Customers of one transaction.
BATCH: Final = 2_000

_OLD: Final = f"""
SELECT c.id, c.name_cipher, c.key_id, k.wrapped, k.master,
    ARRAY(SELECT (p.id, p.kind, p.value_cipher) FROM contact_point p WHERE p.customer_id = c.id) AS points
FROM customer c JOIN personal_key k ON k.id = c.key_id
WHERE c.search_version < {SEARCH_VERSION} ORDER BY c.id LIMIT $1 FOR UPDATE OF c SKIP LOCKED
"""  # noqa: S608
# Arrays of different lengths are no array in PostgreSQL: each goes as its text.
_RENEW: Final = f"""
UPDATE customer c SET search_version = {SEARCH_VERSION},
    search_tokens = made.tokens::bigint[]
FROM unnest($1::uuid[], $2::text[]) AS made (id, tokens) WHERE c.id = made.id
"""  # noqa: S608
_RENEW_POINTS: Final = """
UPDATE contact_point p SET suffix_tokens = made.tokens::bigint[]
FROM unnest($1::uuid[], $2::text[]) AS made (id, tokens) WHERE p.id = made.id
"""


async def renew_search_tokens(db: Database, keyring: Keyring, *, batch: int = BATCH) -> int:
    """Make the tokens of every customer who has those of an older version; answers how many these were.

    It may be interrupted and run again, and several processes may run it at once: each takes other customers.
    """
    renewed = 0
    while True:
        async with db.transaction() as client:
            count = await _renew(client._connection, keyring, batch)
        if count == 0:
            return renewed
        renewed += count
        log.info("search.renewed", customers=renewed)


async def _renew(connection: asyncpg.Connection, keyring: Keyring, batch: int) -> int:
    rows = await connection.fetch(_OLD, batch)
    names: dict[UUID, list[int]] = {}
    points: dict[UUID, list[int]] = {}
    for row in rows:
        if row["wrapped"] is None:
            names[row["id"]] = []
            points |= {point_id: [] for point_id, *_ in row["points"]}
            continue
        key = keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))
        name = keyring.decrypt(key, "customer", "name_cipher", row["id"], row["name_cipher"])
        names[row["id"]] = keyring.name_tokens(name)
        for point_id, kind, cipher in row["points"]:
            value = keyring.decrypt(key, "contact_point", "value_cipher", point_id, cipher)
            points[point_id] = keyring.contact_tokens(kind, value)
    for statement, made in ((_RENEW, names), (_RENEW_POINTS, points)):
        texts = [f"{{{','.join(map(str, tokens))}}}" for tokens in made.values()]
        await connection.execute(statement, list(made), texts)
    return len(rows)
