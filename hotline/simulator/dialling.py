"""What dialplans do with the calls from outside: scripts, queues, extensions, and what follows when a call is over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from hotline.simulator.call import ASKING, Call, Phone
from hotline.simulator.channels import Channels
from hotline.simulator.inbound import Dialplan, Inbound, variable_set
from hotline.simulator.line import CallerGone, Line
from hotline.simulator.media import Media
from hotline.simulator.queues import Queue
from hotline.simulator.tape import Headers
from hotline.simulator.tree import State

log = logging.getLogger(__name__)


class Pbx(Protocol):
    """What it needs of the PBX around it."""

    clock: Callable[[], float]
    pace: float
    phones: dict[str, Phone]
    queues: dict[str, Queue]
    channels: Channels
    calls: list[Call]

    def tell(self, headers: Headers) -> None: ...

    def changed(self) -> None: ...

    def later(self, seconds: float, act: Callable[[], None]) -> None: ...

    def busy(self, phone: Phone) -> bool: ...

    def is_alive(self, channel: str) -> bool: ...


class Dialling:
    """The callers of one PBX who are in a dialplan."""

    def __init__(self, pbx: Pbx) -> None:
        self._pbx = pbx
        self._media = Media()
        #: What calls from outside go through; None: straight into their line's queue.
        self.plan: Dialplan | None = None
        self.callers: dict[Call, Inbound] = {}

    async def close(self) -> None:
        """Ends all dialplans without a word."""
        for task in [caller.task for caller in self.callers.values() if caller.task is not None]:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self._media.close()

    # ---- a call's way ----------------------------------------------------------------------------------------

    def begin(self, call: Call) -> None:
        """A call that is about to ask its script."""
        assert self.plan is not None
        delivery = call.delivery
        call.values["call.script"] = self.plan.announcement(delivery) if delivery else self.plan.script(call.dialled)
        line = Line(self._pbx.changed, self._pbx.clock, self._pbx.pace)
        self.callers[call] = Inbound(self, call, line, self._media)

    def asks(self, call: Call) -> None:
        """The call has arrived: its dialplan runs."""
        caller = self.callers[call]
        caller.task = asyncio.create_task(self._run(call, caller))

    def leave(self, call: Call) -> bool:
        """The caller hangs up in a script, which is told, and the dialplan does the rest; False elsewhere."""
        caller = self.callers.get(call)
        if caller is None or caller.task is None or not call.state_is(ASKING):
            return False
        caller.line.hang_up()
        return True

    def over(self, call: Call) -> None:
        """The call is over."""
        caller = self.callers.pop(call, None)
        if caller is not None and caller.task is not None:
            caller.line.hang_up()
            caller.task.cancel()

    async def _run(self, call: Call, caller: Inbound) -> None:
        assert self.plan is not None
        try:
            await (self.plan.announce(caller) if call.delivery else self.plan.run(caller))
        except CallerGone:
            pass
        except asyncio.CancelledError:
            self.plan.gone(caller)
            raise
        except Exception:
            log.exception("a dialplan broke: its call is hung up")
        self.plan.gone(caller)
        if not call.act("caller hangs up" if caller.line.gone else "script hangs up"):
            call.end()
        self._pbx.changed()

    def came_back(self, call: Call, status: str) -> None:
        """The caller is back from a queue or an extension."""
        call.queue, call.priority = "", 0
        caller = self.callers.get(call)
        if caller is not None:
            caller.came_back(status)

    # ---- what a dialplan wants (inbound.Exchange) --------------------------------------------------------------

    def set_variable(self, call: Call, name: str, value: str) -> None:
        channel = self._pbx.channels.get(call.values.get(f"{call.outside}.channel", ""))
        if channel is not None:
            self._pbx.tell(variable_set(list(channel.headers.items()), name, value))

    def is_alive(self, channel: str) -> bool:
        return self._pbx.is_alive(channel)

    def enter_queue(self, call: Call, queue: str, seconds: float, priority: int, *, stays: bool) -> bool:
        if queue not in self._pbx.queues:
            return False
        call.queue, call.priority, call.stays = queue, priority, stays
        call.act("script queues")
        call.values["call.queue"] = queue
        turn = call.turns
        self._pbx.later(seconds, lambda: self._let_go(call, turn))
        return True

    def _let_go(self, call: Call, turn: int) -> None:
        if call in self._pbx.calls and call.waiting and call.turns == turn:
            call.act("queue lets go")

    def dial(self, call: Call, extension: str, seconds: float) -> bool:
        phones: Sequence[Phone] = [phone for phone in self._pbx.phones.values() if phone.extension == extension]
        if not phones or self._pbx.busy(phones[0]):
            return False
        call.act("script dials target", phones[0])
        turn, first = call.turns, call.state
        self._pbx.later(seconds, lambda: self._not_there(call, turn, first))
        return True

    def _not_there(self, call: Call, turn: int, first: State) -> None:
        if call in self._pbx.calls and call.turns == turn and call.state is first:
            call.act("target is not there")
