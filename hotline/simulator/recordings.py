"""Calls that play by themselves: what the persons of a recorded call did, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from hotline.errors import Conflict
from hotline.simulator.call import Call, Phone
from hotline.simulator.world import World

#: How long a person thinks before they press a key.
THINKS_SECONDS = 0.8


@dataclass(frozen=True, slots=True)
class Act:
    """``after`` seconds, ``who`` does ``verb``: the caller, or the first or second phone that rang."""

    after: float
    who: str
    verb: str


@dataclass(frozen=True, slots=True)
class Recording:
    """One call: how many phones it needs free, and its acts after the phones ring."""

    phones: int
    acts: Sequence[Act]
    #: What the caller answers to a script's questions, one after the other.
    keys: Sequence[str] = ("1", "1")

    @property
    def seconds(self) -> int:
        """How long it takes."""
        return round(sum(act.after for act in self.acts))


RECORDINGS = {
    "ringall": Recording(2, (Act(5, "second", "answers"), Act(12, "caller", "hangs up"))),
    "attended": Recording(
        2,
        (
            Act(4, "first", "answers"),
            Act(6, "first", "consults"),
            Act(4, "second", "answers"),
            Act(5, "first", "hangs up"),
            Act(10, "caller", "hangs up"),
        ),
    ),
    "blind": Recording(
        2,
        (
            Act(4, "first", "answers"),
            Act(6, "first", "transfers"),
            Act(4, "second", "answers"),
            Act(8, "second", "hangs up"),
        ),
    ),
    "abandoned": Recording(1, (Act(9, "caller", "hangs up"),)),
}


def free_phones(world: World, queue: str) -> list[Phone]:
    """The phones that a call to the queue would ring now."""
    members = world.queues[queue].members.values()
    phones = [world.phones[m.interface] for m in members if m.interface in world.phones and not m.paused]
    return [phone for phone in phones if not world.busy(phone)]


async def answer(world: World, call: Call, keys: Sequence[str]) -> None:
    """Answers a script's questions, a moment after each was asked; stops when the script is over."""
    line = world.dialling.callers[call].line
    for asked, each in enumerate(keys, 1):
        while line.questions < asked:
            if line.gone or call not in world.calls:
                return
            await _change(world)
        await asyncio.sleep(THINKS_SECONDS)
        for key in each:
            line.press(key)


async def play(world: World, recording: Recording, call: Call, phones: Sequence[Phone]) -> None:
    """Acts the recording on a call that has just begun; stops when somebody else acted otherwise."""
    who = {"first": phones[0], "second": phones[min(1, len(phones) - 1)]}
    while not call.ringing and call in world.calls:
        await _change(world)
    for act in recording.acts:
        await asyncio.sleep(act.after)
        if call not in world.calls:
            return
        try:
            if act.who == "caller":
                world.outside_act(act.verb, call)
            elif act.verb in ("consults", "transfers"):
                if not call.act(f"desk {act.verb} agent", who["second"]):
                    return
            else:
                world.phone_act(who[act.who], act.verb, call)
        except Conflict:
            return


async def _change(world: World) -> None:
    changed = asyncio.Event()
    unwatch = world.watch(changed.set)
    try:
        await changed.wait()
    finally:
        unwatch()
