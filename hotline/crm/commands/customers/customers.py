"""Changes to customers. What arrives is cleaned and normalised (``workflows.customers.customers``); here it is sealed
and kept, and what changed is noted in the record's history.

Every value is encrypted under the customer's own key, for its own row; numbers and emails are found by a
keyed hash, numbers also by keyed hashes of their last digits, names by keyed hashes of their parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from hotline.crm.commands.customers.custom_columns import custom_columns
from hotline.crm.commands.customers.customer_changes import Source, note_all
from hotline.crm.commands.customers.customer_edit import merged_changes
from hotline.crm.commands.customers.customer_parts import (
    AddressData,
    ContactPointData,
    number_index,
    set_addresses,
    set_contact_points,
    set_tags,
)
from hotline.crm.commands.customers.customer_state import differences, read_state
from hotline.crm.keys import PersonalKey
from hotline.crm.personal_keys import create_personal_key, load_personal_key
from hotline.crm.scopes import Arguments, all_of, customers_seen
from hotline.crm.unit_of_work import UnitOfWork
from hotline.customers import custom_fields
from hotline.customers.three_way import Decided
from hotline.errors import Conflict, Forbidden, Invalid, NotFound
from hotline.events import permission_mark

__all__ = ["AddressData", "ContactPointData", "CustomerRow", "number_index"]

#: Events about customers reach those who may see customers.
AUDIENCE: Final = (permission_mark("customers.read"),)

#: What ``update_customer`` writes as it is: column and the field of the same name.
_PLAIN: Final = ("kind", "locale", "classification")


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """A customer as a change begins: locked until the unit of work ends."""

    id: UUID
    key: PersonalKey
    version: int


async def create_customer(
    uow: UnitOfWork,
    customer_id: UUID,
    *,
    kind: str,
    name: str,
    locale: str | None = None,
    tier: str | None = None,
    responsible_id: UUID | None = None,
    responsible: str | None = None,
    classification: str | None = None,
    preferences: Mapping[str, Any] | None = None,
    custom: Mapping[str, Any] | None = None,
    tags: Sequence[str] = (),
    contact_points: Sequence[ContactPointData] = (),
    addresses: Sequence[AddressData] = (),
    source: str = "hand",
) -> int:
    """Add a customer under a key of their own; answers their number. Raises Invalid for an unknown tier, tag
    or user.

    Who does not see every customer looks after those they make, where nobody is named.
    """
    tier_id = await _tier_id(uow, tier)
    responsible_id = await _responsible_id(uow, responsible_id, responsible)
    if responsible_id is None and uow.viewer.scope_of("customers") != "all":
        responsible_id = uow.viewer.user_id
    key = await create_personal_key(uow)
    clear, cipher = await custom_columns(uow, key, "customer", customer_id, custom_fields.changed({}, custom or {}))
    number: int = await uow.fetchval(
        """INSERT INTO customer (id, kind, key_id, name_cipher, locale, tier_id, responsible_id, classification,
                                 preferences, custom, custom_cipher, search_tokens, created_by_id, created_source,
                                 created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, (SELECT id FROM users WHERE id = $13), $14,
                   $15, $15) RETURNING number""",
        *(customer_id, kind, key.id),
        uow.keyring.encrypt(key, "customer", "name_cipher", customer_id, name),
        *(locale, tier_id, responsible_id, classification),
        {name: value for name, value in (preferences or {}).items() if value is not None},
        *(clear, cipher, uow.keyring.name_tokens(name), uow.viewer.user_id, source, uow.now),
    )
    customer = CustomerRow(customer_id, key, 1)
    await set_contact_points(uow, customer, contact_points)
    await set_addresses(uow, customer, addresses)
    await set_tags(uow, customer_id, tags)
    uow.audit("customer:created", customer_id)
    uow.emit("customer.created", AUDIENCE, customer_id=customer_id)
    return number


async def lock_customer(uow: UnitOfWork, customer_id: UUID, expected_version: int | None = None) -> CustomerRow:
    """The customer to be changed. Raises NotFound, also for one whom the viewer does not see, or Conflict when
    somebody changed them meanwhile."""
    bind = Arguments(customer_id)
    seen = customers_seen(uow.viewer, bind)
    row = await uow.fetchrow(
        f"""SELECT c.id, c.key_id, c.version, c.merged_into_id FROM customer c
            WHERE c.id = $1 AND {all_of(seen)} FOR UPDATE OF c""",  # noqa: S608
        *bind.values,
    )
    if row is None:
        raise NotFound()
    if row["merged_into_id"] is not None:
        raise Conflict("This customer was merged into another one; change that one.")
    if expected_version is not None and row["version"] != expected_version:
        raise Conflict()
    key = await load_personal_key(uow, uow.keyring, row["key_id"])
    if key is None:
        raise Conflict("This customer was erased.")
    return CustomerRow(row["id"], key, row["version"])


async def update_customer(
    uow: UnitOfWork,
    customer: CustomerRow,
    changes: Mapping[str, Any],
    *,
    base_version: int | None = None,
    decided: Decided | None = None,
    source: Source = "hand",
    source_id: UUID | None = None,
) -> bool:
    """Write the changed fields of a locked customer: those of ``create_customer``, each only if it is there;
    ``custom`` and ``preferences`` key by key, None takes one away. False when nothing differs.

    Changes that began from an older ``base_version`` are put together with what others changed since, field by field.
    Raises EditConflict where both changed the same and nobody ``decided``, and Conflict where nobody noted what
    changed.
    """
    before = await read_state(uow, customer.id)
    fields = await _resolved(uow, changes)
    if base_version is not None and base_version != customer.version:
        fields = await merged_changes(uow, customer, before, fields, base_version, decided)
    await _check_transfer(uow, before, fields)
    await write_fields(uow, customer, before, fields)
    return await changed(uow, customer, differences(before, await read_state(uow, customer.id)), source, source_id)


async def changed(
    uow: UnitOfWork,
    customer: CustomerRow,
    differing: Mapping[str, tuple[Any, Any]],
    source: Source | None = None,
    source_id: UUID | None = None,
) -> bool:
    """Raise the version of a locked customer and note what differs, if anything does. Without a ``source`` it is a
    program's for an API token, else a person's."""
    if not differing:
        return False
    source = source or ("api" if uow.viewer.kind == "token" else "hand")
    await uow.execute("UPDATE customer SET version = version + 1, updated_at = $2 WHERE id = $1", customer.id, uow.now)
    await note_all(uow, customer, differing, source, source_id)
    uow.audit("customer:updated", customer.id, fields=sorted(differing), source=source)
    uow.emit("customer.updated", AUDIENCE, customer_id=customer.id)
    return True


async def _resolved(uow: UnitOfWork, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes with a responsible user by id, however they were named."""
    fields = dict(changes)
    if "responsible" in fields or "responsible_id" in fields:
        fields["responsible_id"] = await _responsible_id(
            uow, fields.pop("responsible_id", None), fields.pop("responsible", None)
        )
    return fields


async def _check_transfer(uow: UnitOfWork, before: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    """Giving a customer to somebody is a right of its own; whoever nobody looks after, everybody may take."""
    if "responsible_id" not in fields or uow.viewer.may("customers.transfer"):
        return
    now, wanted = before.get("responsible"), fields["responsible_id"]
    if str(wanted or "") == (now or "") or (now is None and wanted == uow.viewer.user_id):
        return
    raise Forbidden("Your role may not give customers to somebody else.")


async def write_fields(
    uow: UnitOfWork, customer: CustomerRow, before: Mapping[str, Any], fields: Mapping[str, Any]
) -> None:
    """Write fields as they are, without a note of it: merges and their undoing note by themselves (``changed``)."""
    columns: dict[str, Any] = {name: fields[name] for name in (*_PLAIN, "responsible_id") if name in fields}
    if "name" in fields:
        name = fields["name"]
        columns["name_cipher"] = uow.keyring.encrypt(customer.key, "customer", "name_cipher", customer.id, name)
        columns["search_tokens"] = uow.keyring.name_tokens(name)
    if "tier" in fields:
        columns["tier_id"] = await _tier_id(uow, fields["tier"])
    if "preferences" in fields:
        columns["preferences"] = _put(_under(before, "preferences"), fields["preferences"])
    if "custom" in fields:
        values = custom_fields.changed(_under(before, "custom"), fields["custom"])
        columns["custom"], columns["custom_cipher"] = await custom_columns(
            uow, customer.key, "customer", customer.id, values
        )
    if "contact_points" in fields:
        await set_contact_points(uow, customer, fields["contact_points"])
    if "addresses" in fields:
        await set_addresses(uow, customer, fields["addresses"])
    if "tags" in fields:
        await set_tags(uow, customer.id, fields["tags"])
    if columns:
        assignments = ", ".join(f"{name} = ${position}" for position, name in enumerate(columns, start=2))
        await uow.execute(
            f"UPDATE customer SET {assignments} WHERE id = $1",  # noqa: S608
            *(customer.id, *columns.values()),
        )


def _under(state: Mapping[str, Any], field: str) -> dict[str, Any]:
    """``custom.shoe`` and its like as one object."""
    start = f"{field}."
    return {name.removeprefix(start): value for name, value in state.items() if name.startswith(start)}


def _put(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**values, **changes}.items() if value is not None}


async def _tier_id(uow: UnitOfWork, key: str | None) -> UUID | None:
    if key is None:
        return None
    tier_id: UUID | None = await uow.fetchval("SELECT id FROM tier WHERE key = $1", key)
    if tier_id is None:
        raise Invalid("tier: there is no such tier.")
    return tier_id


async def _responsible_id(uow: UnitOfWork, user_id: UUID | None, login: str | None) -> UUID | None:
    """The user who is named by id or by login. Raises Invalid for none such."""
    if user_id is None and not login:
        return None
    found: UUID | None = await uow.fetchval(
        "SELECT id FROM users WHERE id = $1 OR ($1 IS NULL AND lower(login) = lower($2))", user_id, login
    )
    if found is None:
        raise Invalid(f"{'responsible' if user_id is None else 'responsible_id'}: there is no such user.")
    return found
