"""Freezing who gets a campaign: who is in, who is out and why, and that what was frozen can be proved."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from hotline.crm.audience_proof import digest
from hotline.crm.commands.audience import freeze
from hotline.crm.commands.consents import grant, withdraw
from hotline.crm.commands.suppressions import suppress
from hotline.crm.viewer import SYSTEM
from hotline.ids import new_id
from hotline.workflows import segments
from hotline.workflows.customers import create_customer
from hotline.workflows.house import House


async def customer(house: House, name: str, *, email: str | None = None, agreed: bool = True, **fields: Any) -> UUID:
    points = [{"kind": "email", "value": email}] if email else []
    made = await create_customer(house, SYSTEM, {"name": name, "contact_points": points, **fields})
    if agreed:
        await agree(house, made.id)
    return made.id


async def agree(house: House, customer_id: UUID, *, no: bool = False) -> None:
    async with house.unit(SYSTEM) as uow:
        await (withdraw if no else grant)(
            uow, customer_id, "email", "marketing", source="form", wording="I agree to news."
        )


async def everybody(house: House, rules: Any = None) -> UUID:
    made = await segments.create_segment(house, SYSTEM, "Everybody", rules or {})
    return made.current.id


async def test_each_is_in_once_or_out_for_one_reason(house: House) -> None:
    ada = await customer(house, "Ada", email="ada@example.com")
    bob = await customer(house, "Bob", email="bob@example.com")
    await customer(house, "No address")
    await customer(house, "Never asked", email="quiet@example.com", agreed=False)
    against = await customer(house, "Against", email="no@example.com")
    await agree(house, against, no=True)
    await customer(house, "Bounced", email="gone@example.com")
    await customer(house, "Ada's husband", email="ADA@example.com")
    async with house.unit(SYSTEM) as uow:
        await suppress(uow, "email", house.keyring.contact_index("email", "gone@example.com"), "bounce", "provider")
    version, manifest = await everybody(house), new_id()
    async with house.unit(SYSTEM) as uow:
        frozen = await freeze(uow, manifest, version, "email", "marketing")
    assert frozen.excluded == {
        "no_contact_point": 1, "no_consent": 1, "consent_withdrawn": 1, "suppressed": 1, "same_address": 1,
    }  # fmt: skip
    assert (frozen.count, frozen.matched) == (2, 7)
    rows = await house.db.fetch("SELECT position, customer_id FROM recipient WHERE manifest_id = $1", manifest)
    expected = sorted((ada, bob))
    assert {row["position"]: row["customer_id"] for row in rows} == dict(enumerate(expected))
    assert frozen.sha256 == hashlib.sha256(b"".join(each.bytes for each in expected)).digest()
    assert await digest(house.db, manifest) == (2, frozen.sha256)
