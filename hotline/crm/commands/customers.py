"""Changes to customers. What arrives is cleaned and normalised (``workflows.customers``); here it is sealed
and kept.

Every value is encrypted under the customer's own key, for its own row; numbers and emails are found by a
keyed hash, numbers also by keyed hashes of their last digits, names by keyed hashes of their parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from hotline.crm.keys import Keyring, PersonalKey
from hotline.crm.personal_keys import create_personal_key, load_personal_key
from hotline.crm.unit_of_work import UnitOfWork
from hotline.customers.contact_points import ContactValue, Kind
from hotline.errors import Conflict, Invalid, NotFound
from hotline.events import permission_mark

#: Events about customers reach those who may see customers.
AUDIENCE: Final = (permission_mark("customers.read"),)

#: What ``update_customer`` writes as it is: column and the field of the same name.
_PLAIN: Final = ("kind", "locale", "responsible_id", "custom")


@dataclass(frozen=True, slots=True)
class ContactPointData:
    """A contact point to keep. ``value`` None with an ``id``: that contact point stays as it is, but for its
    label."""

    kind: Kind | None
    value: ContactValue | None
    label: str = ""
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class AddressData:
    """A postal address to keep. ``text`` None with an ``id``: that address's text stays."""

    text: str | None
    label: str = ""
    country: str | None = None
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """A customer as a change begins: locked until the unit of work ends."""

    id: UUID
    key: PersonalKey
    version: int


def number_index(keyring: Keyring, kind: Kind, value: str) -> bytes:
    """The blind index of a contact point's value. Numbers of all kinds share one index: a caller is found by
    each."""
    return keyring.blind_index("phone" if kind in ("phone", "whatsapp") else kind, value)


async def create_customer(
    uow: UnitOfWork,
    customer_id: UUID,
    *,
    kind: str,
    name: str,
    locale: str | None = None,
    tier: str | None = None,
    responsible_id: UUID | None = None,
    custom: dict[str, Any] | None = None,
    tags: Sequence[str] = (),
    contact_points: Sequence[ContactPointData] = (),
    addresses: Sequence[AddressData] = (),
) -> int:
    """Add a customer under a key of their own; answers their number. Raises Invalid for an unknown tier or
    tag."""
    tier_id = await _tier_id(uow, tier)
    key = await create_personal_key(uow)
    number: int = await uow.fetchval(
        """INSERT INTO customer (id, kind, key_id, name_cipher, locale, tier_id, responsible_id, custom,
                                 search_tokens, created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) RETURNING number""",
        *(customer_id, kind, key.id),
        uow.keyring.encrypt(key, "customer", "name_cipher", customer_id, name),
        *(locale, tier_id, responsible_id, custom or {}, uow.keyring.name_tokens(name), uow.now),
    )
    customer = CustomerRow(customer_id, key, 1)
    await _set_contact_points(uow, customer, contact_points)
    await _set_addresses(uow, customer, addresses)
    await _set_tags(uow, customer_id, tags)
    uow.audit("customer:created", customer_id)
    uow.emit("customer.created", AUDIENCE, customer_id=customer_id)
    return number


async def lock_customer(uow: UnitOfWork, customer_id: UUID, expected_version: int | None = None) -> CustomerRow:
    """The customer to be changed. Raises NotFound, or Conflict when somebody changed them meanwhile."""
    row = await uow.fetchrow(
        "SELECT id, key_id, version, merged_into_id FROM customer WHERE id = $1 FOR UPDATE", customer_id
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


async def update_customer(uow: UnitOfWork, customer: CustomerRow, changes: dict[str, Any]) -> None:
    """Write the changed fields of a locked customer: those of ``create_customer``, each only if it is
    there."""
    if not changes:
        return
    columns: dict[str, Any] = {name: changes[name] for name in _PLAIN if name in changes}
    if "name" in changes:
        name = changes["name"]
        columns["name_cipher"] = uow.keyring.encrypt(customer.key, "customer", "name_cipher", customer.id, name)
        columns["search_tokens"] = uow.keyring.name_tokens(name)
    if "tier" in changes:
        columns["tier_id"] = await _tier_id(uow, changes["tier"])
    if "contact_points" in changes:
        await _set_contact_points(uow, customer, changes["contact_points"])
    if "addresses" in changes:
        await _set_addresses(uow, customer, changes["addresses"])
    if "tags" in changes:
        await _set_tags(uow, customer.id, changes["tags"])
    assignments = "".join(f", {name} = ${position}" for position, name in enumerate(columns, start=3))
    await uow.execute(
        f"UPDATE customer SET version = version + 1, updated_at = $2{assignments} WHERE id = $1",  # noqa: S608
        *(customer.id, uow.now, *columns.values()),
    )
    uow.audit("customer:updated", customer.id, fields=sorted(changes))
    uow.emit("customer.updated", AUDIENCE, customer_id=customer.id)


async def _set_contact_points(uow: UnitOfWork, customer: CustomerRow, points: Sequence[ContactPointData]) -> None:
    before = await uow.fetch("SELECT id, kind, value_index FROM contact_point WHERE customer_id = $1", customer.id)
    ids = {row["id"] for row in before}
    by_value = {(row["kind"], bytes(row["value_index"])): row["id"] for row in before}
    kept: dict[UUID, tuple[int, str]] = {}
    added: dict[tuple[str, bytes], tuple[int, ContactPointData, ContactValue]] = {}
    for position, point in enumerate(points):
        if point.value is None or point.kind is None:
            if point.id not in ids or point.id is None:
                raise Invalid(f"contact_points[{position}].id: there is no such contact point.")
            kept.setdefault(point.id, (position, point.label))
            continue
        place = (point.kind, number_index(uow.keyring, point.kind, point.value.value))
        if place in by_value:
            kept.setdefault(by_value[place], (position, point.label))
        else:
            added.setdefault(place, (position, point, point.value))
    await uow.execute(
        "DELETE FROM contact_point WHERE customer_id = $1 AND NOT id = ANY($2::uuid[])", customer.id, list(kept)
    )
    if kept:
        await uow.execute(
            """UPDATE contact_point p SET position = n.position, label = n.label
               FROM unnest($1::uuid[], $2::int[], $3::text[]) AS n (id, position, label)
               WHERE p.id = n.id AND (p.position, p.label) IS DISTINCT FROM (n.position, n.label)""",
            *(list(kept), [place[0] for place in kept.values()], [place[1] for place in kept.values()]),
        )
    for (kind, index), (position, point, value) in added.items():
        point_id = uow.new_id()
        tokens = sorted(uow.keyring.token("suffix", digits) for digits in value.suffixes)
        await uow.execute(
            """INSERT INTO contact_point (id, customer_id, kind, value_cipher, value_index, suffix_tokens,
            label,
                                          country, position, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)""",
            *(point_id, customer.id, kind),
            uow.keyring.encrypt(customer.key, "contact_point", "value_cipher", point_id, value.value),
            *(index, tokens, point.label, value.country, position, uow.now),
        )


async def _set_addresses(uow: UnitOfWork, customer: CustomerRow, addresses: Sequence[AddressData]) -> None:
    before = {row["id"] for row in await uow.fetch("SELECT id FROM address WHERE customer_id = $1", customer.id)}
    for position, address in enumerate(addresses):
        if address.id is not None and address.id not in before:
            raise Invalid(f"addresses[{position}].id: there is no such address.")
        if address.text is None and address.id is None:
            raise Invalid(f"addresses[{position}].text: something must stand here.")
    await uow.execute(
        "DELETE FROM address WHERE customer_id = $1 AND NOT id = ANY($2::uuid[])",
        customer.id,
        [address.id for address in addresses if address.id is not None],
    )
    for position, address in enumerate(addresses):
        address_id = address.id or uow.new_id()
        cipher = (
            None
            if address.text is None
            else uow.keyring.encrypt(customer.key, "address", "cipher", address_id, address.text)
        )
        if address.id is not None:
            await uow.execute(
                """UPDATE address SET label = $2, cipher = COALESCE($3, cipher), country = $4, position = $5
                   WHERE id = $1""",
                *(address_id, address.label, cipher, address.country, position),
            )
        else:
            await uow.execute(
                """INSERT INTO address (id, customer_id, label, cipher, country, position, created_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)""",
                *(address_id, customer.id, address.label, cipher, address.country, position, uow.now),
            )


async def _set_tags(uow: UnitOfWork, customer_id: UUID, tags: Sequence[str]) -> None:
    # The database folds case, as it does when it searches: its idea of a letter may not be Python's.
    wanted = await uow.fetch(
        """SELECT DISTINCT ON (lower(w.name)) w.name, t.id
           FROM unnest($1::text[]) WITH ORDINALITY AS w (name, place)
           LEFT JOIN tag t ON lower(t.name) = lower(w.name) ORDER BY lower(w.name), w.place""",
        list(tags),
    )
    ids: list[UUID] = []
    for row in wanted:
        if row["id"] is not None:
            ids.append(row["id"])
            continue
        if not uow.viewer.may("tags.write"):
            raise Invalid(f"tags: there is no tag {row['name']!r}, and you may not make one.")
        made = await uow.fetchval(
            """INSERT INTO tag (id, name) VALUES ($1, $2)
               ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id""",
            *(uow.new_id(), row["name"]),
        )
        ids.append(made)
    await uow.execute(
        "DELETE FROM customer_tag WHERE customer_id = $1 AND NOT tag_id = ANY($2::uuid[])",
        *(customer_id, ids),
    )
    await uow.execute(
        """INSERT INTO customer_tag (customer_id, tag_id) SELECT $1, tag_id FROM unnest($2::uuid[]) AS t
        (tag_id)
           ON CONFLICT (customer_id, tag_id) DO NOTHING""",
        *(customer_id, ids),
    )


async def _tier_id(uow: UnitOfWork, key: str | None) -> UUID | None:
    if key is None:
        return None
    tier_id: UUID | None = await uow.fetchval("SELECT id FROM tier WHERE key = $1", key)
    if tier_id is None:
        raise Invalid("tier: there is no such tier.")
    return tier_id
