"""What a customer who holds a link of ours may see of what they get: their own choices, their addresses in part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from hotline.campaigns.consent import ASKED, REACHED_BY, Channel, Purpose, State
from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring, Wrapped
from hotline.crm.viewer import Viewer
from hotline.customers.contact_points import mask

#: Addresses of one customer that are looked at.
_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Preference:
    """What a customer gets over one channel. ``marketing`` and ``service``: whether it goes; ``addresses`` are those
    of the channel, in part."""

    channel: Channel
    marketing: bool
    service: bool
    addresses: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose link it is, and of which delivery: its channel and the index of the address that it went to. ``channels``
    are the preferences of those by which the customer can be reached, the delivery's own first."""

    customer_id: UUID
    locale: str | None
    channels: tuple[Preference, ...]
    delivery_id: UUID | None = None
    channel: Channel | None = None
    address_index: bytes | None = field(default=None, repr=False)
    sent_at: datetime | None = None


async def holder_of_delivery(db: Reader, keyring: Keyring, viewer: Viewer, delivery_id: UUID) -> Holder | None:
    """Whom a delivery went to, None once nothing is known of it any more: it was forgotten, or they were erased."""
    viewer.require("consents.read")
    row = await db.fetchrow(
        """SELECT d.id, d.channel, d.locale, d.sent_at, COALESCE(c.merged_into_id, c.id) AS customer_id,
                  COALESCE(d.locale, c.locale) AS language, p.value_index
           FROM delivery d JOIN customer c ON c.id = d.customer_id
           LEFT JOIN contact_point p ON p.id = d.contact_point_id
           WHERE d.id = $1""",
        delivery_id,
    )
    return await _holder(db, keyring, row) if row is not None else None


async def holder_of_customer(db: Reader, keyring: Keyring, viewer: Viewer, customer_id: UUID) -> Holder | None:
    """A customer's own choices, None as above."""
    viewer.require("consents.read")
    row = await db.fetchrow(
        """SELECT NULL::uuid AS id, NULL::text AS channel, NULL::timestamptz AS sent_at, NULL::bytea AS value_index,
                  COALESCE(c.merged_into_id, c.id) AS customer_id, c.locale AS language
           FROM customer c WHERE c.id = $1""",
        customer_id,
    )
    return await _holder(db, keyring, row) if row is not None else None


async def _holder(db: Reader, keyring: Keyring, row: Row) -> Holder | None:
    person = await db.fetchrow(
        """SELECT c.id, c.locale, k.id AS key_id, k.wrapped, k.master
           FROM customer c JOIN personal_key k ON k.id = c.key_id WHERE c.id = $1 AND c.erased_at IS NULL""",
        row["customer_id"],
    )
    if person is None or person["wrapped"] is None:
        return None
    points = await db.fetch(
        """SELECT p.id, p.kind, p.value_cipher, p.value_index,
                  ARRAY(SELECT s.channel || ' ' || s.purpose FROM suppression s
                        WHERE s.address_index = p.value_index AND s.lifted_at IS NULL) AS held
           FROM contact_point p WHERE p.customer_id = $1 ORDER BY p.position, p.id LIMIT $2""",
        *(person["id"], _MOST),
    )
    said = await db.fetch("SELECT channel, purpose, state FROM consent WHERE customer_id = $1", person["id"])
    states = {(each["channel"], each["purpose"]): cast(State, each["state"]) for each in said}
    key = keyring.unwrap(person["key_id"], Wrapped(person["master"], person["wrapped"]))
    shown = {
        point["id"]: mask(
            point["kind"],
            keyring.decrypt(key, "contact_point", "value_cipher", point["id"], point["value_cipher"]),
        )
        for point in points
    }
    own = row["channel"]
    first = [own] if own in ASKED else []
    channels = [
        _preference(channel, points, shown, states, row["value_index"] if channel == own else None)
        for channel in (*first, *(each for each in ASKED if each != own))
        if channel == own or _reachable(channel, points, states)
    ]
    return Holder(
        customer_id=person["id"],
        locale=row["language"] or person["locale"],
        channels=tuple(channels),
        delivery_id=row["id"],
        channel=own if own in ASKED else None,
        address_index=row["value_index"],
        sent_at=row["sent_at"],
    )


def _reachable(channel: Channel, points: Sequence[Row], states: Mapping[tuple[str, str], State]) -> bool:
    """Telephones are not taken for WhatsApp where nobody ever said so."""
    if any((channel, purpose) in states for purpose in ("marketing", "service")):
        return True
    kinds = {"whatsapp": ("whatsapp",), "inapp": ("inapp",)}.get(channel, REACHED_BY[channel])
    return any(point["kind"] in kinds for point in points)


def _preference(
    channel: Channel,
    points: Sequence[Row],
    shown: Mapping[UUID, str],
    states: Mapping[tuple[str, str], State],
    asked: bytes | None,
) -> Preference:
    """``asked`` is the address of the message that the link was in: what holds for it is what is told."""
    own = [point for point in points if point["kind"] in REACHED_BY[channel]]
    counted = [point for point in own if point["value_index"] == asked] or own

    def goes(purpose: Purpose, *, unless: tuple[str, ...]) -> bool:
        held = [any(f"{channel} {scope}" in point["held"] for scope in unless) for point in counted]
        said = states.get((channel, purpose))
        willing = said == "granted" if purpose == "marketing" else said != "withdrawn"
        return willing and not (held and all(held))

    addresses = tuple(dict.fromkeys(shown[point["id"]] for point in counted))
    return Preference(
        channel,
        marketing=goes("marketing", unless=("all", "marketing")),
        service=goes("service", unless=("all",)),
        addresses=addresses[:3],
    )


async def addresses_of(db: Reader, viewer: Viewer, customer_id: UUID) -> dict[Channel, tuple[bytes, ...]]:
    """The indexes of all addresses of a customer, by channel."""
    viewer.require("consents.read")
    rows: Sequence[Any] = await db.fetch(
        "SELECT kind, value_index FROM contact_point WHERE customer_id = $1 ORDER BY position, id LIMIT $2",
        *(customer_id, _MOST),
    )
    return {
        channel: tuple(dict.fromkeys(row["value_index"] for row in rows if row["kind"] in REACHED_BY[channel]))
        for channel in ASKED
    }
