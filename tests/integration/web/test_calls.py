"""Calls and their events through the API: what each role sees of them, and saying whose call it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from hotline.calls.story import (
    Alias,
    CallAnswered,
    CallArrived,
    CallEnded,
    CallQueued,
    Line,
    RingAnswered,
    RingEnded,
    RingStarted,
)
from hotline.ids import new_id
from hotline.workflows.calls.calls import apply
from tests.integration.web.conftest import Api
from tests.unit.web.twins import Block

CALLER = "+8613912340412"


class Story:
    """A call to a queue that rings at the agent's phone, told line by line."""

    def __init__(self, api: Api, number: str | None = CALLER) -> None:
        self.api, self.number = api, number
        self.id, self.ring = new_id(), new_id()

    async def tell(self, make: Callable[[Any], list[Line]]) -> None:
        await apply(self.api.house, "main", make(self.api.house.clock()))

    async def rings(self) -> None:
        await self.tell(
            lambda now: [
                CallArrived(
                    self.id,
                    now,
                    interface="PJSIP/trunk",
                    number=self.number,
                    name=None,
                    withheld=self.number is None,
                    dialled="5000",
                    aliases=(Alias("uniqueid", f"u-{self.id}"), Alias("linkedid", f"u-{self.id}")),
                    age=0.0,
                ),
                CallQueued(self.id, now, queue="support", age=0.0),
                RingStarted(
                    self.id,
                    now,
                    ring_id=self.ring,
                    interfaces=("PJSIP/agent1",),
                    uniqueid=f"r-{self.ring}",
                    queue="support",
                    age=0.0,
                ),
            ]
        )

    async def is_answered(self) -> None:
        await self.tell(lambda now: [RingAnswered(self.id, now, self.ring), CallAnswered(self.id, now, self.ring)])

    async def ends(self) -> None:
        await self.tell(
            lambda now: [
                RingEnded(self.id, now, self.ring, "completed"),
                CallEnded(self.id, now, disposition="answered", cause=16),
            ]
        )


@pytest.fixture
async def agent(api: Api) -> str:
    """The user called ``agent`` has the phone PJSIP/agent1."""
    await api.token("agent")
    user = await api.patch("/users/agent", {"interfaces": ["PJSIP/agent1"]})
    return str(user["id"])


async def take(blocks: AsyncIterator[Block], kind: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        async for block in blocks:
            if block.kind == kind:
                data: dict[str, Any] = block.data
                return data
    raise AssertionError(f"the stream ended before {kind}")


async def test_a_call_from_ring_to_end(api: Api, agent: str) -> None:
    wang = await api.post("/customers", {"name": "王小明", "contact_points": [{"kind": "phone", "value": CALLER}]})
    li = await api.post("/customers", {"name": "李华", "contact_points": [{"kind": "phone", "value": CALLER}]})
    story = Story(api)
    async with api.events() as blocks:
        assert (await take(blocks, "snapshot"))["rings"] == []
        await story.rings()
        pop = await take(blocks, "call.offered")
        assert {key: pop[key] for key in ("call_id", "ring_id", "agent", "queue", "ivr")} == {
            "call_id": str(story.id),
            "ring_id": str(story.ring),
            "agent": "agent",
            "queue": "support",
            "ivr": None,
        }
        assert pop["ticket_id"] == pop["ticket"]["id"]
        assert (pop["ticket"]["provisional"], pop["ticket"]["kind"], pop["ticket"]["attached"]["by"]) == (
            True, "consultation", "opened",
        )  # fmt: skip
        assert {key: pop["caller"][key] for key in ("number", "withheld", "country")} == {
            "number": CALLER,
            "withheld": False,
            "country": "CN",
        }
        assert {customer["id"] for customer in pop["customers"]} == {wang["id"], li["id"]}
        assert pop["customer_id"] is None, "two share the number: nobody is guessed"
        async with api.events() as again:
            (ring,) = (await take(again, "snapshot"))["rings"]
            assert ring["ring_id"] == str(story.ring)
            assert ring["customers"] == pop["customers"]

        picked = await api.post(f"/calls/{story.id}/customer", {"customer_id": li["id"]}, role="agent", status=200)
        assert picked["customer_id"] == li["id"]
        while (await take(blocks, "call.updated"))["customer_id"] != li["id"]:
            pass
        await story.is_answered()
        assert (await take(blocks, "call.answered"))["call_id"] == str(story.id)
        async with api.events() as again:
            snapshot = await take(again, "snapshot")
            assert [call["id"] for call in snapshot["calls"]] == [str(story.id)]
            assert snapshot["rings"] == []
        await story.ends()
        ended = await take(blocks, "call.ended")
        assert ended["at"].endswith("Z")

    call = await api.get(f"/calls/{story.id}", role="agent")
    assert {key: call[key] for key in ("direction", "state", "disposition", "agent", "queue", "end_seen", "pbx")} == {
        "direction": "in",
        "state": "ended",
        "disposition": "answered",
        "agent": "agent",
        "queue": "support",
        "end_seen": True,
        "pbx": "main",
    }
    (leg,) = call["legs"]
    assert (leg["agent"], leg["interface"], leg["ring_id"]) == ("agent", "PJSIP/agent1", str(story.ring))
    assert leg["end_reason"] == "completed"
    assert {"kind": "uniqueid", "value": f"u-{story.id}"} in call["aliases"]
    assert call["transfers"] == call["gaps"] == []
    timeline = (await api.get(f"/customers/{li['id']}/timeline"))["items"]
    assert {entry["kind"]: (entry["call"] or entry["ticket"])["id"] for entry in timeline} == {
        "call": str(story.id),
        "ticket": call["ticket_id"],
    }


async def test_agents_see_their_own_calls_supervisors_all(api: Api, agent: str) -> None:
    mine, other = Story(api), Story(api, number=None)
    await mine.rings()
    await other.tell(
        lambda now: [
            CallArrived(
                other.id,
                now,
                interface="PJSIP/trunk",
                number=None,
                name=None,
                withheld=True,
                dialled="5000",
                aliases=(Alias("uniqueid", f"u-{other.id}"),),
            )
        ]
    )
    assert [call["id"] for call in (await api.get("/calls", role="agent"))["items"]] == [str(mine.id)]
    await api.get(f"/calls/{other.id}", role="agent", status=404)
    await api.post(f"/calls/{other.id}/customer", {"customer_id": None}, role="agent", status=404)
    everything = (await api.get("/calls", role="supervisor"))["items"]
    assert {call["id"] for call in everything} == {str(mine.id), str(other.id)}
    withheld = await api.get(f"/calls/{other.id}", role="supervisor")
    assert withheld["caller"]["withheld"] is True
    assert withheld["caller"]["number"] is None
    await api.get("/calls", role="marketer", status=403)


async def test_filters_and_pages(api: Api, agent: str) -> None:
    stories = [Story(api) for _ in range(3)]
    for story in stories:
        await story.rings()
    await stories[0].is_answered()
    await stories[0].ends()

    async def ids(query: str) -> list[str]:
        return [call["id"] for call in (await api.get(f"/calls?{query}"))["items"]]

    newest_first = [str(story.id) for story in reversed(stories)]
    assert await ids("agent=agent") == await ids(f"agent={agent}") == await ids("queue=support") == newest_first
    assert await ids("state=ended") == [str(stories[0].id)]
    assert await ids("queue=sales") == await ids("pbx=other") == []
    later = (api.house.clock() + timedelta(minutes=1)).isoformat().replace("+", "%2B")
    assert await ids(f"until={later}") == newest_first
    assert await ids(f"since={later}") == []
    page = await api.get("/calls?limit=2")
    rest = await api.get(f"/calls?limit=2&cursor={page['next']}")
    assert [call["id"] for call in page["items"] + rest["items"]] == newest_first
    assert rest["next"] is None
    await api.get("/calls?state=singing", status=422)
    await api.get("/calls?agent=nobody", status=404)
    await api.get("/calls?since=yesterday", status=422)


async def test_picking_refuses_what_is_not_there(api: Api, agent: str) -> None:
    story = Story(api)
    await story.rings()
    path = f"/calls/{story.id}/customer"
    await api.post(path, {"customer_id": str(UUID(int=5))}, role="agent", status=404)
    await api.post(path, {"customer_id": "x"}, role="agent", status=422)
    await api.post(path, {}, role="agent", status=422)
    await api.post(f"/calls/{UUID(int=5)}/customer", {"customer_id": None}, role="agent", status=404)


async def test_rings_of_others_are_told_only_to_who_watches_with_the_right(api: Api, agent: str) -> None:
    response = await api.ask("GET", "/events?watch=calls", role="agent")
    assert response.status == 403
    async with api.events(role="supervisor", watch=True) as watching, api.events(role="supervisor") as plain:
        await take(watching, "snapshot")
        await take(plain, "snapshot")
        story = Story(api)
        await story.rings()
        await story.is_answered()
        assert (await take(watching, "call.offered"))["agent"] == "agent"
        kinds: list[str] = []
        async with asyncio.timeout(30):
            while "call.answered" not in kinds:
                kinds.append((await anext(plain)).kind)
        assert "call.offered" not in kinds, "no ring of others without watching"


async def test_a_revoked_token_ends_its_stream(api: Api, agent: str) -> None:
    async with api.events() as blocks:
        await take(blocks, "snapshot")
        (token,) = (await api.get("/tokens?user=agent"))["items"]
        assert (await api.ask("DELETE", f"/tokens/{token['id']}")).status == 204
        async with asyncio.timeout(30):
            assert [block async for block in blocks] == []


async def test_a_disabled_user_s_stream_ends(api: Api, agent: str) -> None:
    async with api.events() as blocks:
        await take(blocks, "snapshot")
        await api.patch("/users/agent", {"disabled": True})
        async with asyncio.timeout(30):
            # That they are disabled is the last that they hear.
            assert [block.kind async for block in blocks if block.kind and block.kind != "user.updated"] == []
