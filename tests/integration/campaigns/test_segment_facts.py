"""Whatever changes about a customer, rules know it at once; and each question finds whom it means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hotline.crm.commands.consent.consents import grant
from hotline.crm.commands.consent.opt_outs import opt_out
from hotline.crm.queries.campaigns.audience import Definition
from hotline.crm.viewer import SYSTEM
from hotline.ids import new_id
from hotline.workflows.campaigns import segments
from hotline.workflows.company import fields
from hotline.workflows.customers.customers import create_customer, update_customer
from hotline.workflows.customers.erasure import erase
from hotline.workflows.customers.merging import merge_customers, undo_merge
from hotline.workflows.customers.purchases import add_purchase, delete_purchase
from hotline.workflows.house import House
from hotline.workflows.tickets.tickets import change_ticket, create_ticket
from tests.integration.merging import add_call


async def found(house: House, rules: Any) -> set[str]:
    """The names of whom rules mean."""
    definition = Definition(await segments.check(house, SYSTEM, rules))
    answer = await segments.ask(house, SYSTEM, definition, samples=50)
    assert (answer.pending, answer.breakdown.matched) == (0, len(answer.sample))
    return {each.name for each in answer.sample}


async def make(house: House, name: str, **data: Any) -> UUID:
    fields: Any = {"name": name, **data}
    return (await create_customer(house, SYSTEM, fields)).id


def ask(field: str, op: str, value: Any = None) -> dict[str, Any]:
    return {"field": field, "op": op} if value is None else {"field": field, "op": op, "value": value}


async def test_rules_know_what_changed_a_moment_ago(house: House) -> None:
    ada, bob = await make(house, "Ada"), await make(house, "Bob")
    sailing = ask("tags", "any_of", ["sailing"])
    assert await found(house, sailing) == set()
    await update_customer(house, SYSTEM, ada, {"tags": ["Sailing"]})
    assert await found(house, sailing) == {"Ada"}
    await update_customer(house, SYSTEM, ada, {"tags": []})
    assert await found(house, sailing) == set()

    bought = ask("purchases", "at_least", 1)
    purchase = await add_purchase(
        house, SYSTEM, bob,
        {"kind": "product", "title": "Boat", "at": datetime.now(UTC), "amount": 250000, "currency": "EUR"},
    )  # fmt: skip
    assert await found(house, bought) == {"Bob"}
    assert await found(house, ask("spent", "at_least", {"amount": 250000, "currency": "EUR"})) == {"Bob"}
    assert await found(house, ask("spent", "at_least", {"amount": 1, "currency": "CNY"})) == set()
    await delete_purchase(house, SYSTEM, bob, purchase.id)
    assert await found(house, bought) == set()

    ticket = await create_ticket(house, SYSTEM, {"subject": "Late", "kind": "complaint", "customer_id": ada})
    assert await found(house, ask("open_tickets", "at_least", 1)) == {"Ada"}
    assert await found(house, ask("complaints", "equals", 1)) == {"Ada"}
    await change_ticket(house, SYSTEM, ticket.id, {"state": "resolved"})
    assert await found(house, ask("open_tickets", "at_least", 1)) == set()
    assert await found(house, ask("last_resolved_at", "within", {"hours": 1})) == {"Ada"}

    await add_call(house, bob)
    assert await found(house, ask("last_contact_at", "is_empty")) == set()
    assert await found(house, ask("last_call_at", "within", {"days": 1})) == {"Bob"}
    await house.db.execute("UPDATE call SET customer_id = $1", ada)
    assert await found(house, ask("calls", "at_least", 1)) == {"Ada"}
    await house.db.execute("""UPDATE call SET ivr = '{"survey": {"mood": "2"}}'""")
    assert await found(house, ask("survey.mood", "at_most", 3)) == {"Ada"}
    assert await found(house, ask("survey.mood", "in", ["5"])) == set()


async def test_consent_and_suppressions_are_in_the_facts(house: House) -> None:
    points = [{"kind": "email", "value": "ada@example.com"}, {"kind": "phone", "value": "+4930123456"}]
    ada = await make(house, "Ada", contact_points=points)
    await make(house, "Bob")
    assert await found(house, ask("channels", "all_of", ["email", "sms", "voice", "whatsapp"])) == {"Ada"}
    assert await found(house, ask("country", "any_of", ["de"])) == {"Ada"}
    agreed = ask("consent", "any_of", ["email:marketing"])
    assert await found(house, agreed) == set()
    async with house.unit(SYSTEM) as uow:
        await grant(uow, ada, "email", "marketing", source="form", wording="News, please.")
    assert await found(house, agreed) == {"Ada"}
    assert await found(house, ask("suppressed", "any_of", ["email"])) == set()
    async with house.unit(SYSTEM) as uow:
        await opt_out(uow, "email", house.keyring.contact_index("email", "ada@example.com"), source="link")
    assert await found(house, agreed) == set()
    assert await found(house, ask("consent_withdrawn", "any_of", ["email:marketing"])) == {"Ada"}
    assert await found(house, ask("suppressed", "any_of", ["email"])) == {"Ada"}
    assert await found(house, ask("suppressed", "any_of", ["sms"])) == set()


async def test_who_is_merged_or_erased_is_in_no_segment(house: House) -> None:
    kept, gone = await make(house, "Ada"), await make(house, "Ada again", tags=["Sailing"])
    await add_call(house, gone)
    merge_id = await merge_customers(house, SYSTEM, kept, gone, {})
    assert await found(house, {}) == {"Ada"}
    assert await found(house, ask("calls", "equals", 1)) == {"Ada"}
    await undo_merge(house, SYSTEM, merge_id)
    assert await found(house, {}) == {"Ada", "Ada again"}
    assert await found(house, ask("calls", "equals", 1)) == {"Ada again"}
    await erase(house, SYSTEM, gone, reason="request", confirm="C10002")
    assert await found(house, {}) == {"Ada"}
    assert await house.db.fetchval("SELECT count(*) FROM customer_facts") == 1


async def test_who_was_never_to_be_written_to_stays_so_when_merged(house: House) -> None:
    kept, gone = await make(house, "Ada"), await make(house, "Ada again")
    segment = await segments.create_segment(house, SYSTEM, "All", {})
    await segments.change_members(house, SYSTEM, segment.id, "exclude", add=[gone])
    merge_id = await merge_customers(house, SYSTEM, kept, gone, {})

    async def out() -> set[str]:
        definition = await segments.definition_of(house, SYSTEM, segment.id)
        answer = await segments.ask(house, SYSTEM, definition, samples=5)
        assert sum(answer.breakdown.excluded.values()) == 1
        return {"Ada", "Ada again"} - {each.name for each in answer.sample}

    assert await out() == {"Ada", "Ada again"}
    await undo_merge(house, SYSTEM, merge_id)
    assert await out() == {"Ada again"}
    await merge_customers(house, SYSTEM, kept, gone, {})
    changed = await segments.change_members(house, SYSTEM, segment.id, "exclude", remove=[kept])
    assert changed.current.exclude == 0


@pytest.fixture
async def four(house: House) -> dict[str, UUID]:
    """Customers who differ in whatever can be asked."""
    for data in (
        {"record": "customer", "key": "shoe", "names": {"en": "Shoe"}, "type": "decimal"},
        {"record": "person", "key": "birthday", "names": {"en": "Birthday"}, "type": "date"},
        {"record": "customer", "key": "hobbies", "names": {"en": "Hobbies"}, "type": "multi_choice",
         "choices": [{"key": "golf", "names": {"en": "Golf"}}, {"key": "chess", "names": {"en": "Chess"}}]},
        {"record": "customer", "key": "member", "names": {"en": "Member"}, "type": "boolean"},
        {"record": "customer", "key": "income", "names": {"en": "Income"}, "type": "money"},
    ):  # fmt: skip
        await fields.create_field(house, SYSTEM, data)  # type: ignore[arg-type]
    today = datetime.now(house.settings.timezone).date()
    made = {
        "Ada": await make(
            house, "Ada", tier="gold", locale="zh-CN", tags=["A", "B"],
            custom={"shoe": "38.5", "birthday": today.replace(year=1988).isoformat(), "hobbies": ["golf", "chess"],
                    "member": True, "income": {"amount": 500000, "currency": "EUR"}},
        ),
        "Bob": await make(house, "Bob", tier="silver", locale="en", tags=["B"], classification="prospect",
                          custom={"shoe": "44", "hobbies": ["golf"], "member": False}),
        "Eve": await make(house, "Eve", locale="zh", tags=["C"], preferences={"channel": "email"}),
        "Ltd": await make(house, "Ltd", kind="organisation"),
    }  # fmt: skip
    now = datetime.now(UTC)
    for days, amount in ((10, 1000), (40, 9000)):
        await add_purchase(
            house, SYSTEM, made["Bob"],
            {"kind": "service", "title": "Rent", "at": now - timedelta(days=days), "amount": amount,
             "currency": "EUR", "ends_at": now + timedelta(days=20)},
        )  # fmt: skip
    await create_ticket(
        house,
        SYSTEM,
        {"subject": "Bill", "kind": "complaint", "customer_id": made["Eve"], "category": "billing/refund"},
    )
    await house.db.execute(
        """INSERT INTO delivery (id, campaign_id, manifest_id, customer_id, channel, state, due_at, sent_at, clicked_at)
           VALUES ($1, $2, $2, $3, 'email', 'delivered', now(), now(), now())""",
        *(new_id(), UUID(int=9), made["Ada"]),
    )
    return made


async def test_each_question_finds_whom_it_means(house: House, four: dict[str, UUID]) -> None:
    everybody = set(four)
    campaign = str(UUID(int=9))
    for rules, expected in (
        ({}, everybody),
        (ask("kind", "in", ["organisation"]), {"Ltd"}),
        (ask("tier", "in", ["gold", "silver"]), {"Ada", "Bob"}),
        (ask("tier", "not_in", ["gold"]), {"Bob", "Eve", "Ltd"}),
        (ask("tier", "is_empty"), {"Eve", "Ltd"}),
        (ask("locale", "in", ["zh"]), {"Ada", "Eve"}),
        (ask("locale", "in", ["zh-cn"]), {"Ada"}),
        (ask("locale", "not_in", ["zh"]), {"Bob", "Ltd"}),
        (ask("classification", "in", ["prospect"]), {"Bob"}),
        (ask("source", "in", ["hand"]), everybody),
        (ask("preferred_channel", "in", ["email", "post"]), {"Eve"}),
        (ask("preferred_channel", "is_empty"), {"Ada", "Bob", "Ltd"}),
        (ask("responsible", "is_empty"), everybody),
        (ask("tags", "all_of", ["a", "B"]), {"Ada"}),
        (ask("tags", "all_of", ["a", "nobody has this"]), set()),
        (ask("tags", "none_of", ["b"]), {"Eve", "Ltd"}),
        (ask("tags", "is_empty"), {"Ltd"}),
        (ask("created_at", "within", {"hours": 1}), everybody),
        (ask("created_at", "after", "2001-01-01"), everybody),
        (ask("created_at", "before", "2001-01-01"), set()),
        (ask("created_at", "anniversary", {"in_days": 0}), everybody),
        (ask("created_at", "anniversary", {"in_days": 30, "to_days": 40}), set()),
        (ask("purchases", "between", [2, 5]), {"Bob"}),
        (ask("last_purchase_at", "not_within", {"days": 5}), everybody),
        (ask("first_purchase_at", "within", {"days": 30}), set()),
        (ask("custom.shoe", "at_least", "38.5"), {"Ada", "Bob"}),
        (ask("custom.shoe", "at_most", 40), {"Ada"}),
        (ask("custom.birthday", "anniversary", {"in_days": 0}), {"Ada"}),
        (ask("custom.birthday", "before", "1990-01-01"), {"Ada"}),
        (ask("custom.birthday", "is_empty"), {"Bob", "Eve", "Ltd"}),
        (ask("custom.hobbies", "all_of", ["chess", "golf"]), {"Ada"}),
        (ask("custom.hobbies", "none_of", ["chess"]), {"Bob", "Eve", "Ltd"}),
        (ask("custom.member", "equals", value=False), {"Bob"}),
        (ask("custom.income", "at_least", {"amount": 500000, "currency": "EUR"}), {"Ada"}),
        (ask("custom.income", "at_least", {"amount": 1, "currency": "CNY"}), set()),
        (ask("purchase", "has", {"kinds": ["service"], "days": 15}), {"Bob"}),
        (ask("purchase", "has", {"times": 2, "ends_in_days": 30}), {"Bob"}),
        (ask("purchase", "has", {"times": 3}), set()),
        (ask("purchase", "has", {"at_least": {"amount": 9000, "currency": "EUR"}}), {"Bob"}),
        (ask("purchase", "has_not", {"days": 15}), {"Ada", "Eve", "Ltd"}),
        (ask("ticket", "has", {"kinds": ["complaint"], "category": "billing", "states": ["new", "open"]}), {"Eve"}),
        (ask("ticket", "has", {"category": "bill"}), set()),
        (ask("call", "has", {"direction": "in", "days": 3}), set()),
        (ask("delivery", "has", {"campaign": campaign, "did": "clicked", "days": 1}), {"Ada"}),
        (ask("delivery", "has_not", {"campaign": campaign}), {"Bob", "Eve", "Ltd"}),
        (ask("delivery", "has", {"did": "failed"}), set()),
        ({"not": ask("custom.shoe", "at_least", 40)}, {"Ada", "Eve", "Ltd"}),
        ({"any": [ask("tier", "in", ["gold"]),
                  {"all": [ask("kind", "in", ["organisation"]), ask("tags", "is_empty")]}]}, {"Ada", "Ltd"}),
    ):  # fmt: skip
        assert await found(house, rules) == expected, rules
