"""Customers are found by what people type, ranked, bounded, and never beyond what their viewer sees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hotline.crm.commands.customers import search_tokens
from hotline.crm.queries.customers import customer_search, customers_seen
from hotline.crm.queries.customers.customer_filter import CustomerFilter
from hotline.crm.queries.customers.customer_search import found_ids, search_customers
from hotline.crm.queries.customers.customers import CustomerView, list_customers
from hotline.crm.queries.customers.search import search
from hotline.crm.viewer import SHIPPED_ROLES, SYSTEM, Viewer, viewer_of
from hotline.errors import Invalid
from hotline.ids import new_id
from hotline.workflows.company import fields
from hotline.workflows.customers.customers import CustomerChanges, create_customer
from hotline.workflows.house import House
from hotline.workflows.tickets.tickets import create_ticket
from tests.integration.people import add_user, viewer_as

NUMBER = "+8613912340412"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


async def add(house: House, name: str, phone: str | None = None, email: str = "", **fields: Any) -> CustomerView:
    points = [("phone", phone), ("email", email)]
    data: CustomerChanges = {
        "name": name,
        "contact_points": [{"kind": kind, "value": value} for kind, value in points if value],
        **fields,  # type: ignore[typeddict-item]
    }
    return await create_customer(house, SYSTEM, data)


async def found(house: House, text: str, viewer: Viewer = SYSTEM, **options: Any) -> list[str]:
    options.setdefault("limit", 50)
    customers = await search_customers(house.db, house.keyring, viewer, text, region="CN", **options)
    return [customer.name for customer in customers]


async def spoke(house: House, customer_id: UUID, at: datetime) -> None:
    await house.db.execute(
        "INSERT INTO interaction (id, customer_id, kind, at) VALUES ($1, $2, 'note', $3)", new_id(), customer_id, at
    )


@pytest.fixture
async def people(house: House) -> dict[str, CustomerView]:
    """Four customers who share this and that."""
    made = (
        await add(house, "Wang Wei", NUMBER, "wei.wang@example.com", tags=["VIP"]),
        await add(house, "王小明", NUMBER, tags=["key account"]),
        await add(house, "Jörg Müller-Lüdenscheidt", "+8613800004711", "jorg@mail.example.org", tags=["VIP"]),
        await add(house, "Katharina Wiesenthal", "+8613800009999", tier="gold"),
    )
    return {customer.name: customer for customer in made}


WEI, MING, JORG, KATHARINA = "Wang Wei", "王小明", "Jörg Müller-Lüdenscheidt", "Katharina Wiesenthal"


async def test_by_everything_that_people_type(house: House, people: dict[str, CustomerView]) -> None:
    wrong = {}
    for text, names in (
        ("wang", [WEI]),
        ("WEI wa", [WEI]),
        ("小明", [MING]),
        ("王", [MING]),
        ("muller", [JORG]),
        ("lüdenscheidt", [JORG]),
        ("thal", [KATHARINA]),
        ("ariN wies", [KATHARINA]),
        ("ludenscheidx", []),
        ("0412", [MING, WEI]),
        ("2340412", [MING, WEI]),
        ("139 1234 0412", [MING, WEI]),
        ("+8613912340412", [MING, WEI]),
        ("\uff10\uff14\uff11\uff12", [MING, WEI]),  # full width
        ("412", []),
        ("wang 0412", [WEI]),
        ("0412 王", [MING]),
        ("wang 4711", []),
        ("jorg@mail.example.org", [JORG]),
        ("JORG@MAIL.EXAMPLE.ORG", [JORG]),
        ("jorg@mail", [JORG]),
        ("@mail.example.org", [JORG]),
        ("wei.wang", [WEI]),
        ("wang@example.com", [WEI]),
        ("wan@example.com", []),
        ("example.com", [WEI]),
        ("jorg", [JORG]),
        ("jorg mai", []),
        ("mail", [JORG]),
        ("example", [WEI]),
        ("jorg #vip", [JORG]),
        ("4711 jorg", [JORG]),
        ("jorg 0412", []),
        ("#vip", [JORG, WEI]),
        ("#VIP wei", [WEI]),
        ("#key account", [MING]),
        ("#key account 小明", [MING]),
        ("#nowhere", []),
        ("#vip #key account", []),
        (people[WEI].reference, [WEI]),
        (people[WEI].reference.lower() + " wang", [WEI]),
        (people[WEI].reference + " jorg", []),
        (str(people[WEI].number), [WEI]),
        ("C999999999999", []),
        ("", []),
        ("---", []),
        ("x" * 150, []),
        ("' OR 1=1 --", []),
        ("%", []),
        ("_", []),
    ):
        if (got := await found(house, text)) != names:
            wrong[text] = got
    assert wrong == {}
    with pytest.raises(Invalid, match=r"^q: "):
        await found(house, "x" * 10_000)


async def test_tags_are_found_whatever_their_case(house: House) -> None:
    await add(house, "Anna", tags=["Große Straße", "Gate 51.b"])
    for text in (
        "#große straße",
        "#GROßE STRAßE anna",
        "anna #Große Straße",
        "#gate 51.b",
        "#Gate 51.B anna #große straße",
    ):
        assert await found(house, text) == ["Anna"], text


async def test_the_best_come_first(house: House) -> None:
    part = await add(house, "Johanna")
    beginning = await add(house, "Annabel Lee")
    whole = await add(house, "Anna Lee")
    gold = await add(house, "Anna", tier="gold")
    recent = await add(house, "Anna")
    same = await add(house, "Anna")
    await spoke(house, recent.id, NOW)
    await spoke(house, part.id, NOW)
    ids = await found_ids(house.db, house.keyring, SYSTEM, "anna", region="CN")
    assert ids == [each.id for each in (recent, gold, same, whole, beginning, part)]


async def test_pages_follow_each_other(house: House) -> None:
    made = [await add(house, f"Anna {n}", tags=["odd"] if n % 2 else []) for n in range(7)]
    newest_first = [customer.name for customer in reversed(made)]
    pages = [await found(house, "anna", limit=3, after=place) for place in (0, 3, 6, 9)]
    assert [name for page in pages for name in page] == newest_first
    assert [len(page) for page in pages] == [3, 3, 1, 0]
    assert await found(house, "anna", chosen=CustomerFilter(tag="ODD")) == newest_first[1::2]
    assert await found(house, "anna", chosen=CustomerFilter(tier="gold")) == []


async def test_a_name_that_only_seems_to_fit_is_not_found(house: House) -> None:
    """Long words are kept by their first letters, so that what is found is compared with the real name."""
    for n in range(12):
        await add(house, f"Donaudampfschifffahrtsgesellschaft {n}")
    wanted = await add(house, "Donaudampfschifffahrtsgesetz")
    await add(house, "Millena Illena")
    assert await found(house, "donaudampfschifffahrtsgesetz") == [wanted.name]
    assert await found(house, "millenia") == []


async def test_too_many_are_bounded_and_the_latest_contacts_are_among_them(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(customer_search, "MOST", 5)
    monkeypatch.setattr(customer_search, "MOST_OF_MANY", 5)
    made = [await add(house, f"Anna Lee {n}", NUMBER, tags=["all"]) for n in range(12)]
    for customer in made[-2:]:
        await spoke(house, customer.id, NOW - timedelta(days=customer.number % 2))
    lately = [customer.name for customer in made[-2:]]
    for text in ("anna", "lee an", "0412", "#all", "#all anna", "anna 0412", "@@ anna"):
        got = await found(house, text)
        assert len(got) == 5, text
        assert set(got[:2]) == set(lately), text
    rare = await add(house, "Anna Zimmermann", "+8613912340413", tags=["all"])
    for text in ("anna zimm", "zimm #all", "anna 0413", "#all 0413"):
        assert await found(house, text) == [rare.name], text


async def test_the_latest_of_ones_own_are_among_too_many(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customer_search, "MOST", 5)
    made = [await add(house, f"Anna Lee {n}") for n in range(12)]
    viewer = await add_user(house, "anna")
    own = viewer_of(viewer.user_id or new_id(), viewer.permissions - {"customers.read_all"})
    await house.db.execute("UPDATE customer SET responsible_id = $1", own.user_id)
    for customer in made[-2:]:
        await spoke(house, customer.id, NOW - timedelta(days=customer.number % 2))
        await house.db.execute(
            """INSERT INTO call (id, pbx, direction, state, customer_id, user_id, offered_at)
               VALUES ($1, 'main', 'in', 'ended', $2, $3, $4)""",
            *(new_id(), customer.id, own.user_id, NOW),
        )
    got = await found(house, "anna", own)
    assert (len(got), set(got[:2])) == (5, {customer.name for customer in made[-2:]})


async def test_nobody_beyond_the_viewers_scope_is_found(house: House, people: dict[str, CustomerView]) -> None:
    narrow = frozenset(SHIPPED_ROLES["agent"]) - {"customers.read_all"}
    anna = viewer_of((await add_user(house, "anna")).user_id or new_id(), narrow)
    texts = ("wang", "王", "0412", NUMBER, "#vip", "jorg@mail.example.org", "example.com", people[WEI].reference)
    assert [await found(house, text, anna) for text in texts] == [[]] * len(texts)
    await house.db.execute("UPDATE customer SET responsible_id = $1 WHERE id = $2", anna.user_id, people[WEI].id)
    assert {name for text in texts for name in await found(house, text, anna)} == {WEI}
    assert await found(house, "0412", anna) == [WEI]


@pytest.mark.parametrize(("in_set", "known"), [(100, 100), (0, 100), (0, 0)], ids=["set", "sorted", "each asked"])
async def test_common_words_are_found_among_ones_own(
    house: House, monkeypatch: pytest.MonkeyPatch, in_set: int, known: int
) -> None:
    monkeypatch.setattr(customers_seen, "MOST_IN_SET", in_set)
    monkeypatch.setattr(customers_seen, "MOST_SEEN", known)
    monkeypatch.setattr(customer_search, "MOST", 3)
    made = [await add(house, f"Anna Lee {n}", NUMBER, f"anna.{n}@example.com", tags=["all"]) for n in range(12)]
    anna = await add_user(house, "anna")
    own = viewer_of(anna.user_id or new_id(), anna.permissions - {"customers.read_all"})
    mine = made[4::7]
    for customer in mine:
        await house.db.execute("UPDATE customer SET responsible_id = $1 WHERE id = $2", own.user_id, customer.id)
    for text in ("anna", "lee an", "0412", "#all", "#all anna", "anna 0412", "nna", "example.com", "anna.4", "anna.5"):
        wanted = {customer.name for customer in mine if text not in ("anna.4", "anna.5") or customer == made[4]}
        assert set(await found(house, text, own)) == (set() if text == "anna.5" else wanted), text
    assert await found(house, "anna", own, chosen=CustomerFilter(tier="gold")) == []
    assert await found(house, "anna", await add_user(house, "nobodys", "administrator")) != []


async def test_who_fits_less_is_found_where_who_fits_well_lacks_the_rest(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(customer_search, "MANY", 3)
    monkeypatch.setattr(customer_search, "MOST", 8)
    for n in range(6):
        await add(house, f"Anna Lee {n}")
        await add(house, f"Somebody Else {n}", tags=["all"])
    await add(house, "Annabel Lee", tags=["all"], tier="gold")
    for n in range(6):
        await add(house, f"Someone Else {n}", tags=["all"])
    assert "Annabel Lee" not in await found(house, "anna")
    assert await found(house, "#all anna") == ["Annabel Lee"]
    assert await found(house, "anna", chosen=CustomerFilter(tier="gold")) == ["Annabel Lee"]


async def test_few_of_ones_own_are_found_behind_however_many(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MOST", "MOST_ASKED", "MOST_ASKED_EACH"):
        monkeypatch.setattr(customer_search, name, 3)
    anna = await add_user(house, "anna")
    own = viewer_of(anna.user_id or new_id(), anna.permissions - {"customers.read_all"})
    made = [await add(house, f"Anna Lee {n}", NUMBER, f"anna.{n}@example.com", tags=["all"]) for n in range(12)]
    mine = made[-1]
    await house.db.execute("UPDATE customer SET responsible_id = $1 WHERE id = $2", own.user_id, mine.id)
    for text in ("anna", "lee an", "0412", "#all", "#all anna", "anna 0412", "nna", "example.com", "anna.1"):
        assert await found(house, text, own) == [mine.name], text


async def test_whose_customers_are_kept_for_seconds_misses_nobody_and_sees_nobody_else(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(customers_seen, "FEW_SEEN", 0)
    anna = await add_user(house, "anna")
    own = viewer_of(anna.user_id or new_id(), anna.permissions - {"customers.read_all"})
    first, second = await add(house, "Anna Lee", NUMBER), await add(house, "Anna Lang", NUMBER)

    async def give(customer: CustomerView, user_id: UUID | None) -> None:
        await house.db.execute("UPDATE customer SET responsible_id = $1 WHERE id = $2", user_id, customer.id)

    await give(first, own.user_id)
    assert await found(house, "anna", own) == ["Anna Lee"]
    await give(second, own.user_id)
    for text in ("anna", "0412", "anna lang 0412"):
        assert "Anna Lang" in await found(house, text, own), text
    await give(first, None)
    for text in ("anna", "0412"):
        ids = await found_ids(house.db, house.keyring, own, text, region="CN")
        assert ids == [second.id], text


def test_ids_are_known_whatever_they_share(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = sorted(UUID(int=(upper << 64) | lower) for upper in (1, 7, 2**64 - 1) for lower in (0, 1, 5, 2**64 - 1))
    others = [UUID(int=(upper << 64) | lower) for upper in (0, 1, 7, 8, 2**64 - 1) for lower in (2, 6, 2**64 - 2)]
    for in_set in (0, 100):
        monkeypatch.setattr(customers_seen, "MOST_IN_SET", in_set)
        seen = customers_seen.Seen.of(b"".join(each.bytes for each in ids))
        assert (len(seen), seen.ids, seen.among([*others, *ids])) == (len(ids), ids, ids)
        assert customers_seen.Seen.of(b"").among(others) == []


async def test_what_is_masked_is_no_oracle(house: House, people: dict[str, CustomerView]) -> None:
    """Whoever may not read numbers and emails sees the last four digits and the domain, and searches by these alone."""
    await add(house, "Klara", "+8613800000412", "post@klara.example", tags=["VIP"])
    marketer = viewer_as("marketer")
    assert await found(house, "post") == ["Klara"]
    assert await found(house, "0412", marketer) == ["Klara", MING, WEI]
    assert await found(house, "@mail.example.org", marketer) == [JORG]
    hidden = (NUMBER, "40412", "2340412", "139 1234 0412", "jorg@mail.example.org", "jorg@mail", "wang@example.com")
    for text in (*hidden, "post", "post #vip", "post 0412"):
        assert await found(house, text, marketer) == [], text


async def test_a_field_that_became_private_is_no_oracle(house: House) -> None:
    """Its values of before are kept readable until they are written again."""
    made = await fields.create_field(
        house, SYSTEM, {"record": "customer", "key": "salary", "names": {"en": "Salary"}, "type": "number"}
    )
    anna = await create_customer(house, SYSTEM, {"name": "Anna", "custom": {"salary": 4711}})
    chosen = CustomerFilter(custom={"salary": "4711"})
    marketer = viewer_as("marketer")

    async def ids(viewer: Viewer) -> list[UUID]:
        views = await list_customers(house.db, house.keyring, viewer, limit=9, chosen=chosen)
        return [each.id for each in views]

    assert await ids(marketer) == [anna.id]
    await fields.update_field(house, SYSTEM, made.id, {"private": True})
    assert (await ids(marketer), await ids(SYSTEM)) == ([], [anna.id])
    assert await found(house, "Anna", marketer, chosen=chosen) == []


async def test_a_merged_customer_is_found_by_the_number_of_old_alone(house: House) -> None:
    kept, gone = await add(house, "Kept"), await add(house, "Gone", NUMBER)
    await house.db.execute("UPDATE customer SET merged_into_id = $1 WHERE id = $2", kept.id, gone.id)
    assert await found(house, gone.reference) == ["Kept"]
    assert [await found(house, text) for text in ("gone", "0412", NUMBER)] == [[], [], []]


async def test_tokens_of_before_are_renewed(house: House, people: dict[str, CustomerView]) -> None:
    await house.db.execute("UPDATE customer SET search_version = 1, search_tokens = '{}'")
    await house.db.execute("UPDATE contact_point SET suffix_tokens = '{}'")
    assert await found(house, "thal") == []
    assert await search_tokens.renew_search_tokens(house.db, house.keyring, batch=3) == len(people)
    assert await search_tokens.renew_search_tokens(house.db, house.keyring, batch=3) == 0
    assert await found(house, "thal") == [KATHARINA]
    assert await found(house, "wei.wang 0412") == [WEI]


async def test_the_palette_finds_customers_and_their_tickets(house: House, people: dict[str, CustomerView]) -> None:
    agent = await add_user(house, "anna")
    ticket = await create_ticket(house, SYSTEM, {"customer_id": people[WEI].id, "kind": "complaint", "subject": "Late"})
    other = await create_ticket(house, SYSTEM, {"customer_id": people[JORG].id, "kind": "complaint"})

    async def ask(text: str, viewer: Viewer = agent) -> tuple[list[str], list[str], list[str]]:
        found = await search(house.db, house.keyring, viewer, text, region="CN", limit=8)
        hints = [each.hint.text for each in found.customers if each.hint is not None]
        return [each.customer.name for each in found.customers], hints, [each.reference for each in found.tickets]

    assert await ask("wang") == ([WEI], ["+86 139 1234 0412"], [ticket.reference])
    assert await ask("wei.wang") == ([WEI], ["wei.wang@example.com"], [ticket.reference])
    assert await ask("example") == ([WEI], ["wei.wang@example.com"], [ticket.reference])
    assert await ask("4711") == ([JORG], ["+86 138 0000 4711"], [other.reference])
    assert await ask(other.reference.lower()) == ([], [], [other.reference])
    assert (await ask(str(ticket.number)))[2][0] == ticket.reference
    assert await ask("nobody") == ([], [], [])
    marketer = viewer_as("marketer")
    assert await ask("wang", marketer) == ([WEI], ["+86 139 •••• 0412"], []), "who sees no tickets is told of none"
    nobody = Viewer(agent.user_id, "user", frozenset())
    assert await ask("wang", nobody) == ([], [], [])
