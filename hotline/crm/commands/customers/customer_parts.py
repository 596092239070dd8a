"""What a customer's record holds several of: contact points, addresses, tags. A list that is set replaces the whole
list; what stays in it keeps its id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from hotline.crm.commands.customers.tags import find_tags, make_tags
from hotline.crm.keys import Keyring, PersonalKey
from hotline.crm.unit_of_work import UnitOfWork
from hotline.customers.contact_points import ContactValue, Kind
from hotline.errors import Invalid


class Owner(Protocol):
    """The customer to whom the rows belong, and the key that seals them."""

    @property
    def id(self) -> UUID: ...
    @property
    def key(self) -> PersonalKey: ...


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


def number_index(keyring: Keyring, kind: Kind, value: str) -> bytes:
    """The blind index of a contact point's value. Numbers of all kinds share one index: a caller is found by
    each."""
    return keyring.blind_index("phone" if kind in ("phone", "whatsapp") else kind, value)


async def set_contact_points(uow: UnitOfWork, customer: Owner, points: Sequence[ContactPointData]) -> None:
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
        tokens = uow.keyring.contact_tokens(kind, value.value)
        await uow.execute(
            """INSERT INTO contact_point (id, customer_id, kind, value_cipher, value_index, suffix_tokens,
            label,
                                          country, position, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)""",
            *(point_id, customer.id, kind),
            uow.keyring.encrypt(customer.key, "contact_point", "value_cipher", point_id, value.value),
            *(index, tokens, point.label, value.country, position, uow.now),
        )


async def set_addresses(uow: UnitOfWork, customer: Owner, addresses: Sequence[AddressData]) -> None:
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


async def set_tags(uow: UnitOfWork, customer_id: UUID, tags: Sequence[str]) -> None:
    found = await find_tags(uow, tags) if tags else {}
    if missing := [name for name in tags if name not in found]:
        if not uow.viewer.may("tags.write"):
            raise Invalid(f"tags: there is no tag {missing[0]!r}, and you may not make one.")
        found |= await make_tags(uow, missing)
    ids = list(dict.fromkeys(found.values()))
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
