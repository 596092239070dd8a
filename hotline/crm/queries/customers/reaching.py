"""How a customer is reached over a channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from hotline import phone
from hotline.crm.database import Reader
from hotline.crm.keys import Keyring, Wrapped
from hotline.crm.queries.customers.customers import require_customer
from hotline.crm.viewer import Viewer
from hotline.customers.contact_points import ContactValue

#: The kinds of contact points that a channel reaches, the best first.
_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "sms": ("phone", "whatsapp"),
    "whatsapp": ("whatsapp", "phone"),
    "email": ("email",),
}


async def address_of_customer(
    db: Reader, keyring: Keyring, viewer: Viewer, customer_id: UUID, channel: str
) -> ContactValue | None:
    """The customer's address of a channel as it is, whatever the viewer may read of it; None without one. A mobile
    number comes before a landline. Raises NotFound for a customer whom the viewer does not see."""
    found = await require_customer(db, viewer, customer_id)
    kinds = _KINDS[channel]
    rows = await db.fetch(
        """SELECT p.id, p.kind, p.value_cipher, p.country, k.id AS key_id, k.wrapped, k.master
           FROM contact_point p JOIN customer c ON c.id = p.customer_id JOIN personal_key k ON k.id = c.key_id
           WHERE p.customer_id = $1 AND p.kind = ANY($2::text[]) AND k.wrapped IS NOT NULL
           ORDER BY array_position($2::text[], p.kind), p.position, p.id LIMIT 50""",
        *(found, list(kinds)),
    )
    values = []
    for row in rows:
        key = keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))
        value = keyring.decrypt(key, "contact_point", "value_cipher", row["id"], row["value_cipher"])
        values.append(ContactValue(value, row["country"]))
    if channel == "sms":
        values.sort(key=lambda each: phone.line_type(each.value) == "fixed")
    return values[0] if values else None
