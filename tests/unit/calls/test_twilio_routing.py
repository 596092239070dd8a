"""Whom to ring for whom: tables, and what holds whatever happens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.calls.twilio_routing import Caller, FreeAgent, Strategy, plan

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def number(n: int) -> UUID:
    return UUID(int=n)


def agent(n: int, idle: int = 0, level: int = 0) -> FreeAgent:
    return FreeAgent(number(n), f"tel:+49{n:06}", NOW - timedelta(seconds=idle), level)


def rung(
    callers: list[Caller], agents: list[FreeAgent], strategy: Strategy = "ring_all"
) -> list[tuple[int, int]]:  # fmt: skip
    return [(each.caller.int, each.user_id.int) for each in plan(callers, {"support": agents}, strategy, NOW)]


def caller(n: int, *, ringing: tuple[int, ...] = (), **tried: tuple[int, float]) -> Caller:
    before = {number(int(name[1:])): (times, NOW - timedelta(seconds=ago)) for name, (times, ago) in tried.items()}
    return Caller(number(n), "support", frozenset(number(each) for each in ringing), before)


@pytest.mark.parametrize(
    ("strategy", "callers", "agents", "rings"),
    [
        ("ring_all", [caller(1)], [agent(10), agent(11, 5)], [(1, 11), (1, 10)]),
        # One agent, two callers: the first one's.
        ("ring_all", [caller(1), caller(2)], [agent(10)], [(1, 10)]),
        # Who did not answer is rung again, a moment later.
        ("ring_all", [caller(1, a10=(1, 2.0))], [agent(10)], []),
        ("ring_all", [caller(1, a10=(1, 9.0))], [agent(10)], [(1, 10)]),
        # Meanwhile they are not somebody's who came later.
        ("ring_all", [caller(1, a10=(1, 2.0)), caller(2)], [agent(10)], []),
        # Whoever signs in while phones ring is rung, too.
        ("ring_all", [caller(1, ringing=(10,))], [agent(10), agent(11)], [(1, 11)]),
        ("longest_idle", [caller(1)], [agent(10, 5), agent(11, 60)], [(1, 11)]),
        ("longest_idle", [caller(1), caller(2)], [agent(10, 5), agent(11, 60)], [(1, 11), (2, 10)]),
        ("longest_idle", [caller(1, ringing=(11,))], [agent(10, 5)], []),
        ("longest_idle", [caller(1, a11=(1, 9.0))], [agent(10, 5), agent(11, 60)], [(1, 10)]),
        # All were asked once: from the beginning.
        ("longest_idle", [caller(1, a11=(1, 9.0), a10=(1, 7.0))], [agent(10, 5), agent(11, 60)], [(1, 11)]),
        ("tiers", [caller(1)], [agent(10, level=1), agent(11, level=3), agent(12, level=3)], [(1, 11), (1, 12)]),
        # The next level beside the first.
        ("tiers", [caller(1, a11=(1, 9.0))], [agent(10, level=1), agent(11, level=3)], [(1, 10), (1, 11)]),
    ],
)
def test_who_is_rung(
    strategy: Strategy, callers: list[Caller], agents: list[FreeAgent], rings: list[tuple[int, int]]
) -> None:
    assert rung(callers, agents, strategy) == rings


def test_another_queues_agents_are_left_alone() -> None:
    assert plan([caller(1)], {"sales": [agent(10)]}, "ring_all", NOW) == []


agents_of = st.lists(st.integers(1, 9), max_size=6, unique=True)


@given(
    st.lists(
        st.tuples(agents_of, st.dictionaries(st.integers(1, 9), st.tuples(st.integers(1, 3), st.floats(0, 60)))),
        max_size=5,
    ),
    agents_of,
    st.sampled_from(["ring_all", "longest_idle", "tiers"]),
    st.integers(1, 4),
)
def test_nobody_rings_twice_and_nobody_waits_for_nothing(
    waiting: list[tuple[list[int], dict[int, tuple[int, float]]]], free: list[int], strategy: Strategy, most: int
) -> None:
    taken: set[int] = set()
    callers = []
    for n, (ringing, tried) in enumerate(waiting):
        mine = [each for each in ringing if each not in taken]
        taken |= set(mine)
        before = {number(who): (times, NOW - timedelta(seconds=ago)) for who, (times, ago) in tried.items()}
        callers.append(Caller(number(100 + n), "support", frozenset(number(each) for each in mine), before))
    agents = [agent(each, level=each % 3) for each in free if each not in taken]
    rings = plan(callers, {"support": agents}, strategy, NOW, most=most)
    users = [each.user_id for each in rings]
    assert len(users) == len(set(users))
    assert set(users) <= {each.user_id for each in agents}
    for each in callers:
        assert len(each.ringing) + sum(ring.caller == each.id for ring in rings) <= max(most, len(each.ringing))
    if callers and not callers[0].ringing and not callers[0].tried and agents:
        assert rings
