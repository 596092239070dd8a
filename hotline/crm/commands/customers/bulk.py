"""Loading many customers at once by COPY: imports, the demo's people, the benchmarks' million.

The rows are the same as ``commands.customers.customers`` writes one by one, sealed and indexed alike, but there is no
event and one audit entry for each batch: whoever watches is told nothing that they could show.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final
from uuid import UUID

from hotline import phone
from hotline.crm.commands.customers.customers import number_index
from hotline.crm.database import Database
from hotline.crm.keys import Keyring
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import Viewer
from hotline.customers.contact_points import ContactValue, Kind
from hotline.errors import Invalid
from hotline.ids import NewId

#: Customers in one transaction: some 40 MB of rows.
BATCH: Final = 20_000

_KEYS: Final = ("id", "wrapped", "master", "created_at")
_CUSTOMERS: Final = (
    *("id", "kind", "key_id", "name_cipher", "locale", "tier_id", "search_tokens"),
    *("created_at", "updated_at"),
)
_POINTS: Final = (
    *("id", "customer_id", "kind", "value_cipher", "value_index", "suffix_tokens", "label", "country"),
    *("position", "created_at"),
)


@dataclass(frozen=True, slots=True)
class BulkCustomer:
    """A customer to load, cleaned and normalised already. ``tags`` and ``tier`` must exist."""

    name: str
    contact_points: tuple[tuple[Kind, ContactValue, str], ...] = ()
    kind: str = "person"
    locale: str | None = None
    tier: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(slots=True)
class _Rows:
    keys: list[tuple[Any, ...]] = field(default_factory=list)
    customers: list[tuple[Any, ...]] = field(default_factory=list)
    points: list[tuple[Any, ...]] = field(default_factory=list)
    tags: list[tuple[UUID, UUID]] = field(default_factory=list)


async def load_customers(
    db: Database,
    keyring: Keyring,
    viewer: Viewer,
    customers: Iterable[BulkCustomer],
    *,
    now: datetime,
    new_id: NewId,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Load ``customers``; answers how many. Each batch commits by itself; ``progress`` is told the count so far.

    Raises Invalid for an unknown tier or tag; batches before it stay.
    """
    tiers = {row["key"]: row["id"] for row in await db.fetch("SELECT key, id FROM tier")}
    tags = {row["name"]: row["id"] for row in await db.fetch("SELECT name, id FROM tag")}
    source = iter(customers)
    loaded = 0
    # The rows of the next batch are sealed in a thread while the server takes this one.
    ahead = asyncio.create_task(asyncio.to_thread(_rows, keyring, _take(source), tiers, tags, now, new_id))
    try:
        while (rows := await ahead).customers:
            ahead = asyncio.create_task(asyncio.to_thread(_rows, keyring, _take(source), tiers, tags, now, new_id))
            await _copy(db, keyring, viewer, rows, now, new_id)
            loaded += len(rows.customers)
            if progress is not None:
                progress(loaded)
    finally:
        ahead.cancel()
    if loaded >= BATCH:
        await settle(db)
    return loaded


async def settle(db: Database) -> None:
    """After very many rows: else the planner knows nothing of them, and searches walk the unsorted end of the index."""
    for statement in (
        # Where the indexes are there: whoever loads very many makes them afterwards.
        "SELECT gin_clean_pending_list(oid) FROM pg_class"
        " WHERE oid IN (to_regclass('customer_search'), to_regclass('contact_point_suffix'))",
        "ANALYZE customer, contact_point, customer_tag, personal_key",
    ):
        await db.execute(statement)


def _take(source: Iterator[BulkCustomer]) -> Iterator[BulkCustomer]:
    return islice(source, BATCH)


async def _copy(db: Database, keyring: Keyring, viewer: Viewer, rows: _Rows, now: datetime, new_id: NewId) -> None:
    async with db.long_transaction() as client:
        connection = client._connection
        for table, columns, records in (
            ("personal_key", _KEYS, rows.keys),
            ("customer", _CUSTOMERS, rows.customers),
            ("contact_point", _POINTS, rows.points),
            ("customer_tag", ("customer_id", "tag_id"), rows.tags),
        ):
            await connection.copy_records_to_table(table, records=records, columns=columns)
        uow = UnitOfWork(client, viewer, now, new_id, keyring)
        uow.audit("customer:loaded", None, count=len(rows.customers))
        await uow.flush()


def _rows(
    keyring: Keyring,
    customers: Iterable[BulkCustomer],
    tiers: Mapping[str, UUID],
    tags: Mapping[str, UUID],
    now: datetime,
    new_id: NewId,
) -> _Rows:
    rows = _Rows()
    for customer in customers:
        if customer.tier is not None and customer.tier not in tiers:
            raise Invalid(f"tier: there is no tier {customer.tier!r}.")
        if unknown := [tag for tag in customer.tags if tag not in tags]:
            raise Invalid(f"tags: there is no tag {unknown[0]!r}.")
        customer_id = new_id()
        key, wrapped = keyring.new_personal_key(new_id())
        rows.keys.append((key.id, wrapped.sealed, wrapped.master, now))
        rows.customers.append(
            (
                *(customer_id, customer.kind, key.id),
                keyring.encrypt(key, "customer", "name_cipher", customer_id, customer.name),
                *(customer.locale, tiers.get(customer.tier or "")),
                *(keyring.name_tokens(customer.name), now, now),
            )
        )
        for position, (kind, value, label) in enumerate(customer.contact_points):
            point_id = new_id()
            rows.points.append(
                (
                    *(point_id, customer_id, kind),
                    keyring.encrypt(key, "contact_point", "value_cipher", point_id, value.value),
                    number_index(keyring, kind, value.value),
                    keyring.contact_tokens(kind, value.value),
                    *(label, value.country, position, now),
                )
            )
        rows.tags += [(customer_id, tags[tag]) for tag in dict.fromkeys(customer.tags)]
    return rows


def e164(value: str, country: str | None) -> ContactValue:
    """A number that is E.164 already, without the cost of reading it again."""
    return ContactValue(value, country, phone.suffixes(value))
