"""Consent: records and what holds by them, and the one place where every no ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hotline.campaigns.consent import Channel, Purpose
from hotline.crm.commands.consent.consents import grant, withdraw
from hotline.crm.commands.consent.opt_outs import opt_in, opt_out
from hotline.crm.commands.consent.suppressions import reasons_of
from hotline.crm.personal_keys import load_personal_key
from hotline.crm.viewer import SYSTEM
from hotline.ids import new_id
from hotline.workflows.customers import merging
from hotline.workflows.customers.customers import create_customer
from hotline.workflows.house import House

LONG_AGO = datetime(2020, 5, 1, tzinfo=UTC)


async def person(house: House, name: str, *points: tuple[str, str]) -> UUID:
    data: Any = {"name": name, "contact_points": [{"kind": kind, "value": value} for kind, value in points]}
    return (await create_customer(house, SYSTEM, data)).id


async def held(house: House, customer_id: UUID) -> dict[tuple[str, str], str]:
    rows = await house.db.fetch("SELECT channel, purpose, state FROM consent WHERE customer_id = $1", customer_id)
    return {(row["channel"], row["purpose"]): row["state"] for row in rows}


async def agree(house: House, customer_id: UUID, channel: Channel = "email", purpose: Purpose = "marketing") -> None:
    async with house.unit(SYSTEM) as uow:
        assert await grant(uow, customer_id, channel, purpose, source="form", wording="Yes, news by mail")


async def sent(house: House, customer_id: UUID, channel: str, ago: timedelta) -> UUID:
    """A delivery that left."""
    delivery_id, at = new_id(), house.clock() - ago
    await house.db.execute(
        """INSERT INTO delivery (id, campaign_id, manifest_id, customer_id, channel, state, due_at, sent_at)
           VALUES ($1, $2, $2, $3, $4, 'sent', $5, $5)""",
        *(delivery_id, new_id(), customer_id, channel, at),
    )
    return delivery_id


async def test_rule_10_a_known_number_is_no_consent_and_service_is_another_than_marketing(house: House) -> None:
    anna = await person(house, "Anna", ("phone", "+14155550101"), ("email", "anna@example.com"))
    assert await held(house, anna) == {}
    async with house.unit(SYSTEM) as uow:
        call = uow.new_id()
        said: dict[str, Any] = {"wording": "May we text you offers?", "proof": "recording 7", "ip": "2001:db8::1"}
        assert await grant(uow, anna, "sms", "marketing", source="call", call_id=call, **said)
    assert await held(house, anna) == {("sms", "marketing"): "granted"}
    row = await house.db.fetchrow("SELECT * FROM consent_record WHERE customer_id = $1", anna)
    assert row is not None
    assert (row["channel"], row["purpose"], row["action"], row["source"]) == ("sms", "marketing", "granted", "call")
    assert row["call_id"] == call
    assert row["at"] <= house.clock()
    key_id = await house.db.fetchval("SELECT key_id FROM customer WHERE id = $1", anna)
    key = await load_personal_key(house.db, house.keyring, key_id)
    assert key is not None
    text = house.keyring.decrypt(key, "consent_record", "sealed", row["id"], row["sealed"])
    for part in said.values():
        assert part in text
        assert part.encode() not in row["sealed"]


async def test_an_older_word_is_kept_and_changes_nothing(house: House) -> None:
    anna = await person(house, "Anna", ("email", "anna@example.com"))
    async with house.unit(SYSTEM) as uow:
        assert await withdraw(uow, anna, "email", "marketing", source="link")
        assert not await grant(uow, anna, "email", "marketing", source="import", at=LONG_AGO)
        assert not await withdraw(uow, anna, "email", "marketing", source="link")
    assert await held(house, anna) == {("email", "marketing"): "withdrawn"}
    assert await house.db.fetchval("SELECT count(*) FROM consent_record") == 2


@pytest.mark.parametrize("source", ["message", "call", "provider", "agent", "api", "import", "link"])
async def test_every_no_ends_in_the_same_place(house: House, source: Any) -> None:
    anna = await person(house, "Anna", ("phone", "+14155550101"))
    bert = await person(house, "Bert", ("phone", "+14155550101"))
    await agree(house, anna, "sms")
    older = await sent(house, anna, "sms", timedelta(days=2))
    latest = await sent(house, anna, "sms", timedelta(hours=1))
    index = house.keyring.contact_index("phone", "+14155550101")
    async with house.unit(SYSTEM) as uow:
        done = await opt_out(uow, "sms", index, source=source)
        assert {anna, bert} == set(done.customer_ids)
        assert done.new
        again = await opt_out(uow, "sms", index, source=source)
        assert not again.new
    both = {("sms", "marketing"): "withdrawn", ("sms", "service"): "withdrawn"}
    assert await held(house, anna) == await held(house, bert) == both
    assert await reasons_of(house.db, "sms", index) == {"opt_out"}
    assert await reasons_of(house.db, "whatsapp", index) == frozenset()
    marked = await house.db.fetch("SELECT id FROM delivery WHERE opted_out_at IS NOT NULL")
    of_person = source in ("agent", "api", "import")
    assert [row["id"] for row in marked] == ([] if of_person else [latest])
    assert older != latest
    told = await house.db.fetch("SELECT data FROM outbox WHERE type = 'consent.changed'")
    assert {row["data"]["customer_id"] for row in told} >= {str(anna), str(bert)}


async def test_who_wants_no_marketing_still_gets_their_replies(house: House) -> None:
    anna = await person(house, "Anna", ("email", "anna@example.com"))
    await agree(house, anna)
    first, second = [await sent(house, anna, "email", timedelta(hours=n)) for n in (2, 1)]
    index = house.keyring.contact_index("email", "anna@example.com")
    async with house.unit(SYSTEM) as uow:
        await opt_out(uow, "email", index, source="link", purpose="marketing", delivery_id=first, customer_id=anna)
    assert await held(house, anna) == {("email", "marketing"): "withdrawn"}
    assert await reasons_of(house.db, "email", index) == frozenset()
    assert await reasons_of(house.db, "email", index, "marketing") == {"opt_out"}
    marked = await house.db.fetchval("SELECT array_agg(id) FROM delivery WHERE opted_out_at IS NOT NULL")
    assert marked == [first]
    assert second != first
    # A complaint says more than that: nothing at all goes any more. The smaller word does not take it back.
    async with house.unit(SYSTEM) as uow:
        await opt_out(uow, "email", index, source="provider", reason="complaint")
        await opt_out(uow, "email", index, source="link", reason="complaint", purpose="marketing")
    assert await reasons_of(house.db, "email", index) == {"complaint"}


async def test_rule_04_where_nothing_arrives_consent_is_as_it_was(house: House) -> None:
    anna = await person(house, "Anna", ("email", "anna@example.com"))
    await agree(house, anna)
    await sent(house, anna, "email", timedelta(hours=1))
    index = house.keyring.contact_index("email", "anna@example.com")
    async with house.unit(SYSTEM) as uow:
        await opt_out(uow, "email", index, source="provider", reason="bounce", code="5.1.1")
    assert await held(house, anna) == {("email", "marketing"): "granted"}
    assert await reasons_of(house.db, "email", index) == {"bounce"}
    assert await house.db.fetchval("SELECT count(*) FROM delivery WHERE opted_out_at IS NOT NULL") == 0


@pytest.mark.parametrize("agreed", [True, False])
async def test_rule_08_start_gives_back_what_there_was_and_no_more(house: House, agreed: bool) -> None:
    anna = await person(house, "Anna", ("phone", "+14155550101"))
    if agreed:
        await agree(house, anna, "sms")
    index = house.keyring.contact_index("phone", "+14155550101")
    async with house.unit(SYSTEM) as uow:
        await opt_out(uow, "sms", index, source="message", at=uow.now - timedelta(minutes=1))
        assert await opt_in(uow, "sms", index, source="message", reasons=("opt_out",), restores=True)
    assert await reasons_of(house.db, "sms", index) == frozenset()
    assert await held(house, anna) == {
        ("sms", "marketing"): "granted" if agreed else "withdrawn",
        ("sms", "service"): "granted",
    }


async def test_of_two_who_become_one_the_stricter_word_holds_until_they_are_two_again(house: House) -> None:
    kept = await person(house, "Anna", ("email", "anna@example.com"))
    gone = await person(house, "Anna B.", ("email", "anna.b@example.com"))
    async with house.unit(SYSTEM) as uow:
        await withdraw(uow, kept, "email", "marketing", source="link", at=LONG_AGO)
        await grant(uow, kept, "sms", "marketing", source="form", wording="kept's words")
        await grant(uow, gone, "email", "marketing", source="form", wording="gone's words")
        await withdraw(uow, gone, "sms", "marketing", source="message", at=LONG_AGO)
        await grant(uow, gone, "voice", "service", source="form")
    done = await merging.merge_customers(house, SYSTEM, kept, gone, {})
    assert await held(house, kept) == {
        ("email", "marketing"): "withdrawn",
        ("sms", "marketing"): "withdrawn",
        ("voice", "service"): "granted",
    }
    assert await held(house, gone) == {}
    await merging.undo_merge(house, SYSTEM, done)
    assert await held(house, kept) == {("email", "marketing"): "withdrawn", ("sms", "marketing"): "granted"}
    assert await held(house, gone) == {
        ("email", "marketing"): "granted",
        ("sms", "marketing"): "withdrawn",
        ("voice", "service"): "granted",
    }
