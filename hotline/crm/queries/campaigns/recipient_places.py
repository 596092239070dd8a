"""Where recipients are, by the zone that they named and their telephone numbers, and by which prices they are reached.
Whole numbers do not leave this file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from uuid import UUID

from hotline.calendars.zones import zone_names
from hotline.campaigns.prices import LONGEST
from hotline.campaigns.quiet_hours import NOWHERE, Place, place_of_number
from hotline.crm.database import Reader
from hotline.crm.keys import Keyring, Wrapped, WrongKey
from hotline.crm.viewer import Viewer

# The number that is written to, else the first one that the customer has.
_NUMBERS: Final = """
SELECT a.customer AS customer_id, n.id, n.value_cipher, k.id AS key_id, k.wrapped, k.master
FROM unnest($1::uuid[], $2::uuid[]) AS a (customer, point)
JOIN customer c ON c.id = a.customer
JOIN personal_key k ON k.id = c.key_id AND k.wrapped IS NOT NULL
JOIN LATERAL (
    SELECT p.id, p.value_cipher FROM contact_point p
    WHERE p.customer_id = a.customer AND p.kind IN ('phone', 'whatsapp')
    ORDER BY p.id IS DISTINCT FROM a.point, p.position, p.id LIMIT 1
) n ON true
"""

_ZONES: Final = """
SELECT id, preferences ->> 'timezone' AS zone FROM customer WHERE id = ANY($1) AND preferences ? 'timezone'
"""


async def places_of(
    db: Reader, keyring: Keyring, viewer: Viewer, points: Mapping[UUID, UUID | None]
) -> dict[UUID, Place]:
    """The place of each customer; ``points`` are the contact points that are written to. The zone that a customer named
    goes before those of the number; who has neither, or is erased, is nowhere."""
    numbers = await _numbers(db, keyring, viewer, points)
    named = {row["id"]: row["zone"] for row in await db.fetch(_ZONES, list(points)) if row["zone"] in zone_names()}
    places = {each: place_of_number(numbers[each]) if each in numbers else NOWHERE for each in points}
    return {each: replace(place, zones=(named[each],)) if each in named else place for each, place in places.items()}


async def beginnings_of(
    db: Reader, keyring: Keyring, viewer: Viewer, points: Mapping[UUID, UUID | None]
) -> dict[UUID, str]:
    """The first digits of each customer's number, as many as prices go by; ``points`` as above."""
    numbers = await _numbers(db, keyring, viewer, points)
    return {each: number[: LONGEST + 1] for each, number in numbers.items()}


async def _numbers(db: Reader, keyring: Keyring, viewer: Viewer, points: Mapping[UUID, UUID | None]) -> dict[UUID, str]:
    viewer.require("campaigns.read")
    found = {}
    for row in await db.fetch(_NUMBERS, list(points), list(points.values())):
        try:
            key = keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))
            found[row["customer_id"]] = keyring.decrypt(
                key, "contact_point", "value_cipher", row["id"], row["value_cipher"]
            )
        except WrongKey:
            continue
    return found
