"""Lists of the newest calls and customers are whole pages, in order, whichever way they are found."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from hotline.calls.story import Alias, CallArrived, CallEnded, Line, RingEnded, RingStarted
from hotline.crm.queries.calls.calls import list_calls
from hotline.crm.queries.customers import newest
from hotline.crm.queries.customers.customers import list_customers
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.ids import new_id
from hotline.workflows.calls import calls
from hotline.workflows.customers.customers import create_customer
from hotline.workflows.house import House
from hotline.workflows.people.teams import create_team
from tests.integration.test_calls import agent

#: Who was rung by each call, how often: the same phone again and again, both, nobody.
RUNG = (("agent1",) * 5, ("agent2",), ("agent1", "agent2"), (), ("agent1",) * 5, ("agent2",) * 3, ("agent1",))


async def ring(house: House, number: int, phones: tuple[str, ...]) -> UUID:
    """A call that rang at these phones one after the other, and that nobody took."""
    call_id, now = new_id(), house.clock()
    name = (Alias("uniqueid", f"{number}.1"),)
    lines: list[Line] = [
        CallArrived(
            call_id, now, interface="PJSIP/trunk", number=None, name=None, withheld=True, dialled="100",
            aliases=name, age=0.0,
        )
    ]  # fmt: skip
    for at, phone in enumerate(phones):
        ring_id, uniqueid = new_id(), f"{number}.{at + 2}"
        lines += [
            RingStarted(
                call_id, now, ring_id=ring_id, interfaces=(f"PJSIP/{phone}",), uniqueid=uniqueid, queue=None,
                kind="offer", age=0.0,
            ),
            RingEnded(call_id, now, ring_id, "no_answer"),
        ]  # fmt: skip
    await calls.apply(house, "main", [*lines, CallEnded(call_id, now, "no_answer", 16, True)])
    return call_id


@pytest.fixture(params=[(4_000, 1_000), (4_000, 0), (2, 0), (3, 2)], ids=["few", "walked", "too short", "both"])
def ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """By all that somebody has; by the newest; by these and then by all."""
    walked, few = request.param
    monkeypatch.setattr(newest, "WALKED", walked)
    monkeypatch.setattr(newest, "FEW", few)


def reach(viewer: Viewer, scope: str) -> Viewer:
    """The viewer, who sees customers and calls so far."""
    kinds = ("customers", "calls")
    none = viewer.permissions - {f"{kind}.read_{far}" for kind in kinds for far in ("team", "all")}
    more = frozenset() if scope == "own" else frozenset(f"{kind}.read_{scope}" for kind in kinds)
    return Viewer(viewer.user_id, "user", none | more, teams=viewer.teams)


@pytest.mark.usefixtures("ways")
async def test_pages_of_calls_have_no_holes(house: House) -> None:
    one, two = await agent(house, 1), await agent(house, 2)
    made = [await ring(house, number, phones) for number, phones in enumerate(RUNG)]

    async def pages(viewer: Viewer, size: int, user_id: UUID | None = None, state: str | None = None) -> list[int]:
        found: list[UUID] = []
        while True:
            after = found[-1] if found else None
            more = await list_calls(
                house.db, house.keyring, viewer, limit=size, after=after, user_id=user_id, state=state
            )
            found += [call.id for call in more]
            if len(more) < size:
                return [made.index(each) for each in found]

    def rung(*logins: str) -> list[int]:
        return [at for at in reversed(range(len(RUNG))) if set(logins) & set(RUNG[at])]

    every = list(reversed(range(len(RUNG))))
    for size in (1, 2, 3, 50):
        for state in (None, "ended"):
            assert await pages(reach(one, "all"), size, state=state) == every
            assert await pages(reach(one, "own"), size, state=state) == rung("agent1")
        assert await pages(reach(one, "all"), size, user_id=one.user_id) == rung("agent1")
        assert await pages(reach(one, "all"), size, user_id=two.user_id) == rung("agent2")
        assert await pages(reach(one, "own"), size, user_id=two.user_id) == [2]
        assert await pages(reach(one, "own"), size, state="ringing") == []
        assert await pages(reach(two, "team"), size) == rung("agent2"), "nobody is in a team yet"
    await create_team(house, SYSTEM, {"name": "Both", "members": ["agent1", "agent2"]})
    assert await pages(reach(two, "team"), 2) == rung("agent1", "agent2")


@pytest.mark.usefixtures("ways")
async def test_pages_of_customers_have_no_holes(house: House) -> None:
    viewer = await agent(house, 1)
    made = [(await create_customer(house, SYSTEM, {"name": f"Anna {number}"})).id for number in range(9)]
    mine: Callable[[int], bool] = lambda number: number % 3 != 1  # noqa: E731
    for number in filter(mine, range(9)):
        await house.db.execute("UPDATE customer SET responsible_id = $1 WHERE id = $2", viewer.user_id, made[number])
    for scope, expected in (("own", [8, 6, 5, 3, 2, 0]), ("all", list(reversed(range(9))))):
        for size in (1, 2, 4, 50):
            found: list[UUID] = []
            while True:
                after = found[-1] if found else None
                more = await list_customers(house.db, house.keyring, reach(viewer, scope), limit=size, after=after)
                found += [customer.id for customer in more]
                if len(more) < size:
                    break
            assert [made.index(each) for each in found] == expected, (scope, size)
