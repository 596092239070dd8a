"""Carries out commands: one executor beside each PBX's reader, under the PBX's lease.

The row is ``sent`` and committed before the action is written, and nothing is written twice: when the connection
breaks in between, the outcome is looked up in the next snapshot (a dialled call by its channel's id, which is the
command's), and is ``unknown`` when that cannot tell.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final
from uuid import UUID

import structlog

from hotline.calls.command_states import CommandState
from hotline.calls.facts import AmiEvent, Snapshot
from hotline.calls.intake import PUSH_CONTEXT
from hotline.crm.leases import Lease
from hotline.errors import HotlineError, Unavailable
from hotline.pbx import actions
from hotline.pbx.actions import PbxAction
from hotline.pbx.connection import Connection
from hotline.pbx.errors import ConnectionLost, NoAnswer
from hotline.telephony import metrics
from hotline.telephony.channels import caller_channel, channel_of, list_channels
from hotline.telephony.ringing import Ringing
from hotline.workflows.calls.commands import (
    CommandOrder,
    LeaseLost,
    claim_commands,
    commands_topic,
    expire_commands,
    finish_command,
    outside_extension,
    unsettled_commands,
)
from hotline.workflows.calls.recordings import note_recording
from hotline.workflows.house import House
from hotline.workflows.pushes import push_pbx

log = structlog.get_logger(__name__)

RING_SECONDS: Final = 30
POLL_SECONDS: Final = 1.0
#: How long after the ringing has ended the PBX may take to say what became of a dialled call.
ORIGINATE_GRACE: Final = 10.0
_RETRY: Final = (0.2, 0.5, 1.0, 2.0)

#: The state that a command ends in, the error's code and its sentence.
_Outcome = tuple[CommandState, str | None, str | None]


class Executor:
    """Runs while this node holds the PBX's lease; ``attach`` gives it a connection, ``detach`` takes it."""

    def __init__(self, house: House, pbx: str, lease: Callable[[], Lease | None]) -> None:
        self._house = house
        self._pbx = pbx
        self._lease = lease
        self._connection: Connection | None = None
        self._wake = asyncio.Event()
        self._running: set[asyncio.Task[Any]] = set()
        self._originating: dict[str, Ringing] = {}

    def attach(self, connection: Connection) -> None:
        """Carry commands out on this connection from now on."""
        self._connection = connection
        self._wake.set()

    def detach(self) -> None:
        """There is no connection: commands wait until they expire."""
        self._connection = None
        for ringing in self._originating.values():
            if not ringing.answer.done():
                ringing.answer.cancel()

    def originated(self, event: AmiEvent) -> None:
        """OriginateResponse: what became of a phone that was rung."""
        ringing = self._originating.get(event.get("ActionID"))
        if ringing is not None and not ringing.answer.done():
            ringing.answer.set_result(event)

    def hung_up(self, event: AmiEvent) -> None:
        """Hangup: perhaps of a phone that was rung, with the cause."""
        if self._originating:
            ringing = self._originating.get(event.get("Uniqueid").partition(";")[0])
            if ringing is not None and not ringing.cause.done():
                ringing.cause.set_result(event.get("Cause"))

    async def run(self) -> None:
        """Until cancelled: woken by the bus, and each second in case the bus is silent."""
        listening = self._house.spawn(self._listen(), f"commands {self._pbx} bus")
        try:
            while True:
                try:
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                self._wake.clear()
                try:
                    await self._work()
                except LeaseLost:
                    continue  # the supervisor notices and stops this
                except Unavailable:
                    continue  # the records are away; commands wait there and expire
        finally:
            listening.cancel()
            for task in self._running:
                task.cancel()

    async def _listen(self) -> None:
        async with self._house.bus.subscribe(commands_topic(self._pbx)) as subscription:
            async for _ in subscription:  # a command, or a Resync after which there may be some
                self._wake.set()

    async def _work(self) -> None:
        await expire_commands(self._house, self._pbx)
        lease, connection = self._lease(), self._connection
        if lease is None or connection is None:
            return
        for order in await claim_commands(self._house, self._pbx, lease):
            task = self._house.spawn(self._carry_out(order, connection), f"command {order.id}")
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _carry_out(self, order: CommandOrder, connection: Connection) -> None:
        try:
            await self._send(order, connection)
        except (ConnectionLost, NoAnswer):
            # What the PBX did is not known. The next snapshot may tell (``settle``).
            log.warning("command.unsettled", pbx=self._pbx, command=str(order.id), action=order.action)
            if not connection.wire.lost.is_set():
                await self._finish(order.id, "unknown", "no_answer", "The PBX did not say whether it did it.")
        except HotlineError as error:
            await self._finish(order.id, "failed", error.code, error.detail)
        except Exception:
            await self._finish(order.id, "unknown", "internal", "hotline failed while carrying it out.")
            raise

    async def _send(self, order: CommandOrder, connection: Connection) -> None:
        data = order.data
        match order.action:
            case "originate":
                await self._originate(order, connection)
            case "push":
                await self._push(order, connection)
            case "hangup":
                action = await self._hangup(data, connection)
                await self._simple(order, connection, [action] if action else [])
            case "blind_transfer" | "attended_transfer":
                channels = await list_channels(connection)
                name = channel_of(channels, data.get("uniqueid", ""), data.get("interfaces", ()), data.get("ids", ()))
                if name is None:
                    await self._finish(order.id, "failed", "gone", "The agent's phone is no longer in this call.")
                    return
                extension, context = self._target(order)
                make = actions.blind_transfer if order.action == "blind_transfer" else actions.attended_transfer
                await self._simple(order, connection, [make(name, extension=extension, context=context)])
            case "pause_recording" | "resume_recording":
                await self._mute(order, connection)
            case "pause" | "unpause":
                await self._simple(order, connection, self._pauses(order))
            case "sign_in":
                await self._simple(
                    order,
                    connection,
                    [
                        actions.queue_add(
                            queue,
                            data["phone"],
                            state_interface=data.get("state_interface"),
                            member_name=data.get("member_name", ""),
                        )
                        for queue in data["queues"]
                    ],
                )
            case "sign_out":
                await self._simple(
                    order, connection, [actions.queue_remove(queue, phone) for queue, phone in data["members"]]
                )
            case other:
                await self._finish(order.id, "failed", "unsupported", f"{other} is not supported.")

    async def _mute(self, order: CommandOrder, connection: Connection) -> None:
        """The recording hangs on the caller's channel. What the agent sees follows the PBX's answer at once."""
        muted, ids = order.action == "pause_recording", order.data.get("ids", ())
        name = caller_channel(await list_channels(connection), ids)
        if name is None:
            await self._finish(order.id, "failed", "gone", "The call is over.")
            return
        action = actions.mute_recording(name, muted=muted)
        reply = await connection.request(action.name, *action.headers)
        if not reply.success:
            await self._finish(order.id, "failed", "refused", _printable(reply.message) or "The PBX refused.")
            return
        with suppress(Unavailable):  # the PBX's event says it again
            await note_recording(self._house, self._pbx, ids, "paused" if muted else "on")
        await self._finish(order.id, "done")

    def _target(self, order: CommandOrder) -> tuple[str, str]:
        if order.number is not None:
            return outside_extension(self._house.settings, self._pbx, order.number)
        return order.data["extension"], order.data["context"]

    @staticmethod
    def _pauses(order: CommandOrder) -> list[PbxAction]:
        paused, reason = order.action == "pause", order.data.get("reason", "")
        return [
            actions.queue_pause(phone, paused=paused, queue=queue, reason=reason if paused else "")
            for queue, phone in order.data["members"]
        ]

    @staticmethod
    async def _hangup(data: Any, connection: Connection) -> PbxAction | None:
        channels = await list_channels(connection)
        ids = data.get("ids", ())
        if "uniqueid" in data:
            name = channel_of(channels, data["uniqueid"], data.get("interfaces", ()), ids)
        else:
            name = caller_channel(channels, ids)
        return None if name is None else actions.hangup(name, cause=21 if data.get("decline") else 16)

    async def _simple(self, order: CommandOrder, connection: Connection, several: Sequence[PbxAction]) -> None:
        """Actions that are done when they are answered. The first refusal is the command's outcome."""
        for action in several:
            reply = await connection.request(action.name, *action.headers)
            if not reply.success and not _already(order.action, reply.message):
                await self._finish(order.id, "failed", "refused", _printable(reply.message) or "The PBX refused.")
                return
        await self._finish(order.id, "done")

    async def _originate(self, order: CommandOrder, connection: Connection) -> None:
        extension, context = self._target(order)
        action = actions.originate(
            order.id,
            phone=order.data["phone"],
            extension=extension,
            context=context,
            caller_id=order.data.get("caller_id"),
            ring_seconds=RING_SECONDS,
        )
        with self._ringing(order) as ringing:
            outcome = await self._ring(order, action, ringing, connection)
        if outcome is not None:
            await self._finish(order.id, *outcome)

    async def _push(self, order: CommandOrder, connection: Connection) -> None:
        """A call of a campaign: what becomes of it is told to its delivery, too, until the call is over."""
        try:
            call = await push_pbx.prepare(self._house, order.id)
            extension, context = outside_extension(self._house.settings, self._pbx, order.number or "")
            action = actions.call_out(
                order.id,
                extension=extension,
                context=context,
                script=PUSH_CONTEXT,
                delivery=call.delivery_id,
                number=order.data["caller"],
                ring_seconds=push_pbx.RING_SECONDS,
            )
        except HotlineError as error:
            await push_pbx.refused(self._house, order.id, error)
            await self._finish(order.id, "failed", error.code)
            return
        with self._ringing(order) as ringing:
            outcome = await self._ring(order, action, ringing, connection)
            if outcome is None:
                return
            state, code, _ = outcome
            if state == "failed":
                code = "failed" if await ringing.no_such_number() else code
                await push_pbx.not_answered(self._house, order.id, code or "")
            await self._finish(order.id, state, code)
            if state != "done":
                return
            lost = self._house.spawn(connection.wire.lost.wait(), "push lost")
            await asyncio.wait(
                {lost, ringing.cause}, timeout=push_pbx.LONGEST_CALL, return_when=asyncio.FIRST_COMPLETED
            )
            lost.cancel()
        if ringing.cause.done():
            await push_pbx.over(self._house, order.id)

    @contextmanager
    def _ringing(self, order: CommandOrder) -> Iterator[Ringing]:
        """Hear what the PBX says of a call, while the context is open."""
        loop = asyncio.get_running_loop()
        self._originating[str(order.id)] = ringing = Ringing(loop.create_future(), loop.create_future())
        try:
            yield ringing
        finally:
            self._originating.pop(str(order.id), None)

    async def _ring(
        self, order: CommandOrder, action: PbxAction, ringing: Ringing, connection: Connection
    ) -> _Outcome | None:
        """Let it ring; what came of it, None when the next snapshot must tell."""
        reply = await connection.request(action.name, *action.headers, action_id=action.action_id)
        if not reply.success:
            return "failed", "refused", _printable(reply.message) or "The PBX refused."
        try:
            async with asyncio.timeout(RING_SECONDS + ORIGINATE_GRACE):
                event = await ringing.answer
        except TimeoutError:
            return await self._look(order, connection)
        except asyncio.CancelledError:
            if connection.wire.lost.is_set():  # detached: settled by the next snapshot
                return None
            raise
        if event.get("Response") == "Success":
            return "done", None, None
        return ("failed", *await ringing.why(event))

    @staticmethod
    async def _look(order: CommandOrder, connection: Connection) -> _Outcome:
        """A PBX that never said what became of a dialled call: is its channel there?"""
        if any(_is(channel, order.id) for channel in await list_channels(connection)):
            return "done", None, None
        return "unknown", "no_answer", "The PBX did not say what became of it."

    async def settle(self, snapshot: Snapshot) -> None:
        """After a new connection: decide what became of the commands that were under way when the last one broke."""
        for order in await unsettled_commands(self._house, self._pbx):
            if str(order.id) in self._originating:
                continue
            state = outcome(order, snapshot)
            if state == "done":
                await self._finish(order.id, "done")
            else:
                message = "The connection to the PBX broke, and what became of it cannot be told."
                await self._finish(order.id, "unknown", "connection_lost", message)

    async def _finish(
        self, command_id: UUID, state: CommandState, error: str | None = None, message: str | None = None
    ) -> None:
        """Write the outcome, waiting for the records when they are away. Outcomes that find none are ``sent`` for the
        next reader, who settles them."""
        metrics.COMMANDS.labels(self._pbx, state).inc()
        for pause in (*_RETRY, None):
            try:
                await finish_command(self._house, command_id, state, error=error, message=message)
                return
            except Unavailable:
                if pause is None:
                    raise
                await asyncio.sleep(pause)


def outcome(order: CommandOrder, snapshot: Snapshot) -> CommandState:
    """What a snapshot tells about a command whose answer was lost: done or unknown. Absence alone proves nothing
    about a transfer, and a dialled call may have come and gone."""
    if not snapshot.complete:
        return "unknown"
    data = order.data
    members = {
        (event.get("Queue"), event.get("Location") or event.get("Interface")): event for event in snapshot.members
    }
    match order.action:
        case "originate" | "push":
            return "done" if any(_is(channel, order.id) for channel in snapshot.channels) else "unknown"
        case "hangup":
            if "uniqueid" in data:
                name = channel_of(snapshot.channels, data["uniqueid"], data.get("interfaces", ()), data.get("ids", ()))
            else:
                name = caller_channel(snapshot.channels, data.get("ids", ()))
            return "done" if name is None else "unknown"
        case "pause" | "unpause":
            wanted = "1" if order.action == "pause" else "0"
            found = [members.get((queue, phone)) for queue, phone in data["members"]]
            return "done" if all(event and event.get("Paused") == wanted for event in found) else "unknown"
        case "sign_in":
            return "done" if all((queue, data["phone"]) in members for queue in data["queues"]) else "unknown"
        case "sign_out":
            return "done" if not any((q, phone) in members for q, phone in data["members"]) else "unknown"
        case _:
            return "unknown"


def _is(channel: AmiEvent, command_id: UUID) -> bool:
    return channel.get("Uniqueid").partition(";")[0] == str(command_id)


def _already(action: str, message: str) -> bool:
    """Signing in twice, or out twice, is no failure."""
    text = message.lower()
    return (action == "sign_in" and "already there" in text) or (action == "sign_out" and "not there" in text)


def _printable(text: str) -> str:
    return re.sub(r"[^\x20-\x7e]", " ", text)[:200].strip()
