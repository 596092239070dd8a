"""Whom to ring for whom in hotline's own queues. Pure: who waits and who is free in, the phones to ring out.

Callers come by priority, then by how long they wait. Agents are rung once at a time and for one caller. Strategies:
``ring_all`` rings everybody who is free, ``longest_idle`` one after the other, who had rest longest first, ``tiers``
all of the highest level of the queue's skill, then the next level too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

Strategy = Literal["ring_all", "longest_idle", "tiers"]

#: Before an agent who did not answer a caller is rung for the same one again.
RETRY: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class FreeAgent:
    """An agent who is signed in, not paused and on no call. ``level`` is that of the skill named like the queue."""

    user_id: UUID
    phone: str
    idle_since: datetime
    level: int = 0


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who waits. ``ringing`` are the agents who are rung for them now, ``tried`` who was rung before: how
    often, and when that ended last."""

    id: UUID
    queue: str
    ringing: frozenset[UUID] = frozenset()
    tried: Mapping[UUID, tuple[int, datetime]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ring:
    """Ring this phone for this caller."""

    caller: UUID
    user_id: UUID
    phone: str


def plan(
    callers: Sequence[Caller],
    free: Mapping[str, Iterable[FreeAgent]],
    strategy: Strategy,
    now: datetime,
    *,
    most: int = 50,
) -> list[Ring]:
    """The phones to ring now; ``callers`` in the order in which they are to be answered, ``free`` by queue. At most
    ``most`` phones at once ring for one caller."""
    rings: list[Ring] = []
    taken: set[UUID] = {user for caller in callers for user in caller.ringing}
    for caller in callers:
        agents = [each for each in free.get(caller.queue, ()) if each.user_id not in taken]
        # Whom this caller is about to be offered to again is not somebody's who came later.
        taken |= {each.user_id for each in agents if not _rested(caller, each, now)}
        room = most - len(caller.ringing)
        for agent in _chosen(caller, agents, strategy, now)[: max(room, 0)]:
            taken.add(agent.user_id)
            rings.append(Ring(caller.id, agent.user_id, agent.phone))
    return rings


def _chosen(caller: Caller, agents: Iterable[FreeAgent], strategy: Strategy, now: datetime) -> list[FreeAgent]:
    ready = [each for each in agents if _rested(caller, each, now)]
    ready.sort(key=lambda each: (each.idle_since, each.user_id))
    if not ready or strategy == "ring_all":
        return ready
    if caller.ringing:
        return []
    rounds = min(_times(caller, each) for each in ready)
    least_rung = [each for each in ready if _times(caller, each) == rounds]
    if strategy == "longest_idle":
        return least_rung[:1]
    highest = max(each.level for each in least_rung)
    # Who was rung in vain is rung again beside the next level, so that nobody answers more slowly for being better.
    return [each for each in ready if each.level >= highest]


def _times(caller: Caller, agent: FreeAgent) -> int:
    return caller.tried[agent.user_id][0] if agent.user_id in caller.tried else 0


def _rested(caller: Caller, agent: FreeAgent, now: datetime) -> bool:
    tried = caller.tried.get(agent.user_id)
    return tried is None or now - tried[1] >= RETRY
