"""What placeholders stand for, read for many customers by one statement."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from hotline.campaigns.value_text import first_name, written, written_day
from hotline.crm.company import Company
from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring
from hotline.crm.queries.company.lists import Lists, read_lists
from hotline.crm.queries.customers.custom_fields import read_fields
from hotline.crm.queries.customers.customer_views import custom_values, customer_name, customer_reference, personal_key
from hotline.crm.viewer import Viewer
from hotline.customers.custom_fields import FieldSet

#: More customers at once are not read.
MOST: Final = 5_000

_SELECT: Final = """
SELECT asked.id AS asked_id, c.id, c.number, c.kind, c.locale, c.classification, c.custom, {ciphers}
    c.key_id, k.wrapped, k.master, t.names AS tier_names
FROM unnest($1::uuid[]) AS asked (id)
JOIN customer o ON o.id = asked.id
JOIN customer c ON c.id = COALESCE(o.merged_into_id, o.id)
JOIN personal_key k ON k.id = c.key_id
LEFT JOIN tier t ON t.id = c.tier_id
WHERE c.erased_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class PushSchema:
    """What is the same for every recipient: the fields that customers have, the company's lists, the company, and the
    zone its days are in."""

    fields: FieldSet
    lists: Lists
    company: Mapping[str, str]
    zone: ZoneInfo


async def read_schema(db: Reader, viewer: Viewer, company: Company, zone: ZoneInfo) -> PushSchema:
    """What is the same for every recipient; good for as long as nobody changes the company's fields."""
    return PushSchema(
        await read_fields(db, viewer),
        await read_lists(db, viewer),
        {f"company.{name}": str(getattr(company, name)) for name in ("name", "address", "phone", "email", "website")},
        zone,
    )


async def values_of(
    db: Reader,
    keyring: Keyring,
    viewer: Viewer,
    schema: PushSchema,
    wanted: Mapping[UUID, str],
    names: Collection[str],
    now: datetime,
) -> dict[UUID, dict[str, str]]:
    """The values called ``names`` of the customers in ``wanted``, each in their language there; a customer who was
    erased is left out, one who was merged has the values of whom they were merged into. What is empty is left out.

    Customers' values are not held against what the viewer sees: the customers themselves read them.
    """
    viewer.require("campaigns.read")
    shared = {name: value for name in names if (value := schema.company.get(name))}
    today = now.astimezone(schema.zone).date()
    custom = [name.removeprefix("custom.") for name in names if name.startswith("custom.")]
    described = [field for key in custom if (field := schema.fields.get(key)) is not None]
    named = "customer.name" in names or "customer.first_name" in names
    sealed = any(field.sealed for field in described)
    ciphers = ("c.name_cipher, " if named else "") + (
        "c.custom_cipher, " if sealed else "NULL::bytea AS custom_cipher, "
    )
    found: dict[UUID, dict[str, str]] = {}
    for row in await db.fetch(_SELECT.format(ciphers=ciphers), list(wanted)[:MOST]):
        locale = wanted[row["asked_id"]]
        key = personal_key(keyring, row) if named or sealed else None
        values = dict(shared)
        if "today" in names:
            values["today"] = written_day(today, locale)
        if named:
            name = customer_name(keyring, key, row)
            values["customer.name"] = name
            values["customer.first_name"] = first_name(name, row["kind"])
        values |= _plain(schema, row, locale)
        if described:
            kept = custom_values(keyring, key, "customer", row)
            for field in described:
                values[f"custom.{field.key}"] = written(field, kept.get(field.key), locale, schema.zone)
        found[row["asked_id"]] = {name: value for name, value in values.items() if value}
    return found


def _plain(schema: PushSchema, row: Row, locale: str) -> dict[str, str]:
    language = locale.partition("-")[0].lower()
    tier = row["tier_names"] or {}
    kind = row["classification"]
    return {
        "customer.reference": customer_reference(row["number"]),
        "customer.locale": row["locale"] or "",
        "customer.tier": tier.get(language) or tier.get("en") or "",
        "customer.classification": schema.lists.label("classification", kind, language) if kind else "",
    }
