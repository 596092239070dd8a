"""Changes to purchases. Each has a line on its customer's timeline, of the same id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from hotline.crm.commands.customers.customer_changes import Source
from hotline.crm.commands.customers.customers import CustomerRow, changed
from hotline.crm.personal_keys import load_personal_key
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict, NotFound

_PLAIN: Final = ("kind", "at", "ends_at", "external_id", "quantity", "amount", "currency", "state")
_SEALED: Final = ("title", "reference")


async def add_purchase(
    uow: UnitOfWork, customer: CustomerRow, purchase_id: UUID, fields: Mapping[str, Any], *, source: Source = "hand"
) -> None:
    """Add a purchase of a locked customer. Raises Conflict when one has its external id."""
    sealed = {
        name: uow.keyring.encrypt(customer.key, "purchase", f"{name}_cipher", purchase_id, fields[name])
        for name in _SEALED
        if fields.get(name)
    }
    await uow.execute(
        """INSERT INTO purchase (id, customer_id, kind, at, ends_at, external_id, reference_cipher, title_cipher,
                                 quantity, amount, currency, state, source, created_by_id, created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15)""",
        *(purchase_id, customer.id, fields["kind"], fields["at"], fields.get("ends_at"), fields.get("external_id")),
        *(sealed.get("reference"), sealed["title"], fields.get("quantity"), fields.get("amount")),
        *(fields.get("currency"), fields.get("state"), source, uow.viewer.user_id, uow.now),
    )
    await _put_line(uow, customer.id, purchase_id, fields["at"])
    await changed(uow, customer, {"purchases": (None, _plain(purchase_id, fields))}, source)


async def update_purchase(
    uow: UnitOfWork,
    customer: CustomerRow,
    purchase_id: UUID,
    fields: Mapping[str, Any],
    *,
    expected_version: int | None = None,
    deleted: bool | None = None,
    source: Source = "hand",
) -> None:
    """Write the given fields of a locked customer's purchase; ``deleted`` takes it away or gives it back."""
    row = await uow.fetchrow(
        "SELECT * FROM purchase WHERE id = $1 AND customer_id = $2 FOR UPDATE", purchase_id, customer.id
    )
    if row is None or (row["deleted_at"] is not None) != (deleted is False):
        raise NotFound()
    if expected_version is not None and row["version"] != expected_version:
        raise Conflict("Somebody else changed this purchase meanwhile.")
    key = customer.key if row["key_id"] is None else await load_personal_key(uow, uow.keyring, row["key_id"])
    if key is None:
        raise Conflict("This customer was erased.")
    before = {name: row[name] for name in _PLAIN}
    for name in _SEALED:
        cipher = row[f"{name}_cipher"]
        before[name] = (
            None if cipher is None else uow.keyring.decrypt(key, "purchase", f"{name}_cipher", purchase_id, cipher)
        )
    after = {**before, **{name: fields[name] for name in (*_PLAIN, *_SEALED) if name in fields}}
    columns: dict[str, Any] = {name: after[name] for name in _PLAIN}
    for name in _SEALED:
        value = after[name] = after[name] or None
        columns[f"{name}_cipher"] = (
            None if value is None else uow.keyring.encrypt(key, "purchase", f"{name}_cipher", purchase_id, value)
        )
    columns["deleted_at"] = uow.now if deleted else None
    assignments = "".join(f", {name} = ${position}" for position, name in enumerate(columns, start=3))
    await uow.execute(
        f"UPDATE purchase SET version = version + 1, updated_at = $2{assignments} WHERE id = $1",  # noqa: S608
        *(purchase_id, uow.now, *columns.values()),
    )
    if deleted:
        await uow.execute("DELETE FROM interaction WHERE id = $1", purchase_id)
    else:
        await _put_line(uow, customer.id, purchase_id, after["at"])
    was = None if deleted is False else _plain(purchase_id, before)
    now = None if deleted else _plain(purchase_id, after)
    await changed(uow, customer, {"purchases": (was, now)} if was != now else {}, source)


async def _put_line(uow: UnitOfWork, customer_id: UUID, purchase_id: UUID, at: Any) -> None:
    await uow.execute(
        """INSERT INTO interaction (id, customer_id, kind, user_id, at, data) VALUES ($1, $2, 'purchase', $3, $4, '{}')
           ON CONFLICT (id) DO UPDATE SET at = excluded.at""",
        *(purchase_id, customer_id, uow.viewer.user_id, at),
    )


def _plain(purchase_id: UUID, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What the history keeps of a purchase."""
    values: dict[str, Any] = {"id": str(purchase_id)}
    for name in (*_SEALED, *_PLAIN):
        value = fields.get(name)
        if value is not None:
            values[name] = value if isinstance(value, int | str) else str(value)
    return values
