"""Lists of the desk: narrowed down, exported as they are shown, several rows changed at once."""

from __future__ import annotations

import re
from html import unescape

from multidict import MultiDict

from hotline.crm.queries.tickets.tickets import get_ticket
from hotline.crm.viewer import SYSTEM
from hotline.workflows.customers.customers import create_customer
from hotline.workflows.tickets.tickets import change_ticket, create_ticket
from tests.integration.people import PASSWORD, add_user
from tests.integration.web.browser import Browser
from tests.integration.web.conftest import Api


async def test_a_narrowed_list_of_customers_is_exported_as_it_is_shown(api: Api) -> None:
    await add_user(api.house, "chief", "administrator", password=PASSWORD)
    for name, tier, kind in (
        ("Anna Miller", "gold", "person"),
        ("Anna & Sons", "gold", "organisation"),
        ("Ben", None, "person"),
    ):
        await create_customer(api.house, SYSTEM, {"name": name, "tier": tier, "kind": kind, "tags": ["A & B"]})
    async with Browser(api) as browser:
        await browser.sign_in("chief")

        async def names(path: str) -> list[str]:
            page = await browser.get(path)
            return sorted(unescape(name) for name in re.findall(r'href="/customers/[0-9a-f-]+"><bdi>([^<]+)', page))

        assert await names("/customers") == ["Anna & Sons", "Anna Miller", "Ben"]
        assert await names("/customers?tier=gold&kind=person") == ["Anna Miller"]
        assert await names("/customers?tier=none") == ["Ben"]
        assert await names("/customers?tag=a+%26+b&q=anna&kind=organisation") == ["Anna & Sons"]
        assert await names("/customers?responsible=me") == []
        assert await names("/customers?classification=" + "x" * 150) == [], "refused in words"
        page = await browser.get("/customers?tag=A+%26+B&q=anna&kind=organisation")
        link = re.search(r'href="(/exports/new[^"]*)"', page)
        assert link
        page = await browser.get(unescape(link[1]))
        told = dict(re.findall(r'<input type="hidden" name="(q|tag|kind)" value="([^"]*)">', page))
        assert told == {"q": "anna", "tag": "A &amp; B", "kind": "organisation"}
        page = await browser.get("/customers")
        assert 'href="/exports/new"' in page
    await add_user(api.house, "anna", "agent", password=PASSWORD)
    async with Browser(api) as browser:
        await browser.sign_in("anna")
        assert "/exports/new" not in await browser.get("/customers")


async def test_chosen_tickets_are_changed_and_changed_back(api: Api) -> None:
    house = api.house
    for login, role in (("chief", "supervisor"), ("anna", "agent")):
        await add_user(house, login, role, password=PASSWORD)
    made = [
        await create_ticket(house, SYSTEM, {"kind": "complaint", "subject": f"No {number}", "priority": "low"})
        for number in range(4)
    ]
    async with Browser(api) as browser:
        await browser.sign_in("chief")
        page = await browser.get("/tickets?view=open")
        boxes = dict(re.findall(r'name="ticket" value="(([0-9a-f-]{36}) \d+)"', page))
        by_id = {ticket_id: value for value, ticket_id in boxes.items()}
        assert set(by_id) == {str(ticket.id) for ticket in made}
        # Somebody was quicker with one of them.
        await change_ticket(house, SYSTEM, made[2].id, {"priority": "urgent"})

        async def apply(path: str, values: list[str], **wanted: str) -> str:
            return await browser.post(path, MultiDict([*(("ticket", value) for value in values), *wanted.items()]))

        chosen = [by_id[str(ticket.id)] for ticket in made[:3]]
        page = await apply("/tickets/batch?view=open", chosen, assignee="anna", priority="high", state="resolved")
        assert "2 tickets changed." in page
        assert f"{made[2].reference}: " in page

        async def now() -> list[tuple[str | None, str, str]]:
            found = [await get_ticket(house.db, house.keyring, SYSTEM, ticket.id) for ticket in made]
            return [(ticket.assignee, ticket.priority, ticket.state) for ticket in found]

        changed, quicker, left = ("anna", "high", "resolved"), (None, "urgent", "open"), (None, "low", "open")
        assert await now() == [changed, changed, quicker, left]
        back = [unescape(each) for each in re.findall(r'<input type="hidden" name="ticket" value="([^"]*)">', page)]
        assert len(back) == 2
        await change_ticket(house, SYSTEM, made[1].id, {"priority": "normal"})
        page = await apply("/tickets/batch/undo?view=open", back)
        assert "1 ticket is as it was." in page
        assert f"{made[1].reference}: " in page
        assert await now() == [left, ("anna", "normal", "resolved"), quicker, left]

        await apply("/tickets/batch?view=open", [], priority="high")
        assert browser.at == "/tickets?view=open"
        await browser.get("/tickets/batch?view=open")
        assert browser.at == "/tickets?view=open"
        for wrong in ("x 1", f"{made[0].id} x", str(made[0].id)):
            await browser.post("/tickets/batch", {"ticket": wrong, "priority": "high"}, status=422)


async def test_an_agent_gives_several_tickets_to_nobody_else(api: Api) -> None:
    house = api.house
    anna = await add_user(house, "anna", password=PASSWORD)
    await add_user(house, "ben")
    one, other = [
        await create_ticket(house, SYSTEM, {"kind": "complaint", "assignee": login}) for login in ("anna", "ben")
    ]
    async with Browser(api) as browser:
        await browser.sign_in("anna")
        page = await browser.get("/tickets?view=open")
        assert '<option value="ben">' not in page
        wanted = [("ticket", f"{ticket.id} {ticket.version}") for ticket in (one, other)]
        page = await browser.post("/tickets/batch", MultiDict([*wanted, ("assignee", "ben")]))
        assert "2 tickets stayed as they are:" in page
        page = await browser.post("/tickets/batch", MultiDict([*wanted, ("assignee", "anna")]))
        assert (await get_ticket(house.db, house.keyring, anna, one.id)).assignee == "anna"
        assert (await get_ticket(house.db, house.keyring, SYSTEM, other.id)).assignee == "ben"
