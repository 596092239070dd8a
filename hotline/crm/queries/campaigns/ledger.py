"""Who got what: deliveries of campaigns, one by one, of the customers whom the viewer sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import product
from typing import Final
from uuid import UUID

from hotline.conversations.delivery import DELIVERIES
from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring, Wrapped
from hotline.crm.queries.customers.customer_views import MASK_OF, customer_reference
from hotline.crm.queries.customers.customers import require_customer
from hotline.crm.scopes import Arguments, customers_seen_each
from hotline.crm.viewer import Viewer
from hotline.customers import contact_points
from hotline.errors import NotFound

#: However many are asked for, a page holds no more than this.
MOST: Final = 1_001


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """A message of a campaign to one customer. ``to`` is the address that it goes to, as the viewer may see it, empty
    where it is not known any more; ``variant`` is the arm's name; ``cost`` is in minor units of ``currency``."""

    id: UUID
    campaign_id: UUID
    campaign_number: int | None
    campaign_name: str = field(repr=False)
    manifest_id: UUID
    occurrence: int
    customer_id: UUID
    customer_number: int
    customer_name: str = field(repr=False)
    erased: bool
    channel: str
    to: str = field(repr=False)
    variant: str
    locale: str | None
    state: str
    reason: str | None
    provider_id: str | None
    account_sid: str | None
    error_code: str | None
    attempts: int
    segments: int | None
    cost: int | None
    currency: str | None
    due_at: datetime
    expires_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    clicked_at: datetime | None
    scanned_at: datetime | None
    opted_out_at: datetime | None
    updated_at: datetime

    @property
    def customer_reference(self) -> str:
        """C10001."""
        return customer_reference(self.customer_number)


@dataclass(frozen=True, slots=True)
class LedgerFilter:
    """Which of them; None: whatever. ``customer_ids``: those of some people who were looked for. ``clicked`` and
    ``opted_out``: those that did; ``since`` and ``until`` bound when they were due."""

    campaign_id: UUID | None = None
    occurrence: int | None = None
    customer_id: UUID | None = None
    customer_ids: tuple[UUID, ...] | None = None
    channel: str | None = None
    states: tuple[str, ...] = ()
    variant: int | None = None
    reason: str | None = None
    error_code: str | None = None
    provider_id: str | None = None
    clicked: bool = False
    opted_out: bool = False
    since: datetime | None = None
    until: datetime | None = None


async def list_deliveries(
    db: Reader, keyring: Keyring, viewer: Viewer, chosen: LedgerFilter, *, limit: int, after: UUID | None = None
) -> list[DeliveryView]:
    """A page of them: of one campaign in the order of its recipients, else the latest first. Raises NotFound for a
    customer whom the viewer does not see."""
    viewer.require("campaigns.read")
    bind = Arguments()
    conditions = await _conditions(db, viewer, chosen, bind)
    if chosen.campaign_id is not None:
        # The order of the index by which a recipient is there once: a page of a million begins at once.
        order, place = "campaign_id, occurrence, customer_id", "(d.occurrence, d.customer_id) >"
        columns = "e.occurrence, e.customer_id"
    else:
        order, place, columns = "id DESC", "(d.id) <", "e.id"
    if after is not None:
        conditions.append(f"{place} (SELECT {columns} FROM delivery e WHERE e.id = {bind(after)})")  # noqa: S608
    most = bind(max(0, min(limit, MOST)))
    ordered = ", ".join(f"d.{column}" for column in order.split(", "))
    pages = [
        f"({_SELECT} WHERE {' AND '.join((*conditions, *part))} ORDER BY {ordered} LIMIT {most})"
        for part in product(*_parts(chosen))
    ]
    one = f"SELECT * FROM ({' UNION ALL '.join(pages)}) AS page ORDER BY {order} LIMIT {most}"  # noqa: S608
    rows = await db.fetch(one if len(pages) > 1 else pages[0], *bind.values)
    return await _views(db, keyring, viewer, rows)


def _parts(chosen: LedgerFilter) -> Iterator[tuple[str, ...]]:
    """Conditions of which each row fulfils one, written out, so that every part is read by an index that holds just its
    rows: of a state, of what was sent to somebody, and of what was not."""
    if chosen.states:
        if not set(chosen.states) <= set(DELIVERIES):
            raise ValueError("no such states")
        yield tuple(f"d.state = '{state}'" for state in dict.fromkeys(chosen.states))
    if chosen.customer_id is not None or chosen.customer_ids is not None:
        yield "d.sent_at IS NULL", "d.sent_at IS NOT NULL"


async def get_delivery(db: Reader, keyring: Keyring, viewer: Viewer, delivery_id: UUID) -> DeliveryView:
    """One of them. Raises NotFound."""
    viewer.require("campaigns.read")
    bind = Arguments()
    conditions = [f"d.id = {bind(delivery_id)}", *await _conditions(db, viewer, LedgerFilter(), bind)]
    rows = await db.fetch(f"{_SELECT} WHERE {' AND '.join(conditions)}", *bind.values)
    if not rows:
        raise NotFound()
    return (await _views(db, keyring, viewer, rows))[0]


_SELECT: Final = """
SELECT d.id, d.campaign_id, g.number AS campaign_number, g.name AS campaign_name, d.manifest_id, d.occurrence,
    d.customer_id, d.channel, d.variant, d.locale, d.state, d.reason, d.provider_id, d.account_sid, d.error_code,
    d.attempts, d.segments, d.cost_minor, d.cost_currency, d.due_at, d.expires_at, d.sent_at, d.delivered_at, d.read_at,
    d.clicked_at, d.scanned_at, d.opted_out_at, d.updated_at,
    c.number, c.name_cipher, c.id AS name_id, c.key_id, k.wrapped, k.master, p.id AS point_id, p.kind AS point_kind,
    p.value_cipher, o.key_id AS point_key_id, q.wrapped AS point_wrapped, q.master AS point_master
FROM delivery d
JOIN customer c ON c.id = d.customer_id
JOIN personal_key k ON k.id = c.key_id
LEFT JOIN campaign g ON g.id = d.campaign_id
LEFT JOIN contact_point p ON p.id = d.contact_point_id
LEFT JOIN customer o ON o.id = p.customer_id
LEFT JOIN personal_key q ON q.id = o.key_id
"""


async def _conditions(db: Reader, viewer: Viewer, chosen: LedgerFilter, bind: Arguments) -> list[str]:
    viewer.require("customers.read")
    conditions = ["true"]
    if chosen.customer_id is not None:
        found = await require_customer(db, viewer, chosen.customer_id)
        rows = await db.fetch("SELECT id FROM customer WHERE id = $1 OR merged_into_id = $1", found)
        conditions.append(f"d.customer_id = ANY({bind([row['id'] for row in rows])}::uuid[])")
    elif (seen := customers_seen_each(viewer, bind, "c")) is not None:
        conditions.append(seen)
    for column, value in (
        ("campaign_id", chosen.campaign_id),
        ("occurrence", chosen.occurrence),
        ("channel", chosen.channel),
        ("variant", chosen.variant),
        ("reason", chosen.reason),
        ("error_code", chosen.error_code),
        ("provider_id", chosen.provider_id),
    ):
        if value is not None:
            conditions.append(f"d.{column} = {bind(value)}")
    if chosen.customer_ids is not None:
        conditions.append(f"d.customer_id = ANY({bind(list(chosen.customer_ids))}::uuid[])")
    if chosen.clicked:
        conditions.append("d.clicked_at IS NOT NULL")
    if chosen.opted_out:
        conditions.append("d.opted_out_at IS NOT NULL")
    if chosen.since is not None:
        conditions.append(f"d.due_at >= {bind(chosen.since)}")
    if chosen.until is not None:
        conditions.append(f"d.due_at < {bind(chosen.until)}")
    return conditions


async def _views(db: Reader, keyring: Keyring, viewer: Viewer, rows: Sequence[Row]) -> list[DeliveryView]:
    names = await variant_names(db, viewer, {row["manifest_id"] for row in rows})
    return [_view(keyring, viewer, row, names.get(row["manifest_id"], ())) for row in rows]


async def variant_names(db: Reader, viewer: Viewer, manifest_ids: set[UUID]) -> Mapping[UUID, tuple[str, ...]]:
    """The names of the variants of manifests, as deliveries count them."""
    viewer.require("campaigns.read")
    rows = await db.fetch(
        """SELECT m.id, ARRAY(SELECT v ->> 'variant' FROM jsonb_array_elements(m.content -> 'variants') AS v
                              ORDER BY v ->> 'variant') AS names
           FROM manifest m WHERE m.id = ANY($1::uuid[]) AND jsonb_typeof(m.content -> 'variants') = 'array'""",
        sorted(manifest_ids),
    )
    return {row["id"]: tuple(row["names"]) for row in rows}


def variant_name(names: Sequence[str], variant: int) -> str:
    """What a variant is called; by its letter where its manifest says nothing of it."""
    return names[variant] if 0 <= variant < len(names) else chr(ord("A") + variant % 26)


def _view(keyring: Keyring, viewer: Viewer, row: Row, names: Sequence[str]) -> DeliveryView:
    name, to = "", ""
    if row["wrapped"] is not None:
        key = keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))
        name = keyring.decrypt(key, "customer", "name_cipher", row["name_id"], row["name_cipher"])
    if row["point_id"] is not None and row["point_wrapped"] is not None:
        key = keyring.unwrap(row["point_key_id"], Wrapped(row["point_master"], row["point_wrapped"]))
        value = keyring.decrypt(key, "contact_point", "value_cipher", row["point_id"], row["value_cipher"])
        masked = MASK_OF[row["point_kind"]] in viewer.masks
        to = contact_points.mask(row["point_kind"], value) if masked else value
    return DeliveryView(
        id=row["id"],
        campaign_id=row["campaign_id"],
        campaign_number=row["campaign_number"],
        campaign_name=row["campaign_name"] or "",
        manifest_id=row["manifest_id"],
        occurrence=row["occurrence"],
        customer_id=row["customer_id"],
        customer_number=row["number"],
        customer_name=name,
        erased=row["wrapped"] is None,
        channel=row["channel"],
        to=to,
        variant=variant_name(names, row["variant"]),
        locale=row["locale"],
        state=row["state"],
        reason=row["reason"],
        provider_id=row["provider_id"],
        account_sid=row["account_sid"],
        error_code=row["error_code"],
        attempts=row["attempts"],
        segments=row["segments"],
        cost=row["cost_minor"],
        currency=row["cost_currency"],
        due_at=row["due_at"],
        expires_at=row["expires_at"],
        sent_at=row["sent_at"],
        delivered_at=row["delivered_at"],
        read_at=row["read_at"],
        clicked_at=row["clicked_at"],
        scanned_at=row["scanned_at"],
        opted_out_at=row["opted_out_at"],
        updated_at=row["updated_at"],
    )
