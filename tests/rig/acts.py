"""The calls that the tapes show: what people and phones do, and the story that any reader of the tape must tell.

A story is what happened in the room, not what a program made of it. Per call: who called, from which queue, each
ring in the order of its start (agent, how it ended), who had the call in the end, transfers, and how it ended. Ring
ends are those of ``hotline.calls.story.RingEnd``. A phone that was busy, or sent the call on, at once never rang.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.rig import config
from tests.rig.ami import Ami
from tests.rig.scenarios import Digits
from tests.rig.stage import Stage

ZHANG: Final = "+8613800138000"
SMITH: Final = "+442079460123"
TRANSFER_CONTEXT: Final = "hotline-agents"

Story = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Act:
    """One tape: its name, what is done, and the story."""

    name: str
    play: Callable[[Stage, Ami], None]
    calls: tuple[Story, ...]


def call(
    caller: str | None,
    queue: str | None,
    rings: list[tuple[str, str]],
    disposition: str,
    *,
    direction: str = "in",
    withheld: bool = False,
    agent: str | None = None,
    transfers: tuple[tuple[str, str, str], ...] = (),
    left_queue: str | None = None,
) -> Story:
    """A story's call. ``agent`` is who had it last; ``transfers`` are (kind, from, to)."""
    return {
        "direction": direction,
        "caller": caller,
        "withheld": withheld,
        "queue": queue,
        "rings": [{"agent": who, "end": end} for who, end in rings],
        "agent": agent,
        "transfers": [{"kind": kind, "from": giver, "to": taker} for kind, giver, taker in transfers],
        "left_queue": left_queue,
        "disposition": disposition,
    }


def bridged(ami: Ami, endpoint: str) -> str:
    """Wait until a phone is in a bridge with somebody; the channel's name."""
    return ami.wait(
        f"{endpoint} is connected",
        lambda event: event["Event"] == "BridgeEnter" and event["Channel"].startswith(f"PJSIP/{endpoint}-"),
    )["Channel"]


def rings(ami: Ami, endpoint: str) -> str:
    """Wait until a phone rings; the channel's name."""
    return ami.wait(
        f"{endpoint} rings",
        lambda event: (
            event["Event"] == "Newstate"
            and event["Channel"].startswith(f"PJSIP/{endpoint}-")
            and event["ChannelStateDesc"] == "Ringing"
        ),
    )["Channel"]


def ringall(stage: Stage, _: Ami) -> None:
    stage.phone("agent1", "never")
    stage.phone("agent2", answer_after=1)
    stage.phone("agent3", "never")
    stage.caller(config.RINGALL, ZHANG, name="Zhang Wei", hangup_after=2.5).wait()


def freepbx(stage: Stage, _: Ami) -> None:
    stage.phone("agent1", "never")
    stage.phone("agent2", answer_after=1)
    stage.caller(config.FREEPBX, ZHANG, hangup_after=2.5).wait()


def freepbx_abandoned(stage: Stage, _: Ami) -> None:
    stage.phone("agent1", "never")
    stage.phone("agent2", "never")
    stage.caller(config.FREEPBX, ZHANG, hangup_after=1.5).wait()


def blind_transfer(stage: Stage, ami: Ami) -> None:
    stage.phone("agent1", answer_after=0.5)
    stage.phone("agent2", answer_after=1)
    caller = stage.caller(config.FIRST_ONLY, ZHANG, hangup_after=5)
    bridged(ami, "trunk")
    agent = bridged(ami, "agent1")
    ami.action("BlindTransfer", Channel=agent, Context=TRANSFER_CONTEXT, Exten="1002")
    caller.wait()


def redirect(stage: Stage, ami: Ami) -> None:
    stage.phone("agent1", answer_after=0.5)
    stage.phone("agent2", answer_after=1)
    caller = stage.caller(config.FIRST_ONLY, ZHANG, hangup_after=5)
    bridged(ami, "agent1")
    trunk = bridged(ami, "trunk")
    ami.action("Redirect", Channel=trunk, Context=TRANSFER_CONTEXT, Exten="1002", Priority="1")
    caller.wait()


def blind_transfer_phone(stage: Stage, _: Ami) -> None:
    stage.phone("agent1", answer_after=0.5, digits=(Digits(1.5, "#1"), Digits(1.5, "1002")))
    stage.phone("agent2", answer_after=1)
    stage.caller(config.FIRST_ONLY, ZHANG, hangup_after=10).wait()


def blind_transfer_unanswered(stage: Stage, ami: Ami) -> None:
    stage.phone("agent1", answer_after=0.5)
    stage.phone("agent2", "never")
    caller = stage.caller(config.FIRST_ONLY, ZHANG, hangup_after=4)
    bridged(ami, "trunk")
    agent = bridged(ami, "agent1")
    ami.action("BlindTransfer", Channel=agent, Context=TRANSFER_CONTEXT, Exten="1002")
    caller.wait()


def attended_transfer(stage: Stage, ami: Ami) -> None:
    stage.phone("agent1", answer_after=0.5, hangup_after=5)
    stage.phone("agent2", answer_after=1)
    caller = stage.caller(config.FIRST_ONLY, ZHANG, hangup_after=8)
    bridged(ami, "trunk")
    agent = bridged(ami, "agent1")
    ami.action("Atxfer", Channel=agent, Context=TRANSFER_CONTEXT, Exten="1002")
    caller.wait()


def attended_transfer_phone(stage: Stage, _: Ami) -> None:
    stage.phone("agent1", answer_after=0.5, hangup_after=5, digits=(Digits(1.5, "*2"), Digits(2, "1002")))
    stage.phone("agent2", answer_after=1)
    stage.caller(config.FIRST_ONLY, ZHANG, hangup_after=13).wait()


def attended_transfer_early(stage: Stage, ami: Ami) -> None:
    """agent1 hangs up while agent2 still rings."""
    stage.phone("agent1", answer_after=0.5, hangup_after=3)
    stage.phone("agent2", answer_after=5)
    caller = stage.caller(config.FIRST_ONLY, ZHANG, hangup_after=10)
    bridged(ami, "trunk")
    agent = bridged(ami, "agent1")
    ami.action("Atxfer", Channel=agent, Context=TRANSFER_CONTEXT, Exten="1002")
    caller.wait()


def attended_transfer_refused(stage: Stage, ami: Ami) -> None:
    """agent2 declines; agent1 has the customer back."""
    stage.phone("agent1", answer_after=0.5)
    stage.phone("agent2", "decline")
    caller = stage.caller(config.FIRST_ONLY, ZHANG, hangup_after=8)
    bridged(ami, "trunk")
    agent = bridged(ami, "agent1")
    ami.action("Atxfer", Channel=agent, Context=TRANSFER_CONTEXT, Exten="1002")
    caller.wait()


def attended_transfer_freepbx(stage: Stage, ami: Ami) -> None:
    stage.phone("agent1", answer_after=0.5, hangup_after=5)
    stage.phone("agent3", answer_after=1)
    caller = stage.caller(config.FREEPBX, ZHANG, hangup_after=8)
    bridged(ami, "trunk")
    agent = bridged(ami, "agent1")
    ami.action("Atxfer", Channel=agent, Context="ext-local", Exten="1003")
    caller.wait()


def pickup(stage: Stage, ami: Ami) -> None:
    stage.phone("agent1", "never")
    caller = stage.caller(config.FIRST_ONLY, ZHANG, hangup_after=4)
    rings(ami, "agent1")
    stage.caller("*8", "agent2")
    caller.wait()


def forward(stage: Stage, _: Ami) -> None:
    stage.phone("agent1", "forward", forward_to="1002")
    stage.phone("agent2", answer_after=1)
    stage.caller(config.DIRECT, ZHANG, hangup_after=2.5).wait()


def forward_in_queue(stage: Stage, _: Ami) -> None:
    stage.phone("agent1", "forward", forward_to="1002")
    stage.phone("agent2", answer_after=1)
    stage.caller(config.FIRST_ONLY, ZHANG, hangup_after=3).wait()


def abandoned(stage: Stage, _: Ami) -> None:
    stage.phone("agent1", "never")
    stage.phone("agent2", "never")
    stage.phone("agent3", "never")
    stage.caller(config.RINGALL, ZHANG, hangup_after=1.5).wait()


def queue_timeout(stage: Stage, _: Ami) -> None:
    stage.phone("agent1", "never")
    stage.caller(config.SHORT, ZHANG).wait()


def leave_empty(stage: Stage, ami: Ami) -> None:
    stage.phone("agent1", "never")
    caller = stage.caller(config.LEAVE_EMPTY, ZHANG)
    rings(ami, "agent1")
    ami.action("QueuePause", Queue="leave", Interface="PJSIP/agent1", Paused="true", Reason="lunch")
    caller.wait()


def withheld_privacy(stage: Stage, _: Ami) -> None:
    stage.phone("agent1", answer_after=1)
    stage.caller(config.FIRST_ONLY, ZHANG, withheld="privacy", hangup_after=2.5).wait()


def withheld_anonymous(stage: Stage, _: Ami) -> None:
    stage.phone("agent1", answer_after=1)
    stage.caller(config.FIRST_ONLY, ZHANG, withheld="anonymous", hangup_after=2.5).wait()


def two_calls(stage: Stage, ami: Ami) -> None:
    stage.phone("agent1", answer_after=1)
    first = stage.caller(config.FIRST_ONLY, ZHANG, hangup_after=5)
    bridged(ami, "agent1")
    second = stage.caller(config.FIRST_ONLY, SMITH, hangup_after=2.5)
    second.wait()
    first.wait()


def originate(stage: Stage, ami: Ami, trunk: str = "answer") -> None:
    """Click-to-dial: the agent's phone is rung, then the customer's."""
    stage.phone("agent1", answer_after=0.5, hangup_after=3)
    if trunk == "answer":
        stage.trunk(answer_after=1)
    else:
        stage.trunk("busy")
    ami.action(
        "Originate",
        Channel="PJSIP/agent1",
        ChannelId="01938c5a-0000-7000-8000-000000000001",
        Context="hotline-out",
        Exten=SMITH,
        Priority="1",
        CallerID=f"<{SMITH}>",
        Variable="HOTLINE_COMMAND=01938c5a-0000-7000-8000-000000000001",
        Async="true",
    )
    channel = ami.wait("agent1 is called", lambda e: e["Event"] == "Newchannel" and "agent1" in e["Channel"])
    ami.wait("it is over", lambda e: e["Event"] == "Hangup" and e["Uniqueid"] == channel["Uniqueid"], timeout=40)


def originate_busy(stage: Stage, ami: Ami) -> None:
    originate(stage, ami, "busy")


def agent_dials(stage: Stage, _: Ami) -> None:
    stage.trunk(answer_after=1)
    stage.caller(SMITH, "agent1", hangup_after=2).wait()


def decline(stage: Stage, _: Ami) -> None:
    stage.phone("agent1", "decline")
    stage.phone("agent2", answer_after=1)
    stage.phone("agent3", "never")
    stage.caller(config.ROUND_ROBIN, ZHANG, hangup_after=5).wait()


def busy(stage: Stage, _: Ami) -> None:
    stage.phone("agent1", "busy")
    stage.phone("agent2", answer_after=1)
    stage.phone("agent3", "never")
    stage.caller(config.RINGALL, ZHANG, hangup_after=3).wait()


def ring_timeout(stage: Stage, _: Ami) -> None:
    stage.phone("agent1", "never")
    stage.phone("agent2", answer_after=1)
    stage.phone("agent3", "never")
    stage.caller(config.ROUND_ROBIN, ZHANG, hangup_after=8).wait()


def direct(stage: Stage, _: Ami) -> None:
    stage.phone("agent1", answer_after=1)
    stage.caller(config.DIRECT, ZHANG, hangup_after=2).wait()


def direct_abandoned(stage: Stage, _: Ami) -> None:
    stage.phone("agent1", "never")
    stage.caller(config.DIRECT, ZHANG, hangup_after=1.5).wait()


def agent_hangs_up(stage: Stage, _: Ami) -> None:
    stage.phone("agent1", answer_after=0.5, hangup_after=1.5)
    stage.caller(config.FIRST_ONLY, ZHANG).wait()


MOVED: Final = [("agent1", "transferred"), ("agent2", "completed")]

ACTS: Final = (
    Act(
        "ringall",
        ringall,
        (
            call(
                ZHANG,
                "support",
                [("agent1", "answered_elsewhere"), ("agent2", "completed"), ("agent3", "answered_elsewhere")],
                "answered",
                agent="agent2",
            ),
        ),
    ),
    Act(
        "freepbx",
        freepbx,
        (
            call(
                ZHANG,
                "fpbx",
                [("agent1", "answered_elsewhere"), ("agent2", "completed")],
                "answered",
                agent="agent2",
            ),
        ),
    ),
    Act(
        "freepbx_abandoned",
        freepbx_abandoned,
        (
            call(
                ZHANG,
                "fpbx",
                [("agent1", "cancelled"), ("agent2", "cancelled")],
                "abandoned",
                left_queue="abandoned",
            ),
        ),
    ),
    *(
        Act(
            play.__name__,
            play,
            (call(ZHANG, "first", MOVED, "answered", agent="agent2", transfers=((kind, "agent1", "agent2"),)),),
        )
        for play, kind in (
            (blind_transfer, "blind"),
            (redirect, "blind"),
            (blind_transfer_phone, "blind"),
            (attended_transfer, "attended"),
            (attended_transfer_phone, "attended"),
            (attended_transfer_early, "attended"),
        )
    ),
    Act(
        "blind_transfer_unanswered",
        blind_transfer_unanswered,
        (
            call(
                ZHANG,
                "first",
                [("agent1", "transferred"), ("agent2", "cancelled")],
                "answered",
                agent="agent1",
                transfers=(("blind", "agent1", "agent2"),),
            ),
        ),
    ),
    Act(
        "attended_transfer_refused",
        attended_transfer_refused,
        (call(ZHANG, "first", [("agent1", "completed"), ("agent2", "busy")], "answered", agent="agent1"),),
    ),
    Act(
        "attended_transfer_freepbx",
        attended_transfer_freepbx,
        (
            call(
                ZHANG,
                "fpbx",
                [("agent1", "transferred"), ("agent3", "completed")],
                "answered",
                agent="agent3",
                transfers=(("attended", "agent1", "agent3"),),
            ),
        ),
    ),
    Act(
        "pickup",
        pickup,
        (
            call(
                ZHANG,
                "first",
                [("agent1", "answered_elsewhere"), ("agent2", "completed")],
                "answered",
                agent="agent2",
            ),
        ),
    ),
    Act(
        "forward",
        forward,
        (call(ZHANG, None, [("agent2", "completed")], "answered", agent="agent2"),),
    ),
    Act(
        "forward_in_queue",
        forward_in_queue,
        (call(ZHANG, "first", [("agent2", "completed")], "answered", agent="agent2"),),
    ),
    Act(
        "abandoned",
        abandoned,
        (
            call(
                ZHANG,
                "support",
                [("agent1", "cancelled"), ("agent2", "cancelled"), ("agent3", "cancelled")],
                "abandoned",
                left_queue="abandoned",
            ),
        ),
    ),
    Act(
        "queue_timeout",
        queue_timeout,
        (call(ZHANG, "short", [("agent1", "no_answer")], "no_answer", left_queue="timeout"),),
    ),
    Act(
        "leave_empty",
        leave_empty,
        (call(ZHANG, "leave", [("agent1", "no_answer")], "no_answer", left_queue="leave_empty"),),
    ),
    *(
        Act(
            play.__name__,
            play,
            (call(caller, "first", [("agent1", "completed")], "answered", agent="agent1", withheld=True),),
        )
        for play, caller in ((withheld_privacy, None), (withheld_anonymous, None))
    ),
    Act(
        "two_calls",
        two_calls,
        tuple(
            call(number, "first", [("agent1", "completed")], "answered", agent="agent1") for number in (ZHANG, SMITH)
        ),
    ),
    Act(
        "originate",
        originate,
        (call(SMITH, None, [("agent1", "completed")], "answered", direction="out", agent="agent1"),),
    ),
    Act(
        "originate_busy",
        originate_busy,
        (call(SMITH, None, [("agent1", "completed")], "busy", direction="out", agent="agent1"),),
    ),
    Act("agent_dials", agent_dials, (call(SMITH, None, [], "answered", direction="out", agent="agent1"),)),
    Act(
        "decline",
        decline,
        (call(ZHANG, "sales", [("agent1", "busy"), ("agent2", "completed")], "answered", agent="agent2"),),
    ),
    Act(
        "busy",
        busy,
        (
            call(
                ZHANG,
                "support",
                [("agent2", "completed"), ("agent3", "answered_elsewhere")],
                "answered",
                agent="agent2",
            ),
        ),
    ),
    Act(
        "ring_timeout",
        ring_timeout,
        (call(ZHANG, "sales", [("agent1", "no_answer"), ("agent2", "completed")], "answered", agent="agent2"),),
    ),
    Act("direct", direct, (call(ZHANG, None, [("agent1", "completed")], "answered", agent="agent1"),)),
    Act(
        "direct_abandoned",
        direct_abandoned,
        (call(ZHANG, None, [("agent1", "cancelled")], "abandoned"),),
    ),
    Act(
        "agent_hangs_up",
        agent_hangs_up,
        (call(ZHANG, "first", [("agent1", "completed")], "answered", agent="agent1"),),
    ),
)
