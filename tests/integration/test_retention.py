"""Retention: what the company keeps for a time only is forgotten when that is over, and nothing else is."""

from __future__ import annotations

from datetime import timedelta

from hotline.calls.story import Alias, CallArrived
from hotline.crm import company
from hotline.crm.commands.upkeep.retention import forget_before
from hotline.crm.queries.customers.customers import get_customer
from hotline.crm.viewer import SYSTEM
from hotline.ids import new_id
from hotline.workflows.calls import calls
from hotline.workflows.company.company import put
from hotline.workflows.customers.customer_input import ContactPointInput
from hotline.workflows.customers.customers import create_customer, write_note
from hotline.workflows.house import House
from hotline.workflows.tickets.tickets import create_ticket
from hotline.workflows.upkeep.retention import apply_retention

NUMBER = "+8613911223344"


async def aged(house: House, table: str, column: str, days: int) -> None:
    await house.db.execute(f"UPDATE {table} SET {column} = now() - make_interval(days => $1)", days)


async def called(house: House, number: str = NUMBER) -> None:
    arrived = CallArrived(new_id(), house.clock(), "PJSIP/t", number, "A Name", False, "4000",
                          (Alias("uniqueid", str(new_id())),))  # fmt: skip
    await calls.apply(house, "main", [arrived])
    await house.db.execute("UPDATE call SET state = 'ended', ended_at = now()")


async def living_keys(house: House) -> int:
    return int(await house.db.fetchval("SELECT count(*) FROM personal_key WHERE wrapped IS NOT NULL"))


async def test_nothing_is_forgotten_until_the_company_says_so(house: House) -> None:
    customer = await create_customer(house, SYSTEM, {"kind": "person", "name": "Ada"})
    await write_note(house, SYSTEM, new_id(), "words", customer.id)
    await called(house)
    for table, column in (("call", "ended_at"), ("interaction", "at"), ("customer", "updated_at")):
        await aged(house, table, column, 3000)
    assert await apply_retention(house) == {}


async def test_an_unknown_caller_is_forgotten_and_a_customer_is_not(house: House) -> None:
    await put(house, SYSTEM, company.Retention(callers_days=30))
    points: list[ContactPointInput] = [{"kind": "phone", "value": "+8613800138000"}]
    await create_customer(house, SYSTEM, {"kind": "person", "name": "Ada", "contact_points": points})
    await called(house)
    await called(house, "+8613800138000")
    keys = await living_keys(house)
    assert await apply_retention(house) == {}
    await aged(house, "call", "ended_at", 31)
    assert await apply_retention(house) == {"callers": 1}
    rows = await house.db.fetch("SELECT caller_cipher IS NULL AS gone, caller_index IS NULL AS lost FROM call")
    assert sorted((row["gone"], row["lost"]) for row in rows) == [(False, False), (True, True)]
    assert await living_keys(house) == keys - 1
    (entry,) = await house.db.fetch("SELECT data FROM audit_entry WHERE action = 'retention:applied'")
    assert (entry["data"]["kind"], entry["data"]["rows"]) == ("callers", 1)


async def test_texts_of_closed_tickets_are_forgotten_and_the_tickets_stay(house: House) -> None:
    await put(house, SYSTEM, company.Retention(tickets_days=365))
    customer = await create_customer(house, SYSTEM, {"kind": "person", "name": "Ada"})
    for customer_id in (customer.id, None):
        fields = {"kind": "complaint", "subject": "The line is dead", "customer_id": customer_id}
        await create_ticket(house, SYSTEM, {k: v for k, v in fields.items() if v is not None})  # type: ignore[arg-type]
    keys = await living_keys(house)
    await house.db.execute("UPDATE ticket SET state = 'closed', closed_at = now() - interval '366 days'")
    await create_ticket(house, SYSTEM, {"kind": "complaint", "subject": "An open one", "customer_id": customer.id})
    assert await apply_retention(house) == {"tickets": 2}
    texts = await house.db.fetch("SELECT state, kind, subject_cipher IS NULL AS gone FROM ticket ORDER BY number")
    assert [row["gone"] for row in texts] == [True, True, False]
    assert {row["kind"] for row in texts} == {"complaint"}
    assert await living_keys(house) == keys - 1, "the ticket's own key, not the customer's"
    assert (await get_customer(house.db, house.keyring, SYSTEM, customer.id)).name == "Ada"
    assert await apply_retention(house) == {}


async def test_a_customer_with_whom_nothing_happens_is_erased(house: House) -> None:
    await put(house, SYSTEM, company.Retention(customers_days=1000, notes_days=10, changes_days=10))
    idle, busy, owed = [
        (await create_customer(house, SYSTEM, {"kind": "person", "name": name})).id for name in ("Idle", "Busy", "Owed")
    ]
    await create_ticket(house, SYSTEM, {"kind": "complaint", "subject": "Open", "customer_id": owed})
    await write_note(house, SYSTEM, new_id(), "words", busy)
    await house.db.execute("UPDATE interaction SET at = now() - interval '1001 days' WHERE kind <> 'note'")
    for table, column in (("customer", "updated_at"), ("ticket", "updated_at")):
        await aged(house, table, column, 1001)
    assert await apply_retention(house) == {"customers": 1}
    names = [(await get_customer(house.db, house.keyring, SYSTEM, each)).name for each in (idle, busy, owed)]
    assert names == ["", "Busy", "Owed"]
    await house.db.execute("UPDATE interaction SET at = at - make_interval(days => 11)")
    assert (await apply_retention(house))["notes"] == 1
    reason = await house.db.fetchval("SELECT reason FROM erasure WHERE customer_id = $1", idle)
    assert reason == "retention"
    assert house.clock() - (await house.db.fetchval("SELECT max(at) FROM erasure")) < timedelta(minutes=5)


async def test_clicks_and_months_of_tries_are_forgotten_and_what_came_of_a_message_stays(house: House) -> None:
    old, new = house.clock() - timedelta(days=91), house.clock()
    for number, at in enumerate((old, new)):
        await house.db.execute(
            "INSERT INTO link_click (delivery_id, manifest_id, n, at) VALUES ($1, $1, $2, $3)", new_id(), number, at
        )
        await house.db.execute(
            "INSERT INTO delivery_attempt (delivery_id, attempt, started_at, node) VALUES ($1, 1, $2, 'n')",
            *(new_id(), at),
        )
    assert await apply_retention(house) == {}
    await put(house, SYSTEM, company.Retention(clicks_days=90))
    assert (await apply_retention(house))["clicks"] == 1
    assert await house.db.fetchval("SELECT n FROM link_click") == 1
    assert [row["started_at"] for row in await house.db.fetch("SELECT started_at FROM delivery_attempt")] == [new]


async def test_content_that_no_campaign_has_is_forgotten_and_what_was_submitted_stays(house: House) -> None:
    versions = [new_id() for _ in range(4)]
    for each, days in zip(versions, (40, 40, 40, 1), strict=True):
        await house.db.execute(
            """INSERT INTO template_version (id, number, channel, content, sha256, at)
               VALUES ($1, 1, 'console', '{}', sha256($2), now() - make_interval(days => $3))""",
            *(each, each.bytes, days),
        )
    campaign = new_id()
    await house.db.execute(
        """INSERT INTO campaign (id, number, name, kind, channel, purpose, state, state_at, variants)
           VALUES ($1, 1, 'C', 'once', 'console', 'service', 'draft', now(), $2)""",
        *(campaign, [{"variant": "A", "version_id": str(versions[0])}]),
    )
    await house.db.execute(
        """INSERT INTO manifest (id, campaign_id, number, content, sha256, submitted_at, expires_at, state, state_at)
           VALUES ($1, $1, 1, $2, '', now(), now(), 'void', now())""",
        *(campaign, {"variants": [{"variant": "A", "version_id": str(versions[1])}]}),
    )
    async with house.unit(SYSTEM) as uow:
        assert (await forget_before(uow, uow.now - timedelta(days=30)))["template_versions"] == 1
    left = await house.db.fetch("SELECT id FROM template_version ORDER BY at, id")
    assert {row["id"] for row in left} == {versions[0], versions[1], versions[3]}
