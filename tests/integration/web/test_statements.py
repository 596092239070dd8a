"""How many statements a page takes: as many as its table says, however many records it shows."""

from __future__ import annotations

from typing import Any, Final

import pytest

from hotline.crm.asyncpg_engine import Connection
from hotline.crm.viewer import SYSTEM
from hotline.workflows.conversations.messages import Inbound, receive
from hotline.workflows.customers.customers import create_customer, write_note
from hotline.workflows.house import House
from hotline.workflows.tickets.tickets import create_ticket
from tests.integration.web.conftest import Api

#: Page → most statements of one request, with the one that says who asks. A page that takes more is looked at: a
#: statement for each of its rows is a mistake, one more for all of them is a decision that is written here.
STATEMENTS: Final = {
    "/": 4,
    "/customers": 4,
    "/customers?q=anna": 9,
    "/customers?q=anna+0412": 7,
    "/customers/{customer}": 16,
    "/customers/{customer}/edit": 7,
    "/tickets?view=open": 11,
    "/tickets?view=recently_closed": 7,
    "/tickets/{ticket}": 11,
    "/callbacks": 4,
    "/conversations": 7,
    "/conversations?box=unassigned&sort=waiting": 7,
    "/conversations/{conversation}": 24,
    "/users": 6,
    "/settings": 6,
    "/api/v1/customers": 4,
    "/api/v1/customers?q=anna": 8,
    "/api/v1/customers/{customer}": 3,
    "/api/v1/customers/{customer}/timeline": 5,
    "/api/v1/tickets": 6,
    "/api/v1/conversations": 4,
    "/api/v1/conversations/{conversation}/messages": 4,
    "/desk/work": 14,
    "/api/v1/tickets/{ticket}": 5,
    "/api/v1/ticket-views": 4,
    "/api/v1/search?q=anna": 10,
    "/api/v1/lists": 4,
    "/api/v1/settings": 4,
}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that is sent to PostgreSQL, but for what opens and ends transactions."""
    statements: list[str] = []

    def listen(name: str) -> None:
        sent = getattr(Connection, name)

        async def heard(self: Connection, sql: str, *arguments: Any, **options: Any) -> Any:
            if not sql.startswith(("BEGIN", "COMMIT", "ROLLBACK", "SET LOCAL")):
                statements.append(sql)
            return await sent(self, sql, *arguments, **options)

        monkeypatch.setattr(Connection, name, heard)

    for name in ("fetch", "fetchrow", "fetchval", "execute"):
        listen(name)
    # What is kept in memory for some seconds is read again by whoever asks then: here by nobody after the first.
    for name in ("company", "fields", "lists", "setup"):
        monkeypatch.setattr(f"hotline.workflows.company.{name}.FRESH_SECONDS", 3600.0)
    return statements


async def test_a_page_takes_as_many_statements_as_its_table_says(api: Api, house: House, told: list[str]) -> None:
    async def add(number: int) -> dict[str, str]:
        points: Any = [{"kind": "phone", "value": f"+8613912340{number:03}"}]
        customer = await create_customer(house, SYSTEM, {"name": f"Anna {number}", "contact_points": points})
        await write_note(house, SYSTEM, house.new_id(), "A note", customer.id)
        ticket = await create_ticket(house, SYSTEM, {"customer_id": customer.id, "kind": "complaint", "subject": "x"})
        inbound = Inbound("sms", f"+8613912340{number:03}", "Hello?", house.clock(), f"SM{number}", "AC1")
        async with house.unit(SYSTEM) as uow:
            received = await receive(house, uow, inbound)
        talk = received.conversation_id
        return {"customer": str(customer.id), "ticket": str(ticket.id), "conversation": str(talk)}

    async def counted(path: str, ids: dict[str, str]) -> int:
        address = path.format(**ids)
        headers = {"Authorization": f"Bearer {await api.token('administrator')}"}
        for _ in range(2):  # the first one also reads what is kept in memory
            told.clear()
            async with api.client.get(address, headers=headers) as response:
                assert response.status == 200, address
                await response.read()
        return len(told)

    await api.hub.close()  # it reads the outbox all the time
    ids = await add(412)
    few = {path: await counted(path, ids) for path in STATEMENTS}
    for number in range(8):
        await add(number)
    # One more is a question that nothing needs an answer to while there is nothing; one for each of the eight is not.
    many = {path: await counted(path, ids) for path in STATEMENTS}
    assert {path: count for path, count in many.items() if count > STATEMENTS[path]} == {}
    assert {path: (few[path], many[path]) for path in STATEMENTS if many[path] > few[path] + 1} == {}
