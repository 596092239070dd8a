"""Every route, API and pages, with every scope and everything masked: what somebody does not see is nowhere.

There are records of five people: of the viewer, of a colleague in their team, of a queue of that team, of nobody (a
ticket that nobody has), and of a stranger. Each has a name, a number, an email address, a postal address, a private
field, a note and a subject that stand nowhere else. Three viewers may do everything, but see their own records, those
of their team, or all, and everything in part only.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hotline.crm.commands.conversations.conversations import new_conversation, save_conversation
from hotline.crm.commands.conversations.message_files import add_files
from hotline.crm.commands.conversations.messages import NewMessage, write_message
from hotline.crm.personal_keys import load_personal_key
from hotline.crm.queries.calls.pop import render_event
from hotline.crm.viewer import MASKS, PERMISSIONS, SCOPED, SYSTEM, Scope, Viewer, viewer_of
from hotline.events import EVERYONE, Event
from hotline.ids import new_id
from hotline.web.application import create_app
from hotline.web.rights import PUBLIC, route_rights
from hotline.web.sources import DatabaseOutbox, HouseIdentify, nudges
from hotline.web.stream import Hub
from hotline.workflows.conversations import message_files
from hotline.workflows.customers.customers import write_note
from hotline.workflows.house import House
from hotline.workflows.people import roles, teams, users
from tests.unit.web.twins import MemoryScene

OWNERS: Final = ("me", "mate", "queue", "nobody", "stranger")
SCOPES: Final[tuple[Scope, ...]] = ("own", "team", "all")
#: Whose records each scope shows; a ticket that nobody has is everybody's, its customer is not.
SEEN: Final[Mapping[Scope, frozenset[str]]] = {
    "own": frozenset({"me"}),
    "team": frozenset({"me", "mate", "queue"}),
    "all": frozenset(OWNERS),
}
#: Streams without an end, and what takes long and shows no record.
LEFT_OUT: Final = {"GET /api/v1/events", "GET /api/v1/support/bundle", "GET /api/v1/openapi.json"}
#: What shows no record: walked in one scope only.
WITHOUT_RECORDS: Final = {
    "brand", "brand.css", "calendars", "categories", "components", "confirm", "custom-fields", "flows", "grants",
    "import-mappings", "lists", "macros", "pbxs", "profile", "prompts", "roles", "settings", "setup", "sla-policies",
    "suppressions", "system", "tags", "teams", "tiers", "tokens", "two-step", "users",
}  # fmt: skip
NOTHING: Final = "01890000-0000-7000-8000-000000000000"


@dataclass
class Planted:
    """The ids of one owner's records, and the words that stand in them alone."""

    customer: str
    ticket: str
    call: str
    recording: str
    number: str
    conversation: str
    message: str
    words: frozenset[str]
    masked: frozenset[str]
    parts: dict[str, str] = field(default_factory=dict)


@dataclass
class World:
    house: House
    app: web.Application
    client: TestClient[Any, Any]
    admin: str
    tokens: dict[Scope, str]
    planted: dict[str, Planted]

    async def get(self, scope: Scope, path: str) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {self.tokens[scope]}"}
        async with self.client.get(path, headers=headers, allow_redirects=False) as response:
            return response.status, (await response.read()).decode("utf-8", "replace")


async def api(client: TestClient[Any, Any], token: str, method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    data = {"data": body} if isinstance(body, bytes) else {"json": body}
    async with client.request(method, f"/api/v1{path}", headers=headers, **data) as response:
        assert response.status < 300, (method, path, await response.text())
        return await response.json() if response.content_type == "application/json" else None


@pytest.fixture
async def world(house: House) -> AsyncIterator[World]:
    async def parts() -> list[Any]:
        return []

    hub = Hub(DatabaseOutbox(house.db), nudges(house.bus), MemoryScene())
    app = create_app(house, hub=hub, identify=HouseIdentify(house), parts=parts)
    tokens: dict[Scope, str] = {}
    narrow = {f"{kind}.read_{scope}" for kind in SCOPED for scope in ("team", "all")} | set(MASKS)
    admin = await users.create_user(house, SYSTEM, {"login": "admin", "name": "Admin", "role": "administrator"})
    admin_token = (await users.create_token(house, SYSTEM, admin.id, "walk", ["all"]))[1]
    for scope in SCOPES:
        wider = {f"{kind}.read_{scope}" for kind in SCOPED} if scope != "own" else set()
        held = (set(PERMISSIONS) - narrow - {"customers.reveal", "customers.report"}) | wider
        await roles.create_role(house, SYSTEM, f"see_{scope}", names={"en": scope}, permissions=sorted(held))
    # One person, whose role changes: their records stay theirs.
    me = await users.create_user(house, SYSTEM, {"login": "me", "name": "Me", "role": "see_own"})
    people = {"me": me.id}
    for login in ("mate", "stranger"):
        people[login] = (await users.create_user(house, SYSTEM, {"login": login, "name": login, "role": "agent"})).id
    await teams.create_team(house, SYSTEM, {"name": "North", "queues": ["north"], "members": ["me", "mate"]})
    for scope in SCOPES:
        tokens[scope] = (await users.create_token(house, SYSTEM, me.id, scope, ["all"]))[1]
    async with TestClient(TestServer(app)) as client:
        await api(client, admin_token, "POST", "/custom-fields", {
            "record": "customer", "key": "secret", "type": "text", "names": {"en": "Secret"}, "private": True,
        })  # fmt: skip
        planted = {owner: await plant(house, client, admin_token, owner, at, people) for at, owner in enumerate(OWNERS)}
        await api(client, admin_token, "POST", f"/customers/{planted['me'].customer}/relations", {
            "customer_id": planted["stranger"].customer, "kind": "partner",
        })  # fmt: skip
        yield World(house, app, client, admin_token, tokens, planted)


async def plant(
    house: House, client: TestClient[Any, Any], admin: str, owner: str, at: int, people: Mapping[str, UUID]
) -> Planted:
    phone, email = f"+861381234{at}67{at}", f"zq.{owner}@mail-{at}.example"
    name, street, secret = f"Zquin{owner}", f"Zqstreet {owner} 7", f"zqsecret-{owner}"
    customer = await api(client, admin, "POST", "/customers", {
        "kind": "person", "name": f"{name} Planted", "responsible": owner if owner in people else None,
        "contact_points": [{"kind": "phone", "value": phone}, {"kind": "email", "value": email}],
        "addresses": [{"text": street, "label": "home"}], "custom": {"secret": secret},
    })  # fmt: skip
    call_id = await plant_call(house, owner, UUID(customer["id"]), phone, people)
    assignee = owner if owner in people else "stranger" if owner == "queue" else None
    ticket = await api(client, admin, "POST", "/tickets", {
        "kind": "complaint", "subject": f"zqsubject-{owner}", "description": f"zqtext-{owner}",
        "customer_id": customer["id"], "assignee": assignee,
    })  # fmt: skip
    await house.db.execute("UPDATE ticket SET created_by_id = NULL WHERE id = $1", UUID(ticket["id"]))
    if owner == "queue":
        await house.db.execute("UPDATE ticket SET queue = 'north' WHERE id = $1", UUID(ticket["id"]))
    if owner != "nobody":
        await house.db.execute("UPDATE call SET ticket_id = $2 WHERE id = $1", call_id, UUID(ticket["id"]))
    writer = viewer_of(people["stranger"], frozenset(PERMISSIONS))
    await write_note(house, writer, new_id(), f"zqnote-{owner}", customer_id=UUID(customer["id"]))
    purchase = await api(
        client, admin, "POST", f"/customers/{customer['id']}/purchases", {"title": f"zqbought-{owner}"}
    )
    upload = await api(
        client, admin, "POST", f"/customers/{customer['id']}/files?name=zqfile-{owner}.txt", b"some words"
    )
    await api(client, admin, "PATCH", f"/customers/{customer['id']}", {"name": name})
    conversation, message, talk_file = await plant_conversation(house, owner, UUID(customer["id"]), phone, people)
    return Planted(
        customer=customer["id"],
        conversation=conversation,
        message=message,
        ticket=ticket["id"],
        call=str(call_id),
        recording=await plant_recording(house, call_id),
        number=customer["reference"],
        # A ticket that nobody has is everybody's.
        words=frozenset({name, f"zqnote-{owner}", f"zqbought-{owner}", f"zqfile-{owner}"})
        # So is a conversation.
        | ({f"zqsubject-{owner}", f"zqtalk-{owner}", f"zqtalkfile-{owner}"} if owner != "nobody" else set()),
        masked=frozenset({phone.removeprefix("+86"), email, street, secret}),
        parts={"purchase_id": purchase["id"], "file_id": upload["id"], "talk_file": talk_file},
    )


async def plant_conversation(
    house: House, owner: str, customer_id: UUID, phone: str, people: Mapping[str, UUID]
) -> tuple[str, str, str]:
    """A conversation with the customer that the owner has: its id, that of its message and of the message's file."""
    async with house.unit(SYSTEM) as uow:
        index = house.keyring.contact_index("phone", phone)
        record, key = await new_conversation(uow, "sms", phone, address_index=index, sender_id=None)
        assignee = people.get(owner) if owner in people else people["stranger"] if owner == "queue" else None
        record.set(customer_id=customer_id, assignee_id=assignee, queue="north" if owner == "queue" else "south")
        await save_conversation(uow, record)
        message = NewMessage(new_id(), "in", "message", uow.now, "received", body=f"zqtalk-{owner}")
        await write_message(uow, record, key, message)
    kept = await message_files.keep(house, f"zqtalkfile-{owner}.txt", b"some words")
    async with house.unit(SYSTEM) as uow:
        await add_files(uow, record.id, message.id, [kept])
    file_id = await house.db.fetchval("SELECT id FROM message_file WHERE message_id = $1", message.id)
    return str(record.id), str(message.id), str(file_id)


async def plant_call(house: House, owner: str, customer_id: UUID, phone: str, people: Mapping[str, UUID]) -> UUID:
    """An answered call of the owner with the customer; of the queue, and of nobody, a stranger's."""
    call_id, now = new_id(), house.clock()
    async with house.unit(SYSTEM) as uow:
        row = await uow.fetchrow("SELECT key_id FROM customer WHERE id = $1", customer_id)
        assert row is not None
        key = await load_personal_key(uow, house.keyring, row["key_id"])
        assert key is not None
        sealed = house.keyring.encrypt(key, "call", "caller_cipher", call_id, phone)
        agent = people.get(owner, people["stranger"])
        await uow.execute(
            """INSERT INTO call (id, pbx, direction, state, disposition, caller_cipher, caller_key_id, queue,
                   customer_id, user_id, offered_at, answered_at, ended_at)
               VALUES ($1, 'pbx', 'in', 'ended', 'answered', $2, $3, $4, $5, $6, $7, $7, $7)""",
            *(call_id, sealed, key.id, "north" if owner == "queue" else "south", customer_id, agent, now),
        )
        await uow.execute(
            """INSERT INTO interaction (id, customer_id, kind, call_id, user_id, at, data)
               VALUES ($1, $2, 'call', $3, $4, $5, '{}')""",
            *(new_id(), customer_id, call_id, agent, now),
        )
    return call_id


async def plant_recording(house: House, call_id: UUID) -> str:
    recording_id, now = new_id(), house.clock()
    await house.db.execute(
        """INSERT INTO recording (id, call_id, pbx, uniqueid, kind, seconds, bytes, content_type, path, stored_at)
           VALUES ($1, $2, 'pbx', '1.1', 'call', 1, 1, 'audio/wav', 'x/none', $3)""",
        *(recording_id, call_id, now),
    )
    return str(recording_id)


async def see(world: World, scope: Scope) -> None:
    """Give the viewer the role of this scope: it holds at their next request."""
    me = await world.house.db.fetchval("SELECT id FROM users WHERE login = 'me'")
    await users.update_user(world.house, SYSTEM, me, {"role": f"see_{scope}"})


def variable(pattern: str, name: str) -> str | None:
    """Which of an owner's ids a variable of a route stands for; None: of no record that has a scope."""
    if "/conversations/{id}" in pattern and name in ("file_id", "message_id", "before"):
        return "talk_file" if name == "file_id" else "message"
    if name in ("purchase_id", "file_id"):
        return name
    if name != "id":
        return None
    for part, kind in (
        ("customers", "customer"),
        ("tickets", "ticket"),
        ("calls", "call"),
        ("recordings", "recording"),
        ("conversations", "conversation"),
        ("messages", "message"),
    ):
        if f"/{part}/{{id}}" in pattern:
            return kind
    return None


def path_for(pattern: str, planted: Planted) -> str:
    def value(found: re.Match[str]) -> str:
        name = found[1].partition(":")[0]
        kind = variable(pattern, name)
        if kind is None:
            return {"name": "agent", "user": "me", "section": "tickets", "key": "standard"}.get(name, NOTHING)
        return planted.parts[kind] if kind in planted.parts else str(getattr(planted, kind))

    return re.sub(r"\{([^{}]*)\}", value, pattern)


def leaks(text: str, scope: Scope, planted: Mapping[str, Planted]) -> list[str]:
    """What stands in an answer that must not: words of records that are not seen, anything masked of anybody."""
    flat = re.sub(r"[\s\u00a0().-]", "", text)
    found = [word for each in planted.values() for word in each.masked if word in text or word in flat]
    return found + [
        word for owner in OWNERS if owner not in SEEN[scope] for word in planted[owner].words if word in text
    ]


QUERIES: Final = (
    "/api/v1/customers?limit=200",
    "/api/v1/customers?q={word}",
    "/api/v1/customers?q={number}",
    "/api/v1/customers?q={phone}",
    "/api/v1/customers?q={email}",
    "/api/v1/customers?responsible={owner}",
    "/api/v1/customers/duplicates?name={word}",
    "/api/v1/customers/duplicates?phone={phone}",
    "/api/v1/search?q={word}",
    "/api/v1/search?q={number}",
    "/api/v1/search?q={phone}",
    "/api/v1/calls?customer_id={customer}",
    "/api/v1/tickets?customer_id={customer}",
    "/api/v1/tickets?assignee={owner}",
    "/api/v1/recordings?customer_id={customer}",
    "/api/v1/conversations?customer_id={customer}",
    "/api/v1/conversations?q={word}",
    "/api/v1/conversations?q={phone}&state=any",
    "/conversations?q={word}",
    "/conversations/new?customer={customer}",
    "/customers?q={word}",
    "/tickets?customer={customer}",
    "/tickets/new?customer={customer}",
    "/customers/{customer}/merge?other={mine}",
    "/customers/{mine}/merge?other={customer}",
    "/users/{me}/rights?record={number}",
)


#: Whose records are asked for by id in a scope: some that are seen, some that are not.
ASKED: Final[Mapping[Scope, tuple[str, ...]]] = {
    "own": ("me", "mate", "nobody"),
    "team": ("me", "queue", "stranger"),
    "all": ("stranger", "nobody"),
}


async def test_what_is_not_seen_is_nowhere(world: World) -> None:
    for scope in SCOPES:
        await see(world, scope)
        assert await walk(world, scope) == []


async def walk(world: World, scope: Scope) -> list[str]:
    """What is wrong with the answers of all routes in a scope."""
    me = str(await world.house.db.fetchval("SELECT id FROM users WHERE login = 'me'"))
    wrong: list[str] = []
    told: set[str] = set()

    async def look(path: str, what: str, expected: bool | None = None) -> None:
        status, text = await world.get(scope, path)
        told.update(word for each in world.planted.values() for word in each.words if word in text)
        if status >= 500:
            wrong.append(f"{what}: {status} {text[:200]}")
        elif expected is not None and (status == 404) is expected:
            wrong.append(f"{what}: {status}, though it is {'seen' if expected else 'not seen'}")
        if found := leaks(text, scope, world.planted):
            wrong.append(f"{what}: tells {sorted(found)}")

    for route, right in sorted(route_rights(world.app).items()):
        method, pattern = route.split(" ", 1)
        if method != "GET" or right == PUBLIC or route in LEFT_OUT:
            continue
        if scope != "own" and pattern.removeprefix("/api/v1").split("/")[1] in WITHOUT_RECORDS:
            continue
        kinds = {variable(pattern, name.partition(":")[0]) for name in re.findall(r"\{([^{}]*)\}", pattern)} - {None}
        if not kinds:
            await look(path_for(pattern, world.planted["me"]), route)
            continue
        for owner in ASKED[scope]:
            seen = owner in SEEN[scope] or (
                owner == "nobody" and kinds <= {"ticket", "conversation", "message", "talk_file"}
            )
            # What is on the disk of a recording is another matter; so are pages that a right is missing for.
            known = None if "audio" in pattern or "report" in pattern or "relation_id" in pattern else seen
            # A macro is no record of anybody; a message without HTML has no page of it, nor a recording without a text.
            known = None if "macro_id" in pattern or pattern.endswith(("/html", "/transcript")) else known
            await look(path_for(pattern, world.planted[owner]), f"{route} of {owner}", known)
    for owner in ASKED[scope]:
        planted = world.planted[owner]
        phone = next(word for word in planted.masked if word.isdigit())
        email = next(word for word in planted.masked if "@" in word)
        word = next(word for word in planted.words if word.startswith("Zquin"))
        values = {
            "owner": owner, "customer": planted.customer, "number": planted.number, "phone": phone, "email": email,
            "word": word, "mine": world.planted["me"].customer, "me": me,
        }  # fmt: skip
        for query in QUERIES:
            path = query.format_map(values)
            status, text = await world.get(scope, path)
            if status >= 500:
                wrong.append(f"{query} of {owner}: {status}")
            # The page repeats what was asked for.
            found = [each for each in leaks(text, scope, world.planted) if each not in path]
            if found or (path.startswith("/api/") and owner not in SEEN[scope] and word in text and word not in path):
                wrong.append(f"{query} of {owner}: tells {sorted(found)}")
    # Of what is seen, every word was met: one that is not seen would have been, too.
    missed = {word for owner in SEEN[scope] & set(ASKED[scope]) for word in world.planted[owner].words} - told
    return wrong + [f"met nowhere: {sorted(missed)}"] * bool(missed)


async def test_searches_writes_and_events(world: World) -> None:
    whole = await api(world.client, world.admin, "GET", f"/customers/{world.planted['me'].customer}")
    assert len(leaks(str(whole), "own", world.planted)) == len(world.planted["me"].masked), "what is masked for others"
    for scope in SCOPES:
        await see(world, scope)
        await events_tell_of_what_is_seen(world, scope)
        if scope != "all":
            await searches_find_what_is_seen(world, scope)
            await nothing_is_changed_that_is_not_seen(world, scope)


async def searches_find_what_is_seen(world: World, scope: Scope) -> None:
    for owner in OWNERS:
        word = next(word for word in world.planted[owner].words if word.startswith("Zquin"))
        for path in (f"/api/v1/customers?q={word}", f"/api/v1/customers?q={world.planted[owner].number}"):
            _, text = await world.get(scope, path)
            assert (world.planted[owner].customer in text) is (owner in SEEN[scope]), (path, owner)
        _, text = await world.get(scope, f"/api/v1/search?q={word}")
        assert (world.planted[owner].customer in text) is (owner in SEEN[scope]), (word, owner)
    status, _ = await world.get(scope, "/api/v1/customers/lookup?phone=13812340670")
    assert status == 403


#: What would change a record, with a body that is right: {method, path, body}.
WRITES: Final = (
    ("PATCH", "/customers/{customer}", {"name": "Taken"}),
    ("POST", "/customers/{customer}/purchases", {"title": "Taken"}),
    ("PATCH", "/customers/{customer}/purchases/{purchase_id}", {"title": "Taken"}),
    ("DELETE", "/customers/{customer}/purchases/{purchase_id}", None),
    ("DELETE", "/customers/{customer}/files/{file_id}", None),
    ("POST", "/customers/{customer}/relations", {"customer_id": "{mine}", "kind": "partner"}),
    ("POST", "/customers/{mine}/relations", {"customer_id": "{customer}", "kind": "partner"}),
    ("POST", "/customers/{mine}/merge", {"other_id": "{customer}", "choices": {}, "dry_run": True}),
    ("POST", "/customers/{customer}/erase", {"confirm": "{number}", "reason": "request"}),
    ("POST", "/calls/{call}/customer", {"customer_id": "{mine}"}),
    ("POST", "/calls/{own_call}/customer", {"customer_id": "{customer}"}),
    ("POST", "/calls/{own_call}/ticket", {"ticket_id": "{ticket}"}),
    ("POST", "/calls/{call}/ticket", {"new": True}),
    ("PUT", "/desk/notes/{new}", {"text": "Taken", "customer_id": "{customer}"}),
    ("PUT", "/desk/notes/{new}", {"text": "Taken", "call_id": "{call}"}),
    ("POST", "/desk/calls/{call}/customer", {"name": "Taken"}),
    ("PATCH", "/tickets/{ticket}", {"subject": "Taken"}),
    ("PATCH", "/tickets/{own_ticket}", {"customer_id": "{customer}"}),
    ("POST", "/tickets", {"kind": "complaint", "customer_id": "{customer}"}),
    ("POST", "/tickets/{ticket}/notes", {"id": "{new}", "text": "Taken"}),
    ("POST", "/tickets/{ticket}/callback", {"done": True}),
    ("DELETE", "/recordings/{recording}", None),
    ("PATCH", "/conversations/{conversation}", {"state": "closed"}),
    ("PATCH", "/conversations/{own_conversation}", {"customer_id": "{customer}"}),
    ("PATCH", "/conversations/{own_conversation}", {"ticket_id": "{ticket}"}),
    ("POST", "/conversations/{conversation}/claim", None),
    ("POST", "/conversations/{conversation}/release", None),
    ("POST", "/conversations/{conversation}/messages", {"body": "Taken", "note": True}),
    ("POST", "/conversations/{conversation}/suppressions", None),
    ("POST", "/conversations/{conversation}/typing", {"typing": True}),
    ("POST", "/messages/{message}/send", None),
)


async def nothing_is_changed_that_is_not_seen(world: World, scope: Scope) -> None:
    planted, mine = world.planted["stranger"], world.planted["me"]
    values = {
        **vars(planted), **planted.parts, "mine": mine.customer, "own_call": mine.call, "own_ticket": mine.ticket,
        "own_conversation": mine.conversation,
    }  # fmt: skip
    before = await _rows(world.house)
    wrong = []
    for method, path, body in WRITES:
        filled = {
            name: value.format_map({**values, "new": str(new_id())}) if isinstance(value, str) else value
            for name, value in (body or {}).items()
        }
        headers = {"Authorization": f"Bearer {world.tokens[scope]}"}
        address = ("" if path.startswith("/desk/") else "/api/v1") + path.format_map({**values, "new": new_id()})
        async with world.client.request(method, address, json=filled, headers=headers) as response:
            expected = (422,) if "customer_id" in filled and "tickets" in path else (404,)
            if response.status not in expected:
                wrong.append(f"{method} {path} {body}: {response.status} {(await response.text())[:160]}")
    assert wrong == []
    assert await _rows(world.house) == before


async def _rows(house: House) -> list[str]:
    found = []
    for table in ("customer", "contact_point", "purchase", "customer_file", "customer_relation", "ticket", "call",
                  "interaction", "recording", "conversation", "message", "suppression"):  # fmt: skip
        rows = await house.db.fetch(f"SELECT t::text AS row FROM {table} t ORDER BY 1")
        found += [f"{table} {row['row']}" for row in rows]
    return found


async def events_tell_of_what_is_seen(world: World, scope: Scope) -> None:
    identity = await HouseIdentify(world.house).by_token(world.tokens[scope])
    assert identity is not None
    viewer: Viewer = identity.viewer
    for owner in OWNERS:
        planted = world.planted[owner]
        for type, data in (
            ("customer.updated", {"customer_id": planted.customer}),
            ("ticket.updated", {"ticket_id": planted.ticket, "version": 0}),
            ("call.updated", {"call_id": planted.call, "version": 0}),
            ("conversation.updated", {"conversation_id": planted.conversation, "version": 0}),
            ("message.received", {"conversation_id": planted.conversation, "message_id": planted.message}),
        ):
            event = Event(new_id(), type, world.house.clock(), (EVERYONE,), data)
            shown = await render_event(world.house.db, world.house.keyring, viewer, event)
            assert leaks(str(shown), scope, world.planted) == [], (type, owner)
            if type == "customer.updated":
                assert (shown is not None) is (owner in SEEN[scope]), owner
