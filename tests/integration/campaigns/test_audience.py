"""Freezing who gets a campaign: who is in, who is out and why, and that what was frozen can be proved."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

import pytest

from hotline.crm.audience_proof import digest
from hotline.crm.commands.campaigns.audience import Overrides, forget, freeze, matching
from hotline.crm.commands.consent.consents import grant, withdraw
from hotline.crm.commands.consent.suppressions import suppress
from hotline.crm.viewer import SYSTEM
from hotline.errors import Conflict
from hotline.ids import new_id
from hotline.workflows.campaigns import segments
from hotline.workflows.customers.customers import create_customer
from hotline.workflows.house import House


async def customer(house: House, name: str, *, email: str | None = None, agreed: bool = True, **fields: Any) -> UUID:
    data: Any = {"name": name, "contact_points": [{"kind": "email", "value": email}] if email else [], **fields}
    made = await create_customer(house, SYSTEM, data)
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


async def test_a_segment_is_frozen_as_its_version_said(house: House) -> None:
    ada = await customer(house, "Ada", email="ada@example.com", tags=["Sailing"])
    bob = await customer(house, "Bob", email="bob@example.com")
    eve = await customer(house, "Eve", email="eve@example.com")
    segment = await segments.create_segment(
        house, SYSTEM, "Sailors", {"field": "tags", "op": "any_of", "value": ["Sailing"]}
    )
    listed = await segments.change_members(house, SYSTEM, segment.id, "include", add=[bob, eve])
    later = await segments.change_members(house, SYSTEM, segment.id, "exclude", add=[eve])
    for version, expected in (
        (segment.current.id, {ada}),
        (listed.current.id, {ada, bob, eve}),
        (later.current.id, {ada, bob}),
    ):
        manifest = new_id()
        async with house.unit(SYSTEM) as uow:
            frozen = await freeze(uow, manifest, version, "email", "marketing")
            found = await matching(uow, version, "email", "marketing", [ada, eve])
        rows = await house.db.fetch("SELECT customer_id FROM recipient WHERE manifest_id = $1", manifest)
        assert {row["customer_id"] for row in rows} == expected
        assert (frozen.count, dict(frozen.excluded)) == (len(expected), {})
        assert {each for each, _ in found} == expected & {ada, eve}
        assert all(point is not None for _, point in found)


async def test_a_campaign_may_have_fewer(house: House) -> None:
    people = [await customer(house, f"P{number}", email=f"p{number}@example.com") for number in range(5)]
    version, manifest = await everybody(house), new_id()
    async with house.unit(SYSTEM) as uow:
        frozen = await freeze(uow, manifest, version, "email", "marketing", Overrides(exclude=(people[0],)), most=3)
    assert (frozen.count, frozen.excluded, frozen.matched) == (3, {"excluded_by_list": 1, "over_limit": 1}, 5)
    rows = await house.db.fetch("SELECT position FROM recipient WHERE manifest_id = $1 ORDER BY position", manifest)
    assert [row["position"] for row in rows] == [0, 1, 2]
    with pytest.raises(Conflict):
        async with house.unit(SYSTEM) as uow:
            await freeze(uow, manifest, version, "email", "marketing")
    async with house.unit(SYSTEM) as uow:
        assert await forget(uow, manifest) == 3
    assert await digest(house.db, manifest) == (0, hashlib.sha256().digest())


async def test_channels_that_need_no_address_and_what_somebody_must_know(house: House) -> None:
    await customer(house, "Ada", agreed=False)
    against = await customer(house, "Bob", agreed=False)
    async with house.unit(SYSTEM) as uow:
        await withdraw(uow, against, "inapp", "service", source="form")
    version = await everybody(house)
    expected: dict[tuple[Any, Any], dict[str, int]] = {
        ("inapp", "marketing"): {"no_consent": 2},
        ("inapp", "service"): {"": 1, "consent_withdrawn": 1},
        ("console", "marketing"): {"": 2},
        ("sms", "service"): {"no_contact_point": 2},
    }
    for (channel, purpose), counts in expected.items():
        async with house.unit(SYSTEM) as uow:
            frozen = await freeze(uow, new_id(), version, channel, purpose)
        assert (frozen.count, dict(frozen.excluded)) == (counts.pop("", 0), counts), channel


async def test_the_best_contact_point_that_is_not_held_back_is_taken(house: House) -> None:
    points: Any = [{"kind": "email", "value": f"{name}@example.com"} for name in ("old", "new")]
    made = await create_customer(house, SYSTEM, {"name": "Ada", "contact_points": points})
    await agree(house, made.id)
    version = await everybody(house)
    for held, expected in ((None, "old"), ("old", "new")):
        manifest = new_id()
        async with house.unit(SYSTEM) as uow:
            if held:
                index = house.keyring.contact_index("email", f"{held}@example.com")
                await suppress(uow, "email", index, "bounce", "provider")
            await freeze(uow, manifest, version, "email", "marketing")
        point = await house.db.fetchval("SELECT contact_point_id FROM recipient WHERE manifest_id = $1", manifest)
        assert point == next(each.id for each in made.contact_points if each.value.startswith(expected))


async def test_an_altered_recipient_changes_the_proof(house: House) -> None:
    for number in range(3):
        await customer(house, f"P{number}", email=f"p{number}@example.com")
    version, manifest = await everybody(house), new_id()
    async with house.unit(SYSTEM) as uow:
        frozen = await freeze(uow, manifest, version, "email", "marketing")
    for change in (
        "UPDATE recipient SET customer_id = gen_random_uuid() WHERE position = 1",
        "UPDATE recipient SET position = position + 10 WHERE position = 2",
        "DELETE FROM recipient WHERE position = 0",
    ):
        await house.db.execute(change)
        assert await digest(house.db, manifest) != (3, frozen.sha256)
