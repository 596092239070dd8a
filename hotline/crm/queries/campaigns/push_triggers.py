"""What a triggered campaign says of what set it off: a ticket, a purchase. Read for many by one statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from hotline.campaigns.value_text import written_day, written_money
from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring, Wrapped
from hotline.crm.viewer import Viewer

_SELECT: Final = """
SELECT asked.id, t.id AS ticket_id, t.number, t.subject_cipher,
    tk.id AS ticket_key_id, tk.wrapped AS ticket_wrapped, tk.master AS ticket_master,
    p.id AS purchase_id, p.title_cipher, p.amount, p.currency, p.ends_at,
    pk.id AS purchase_key_id, pk.wrapped AS purchase_wrapped, pk.master AS purchase_master
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS asked (id, ticket_id, purchase_id)
LEFT JOIN ticket t ON t.id = asked.ticket_id
LEFT JOIN personal_key tk ON tk.id = t.key_id
LEFT JOIN purchase p ON p.id = asked.purchase_id
LEFT JOIN customer c ON c.id = p.customer_id
LEFT JOIN personal_key pk ON pk.id = COALESCE(p.key_id, c.key_id)
"""


@dataclass(frozen=True, slots=True)
class Trigger:
    """What set a delivery off, and the language that it is told in. What falls due is a purchase, too."""

    locale: str
    ticket_id: UUID | None = None
    purchase_id: UUID | None = None


async def trigger_values(
    db: Reader, keyring: Keyring, viewer: Viewer, triggers: Mapping[UUID, Trigger], zone: ZoneInfo
) -> dict[UUID, dict[str, str]]:
    """The values of what set each delivery off, by the delivery's id; what is empty is left out."""
    viewer.require("campaigns.read")
    rows = await db.fetch(
        _SELECT,
        list(triggers),
        [each.ticket_id for each in triggers.values()],
        [each.purchase_id for each in triggers.values()],
    )
    return {
        row["id"]: {
            name: value for name, value in _values(keyring, row, triggers[row["id"]].locale, zone).items() if value
        }
        for row in rows
    }


def _values(keyring: Keyring, row: Row, locale: str, zone: ZoneInfo) -> dict[str, str]:
    values: dict[str, str] = {}
    if row["ticket_id"] is not None:
        values["ticket.reference"] = f"T{row['number']}"
        values["ticket.subject"] = _opened(keyring, row, "ticket", "subject_cipher")
    if row["purchase_id"] is not None:
        values["purchase.title"] = _opened(keyring, row, "purchase", "title_cipher")
        if row["amount"] is not None and row["currency"]:
            values["purchase.amount"] = values["fee.amount"] = written_money(row["amount"], row["currency"])
        if row["ends_at"] is not None:
            values["fee.due"] = written_day(row["ends_at"].astimezone(zone).date(), locale)
    return values


def _opened(keyring: Keyring, row: Row, table: str, column: str) -> str:
    wrapped = row[f"{table}_wrapped"]
    if wrapped is None or not row[column]:
        return ""
    key = keyring.unwrap(row[f"{table}_key_id"], Wrapped(row[f"{table}_master"], wrapped))
    return keyring.decrypt(key, table, column, row[f"{table}_id"], row[column])
