"""A call's pop goes before a blast: while calls ring, dispatching keeps to a part of the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotline.jobs.dispatch_share import BURST_SECONDS, LONGEST_WAIT, LONGEST_WAIT_HERE, SHARE, Share, processors


class Machine:
    """Time and what was used of it, in seconds."""

    def __init__(self, count: int, *, here: bool = False) -> None:
        self.now = self.used = 0.0
        self.share = Share(count, used=lambda: self.used, now=lambda: self.now, here=here)

    def sends_for(self, seconds: float, step: float = 0.01) -> float:
        """The part of a processor that is used when every group takes one ``step`` of one."""
        used, end = self.used, self.now + seconds
        while self.now < end:
            if wait := self.share.wait():
                self.now += max(wait, 0.001)
            else:
                self.used += step
                self.now += step
        return (self.used - used) / (self.now - end + seconds)


@pytest.mark.parametrize("step", [0.001, 0.01, 0.1, 0.25])
def test_while_calls_ring_a_part_of_the_machine_is_used_however_much_one_group_costs(step: float) -> None:
    two = Machine(2)
    assert two.sends_for(10, step) > 0.99
    two.share.ringing = True
    assert abs(two.sends_for(100, step) - 2 * SHARE) < 0.005
    two.share.ringing = False
    assert two.sends_for(10, step) > 0.99


def test_neither_what_was_used_nor_what_was_not_before_calls_rang_counts() -> None:
    two = Machine(2)
    two.sends_for(10)
    two.used += 100
    two.now += 100
    two.share.ringing = True
    assert two.share.wait() == 0, "what was used is not paid for"
    calm = Machine(2)
    calm.now += 3600
    calm.share.ringing = True
    assert calm.sends_for(1) <= 2 * SHARE * (1 + BURST_SECONDS) + 0.02, "what was not used is not saved up"


def test_a_large_machine_is_not_slowed() -> None:
    large = Machine(32)
    large.share.ringing = True
    assert large.sends_for(10) > 0.99


@pytest.mark.parametrize(("here", "longest"), [(False, LONGEST_WAIT), (True, LONGEST_WAIT_HERE)])
def test_campaigns_go_on_whatever_else_the_process_does(here: bool, longest: float) -> None:
    busy = Machine(1, here=here)
    busy.share.ringing = True
    for _ in range(5):
        busy.used += 100
        assert 0 < busy.share.wait() <= longest
        busy.now += longest
        assert busy.share.wait() == 0


def test_the_processors_of_a_container_are_those_that_it_may_use(tmp_path: Path) -> None:
    limit = tmp_path / "cpu.max"
    machine = processors(limit)
    assert machine >= 1
    for text, count in (("max 100000\n", machine), ("50000 100000\n", 0.5), ("100000000 100000\n", min(machine, 1000))):
        limit.write_text(text)
        assert processors(limit) == count
    limit.write_text("nonsense")
    assert processors(limit) == machine
