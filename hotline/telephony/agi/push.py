"""Somebody picked up a call of a campaign: they hear how to get no more of them, then the message, and may press a key.

The channel's uniqueid is the command's that called them, which proves that hotline itself did.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final
from uuid import UUID

import structlog

from hotline.channels.errors import ChannelError
from hotline.ivr.effects import Collect, Pressed
from hotline.telephony.agi import words
from hotline.telephony.agi.line import Line
from hotline.telephony.agi.server import Request
from hotline.telephony.agi.wire import CallerGone
from hotline.workflows.house import House
from hotline.workflows.pushes import push_pbx

log = structlog.get_logger(__name__)

#: Seconds after the message in which the key still counts.
_AFTER_SECONDS: Final = 4.0
#: Seconds that finding the message may take.
_FIND_SECONDS: Final = 5.0
#: What the dialplan's AMD() calls an answering machine.
_MACHINE: Final = "MACHINE"


async def run(house: House, line: Line, request: Request) -> str:
    """One call, from its answer to its end; how it ended."""
    try:
        command_id, delivery_id = UUID(request.uniqueid.partition(";")[0]), UUID(request.name)
    except ValueError:
        return "unknown"
    await line.allow(_FIND_SECONDS)
    try:
        asked = push_pbx.answered(house, request.pbx, command_id, delivery_id)
        message = await line.meanwhile(asked, "push message")
    except ChannelError as error:
        log.warning("push.not_said", delivery=str(delivery_id), reason=error.code)
        await push_pbx.refused(house, command_id, error)
        return "failed"
    if message is None:
        log.warning("push.no_call", pbx=request.pbx, delivery=str(delivery_id))
        return "no_channel"
    if request.parameters.get("amd", "").upper() == _MACHINE:
        await push_pbx.machine(house, command_id)
        return "machine"
    key = ""
    with suppress(CallerGone):  # who hangs up while it is said has heard what they wanted
        pressed = await line.collect(Collect(message.prompts, 1, 1, "", _AFTER_SECONDS, 1.0))
        key = pressed.keys if isinstance(pressed, Pressed) else ""
    opts_out = bool(message.key) and key == message.key
    # Not in this task: a service that stops, or a caller who hangs up, must not undo what was pressed.
    noted = house.spawn(push_pbx.heard(house, command_id, key, opts_out=opts_out), "push heard")
    with suppress(CallerGone):
        if opts_out:
            await line.say((words.no_more_calls(message.language),), keep_keys=False)
    await noted
    return "opted_out" if opts_out else "heard"
