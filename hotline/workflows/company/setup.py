"""The guided first set-up: how far it is, what was skipped, and whether an agent can really sign in to a queue.

A step is done when what it makes is there, however it came to be: whoever sets hotline up by the command line or the
API finds the steps done.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Final
from uuid import UUID

from hotline.crm.commands.company import setup as commands
from hotline.crm.queries.calls.pbx_commands import CommandView, get_command
from hotline.crm.queries.company.setup import STEPS, SetupView, Step, read_setup
from hotline.crm.queries.people.users import get_user
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import HotlineError, NotFound, Unavailable
from hotline.workflows.calls.commands import LIFETIME, send_command
from hotline.workflows.house import House
from hotline.workflows.people import users

#: Seconds after which a page may look again whether the set-up is over.
FRESH_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.2
_ENDED: Final = frozenset({"done", "failed", "expired", "unknown"})


@dataclass(slots=True)
class _Kept:
    view: SetupView | None = None
    read_at: float = float("-inf")


async def look(house: House) -> SetupView:
    """How far the set-up is now."""
    kept: _Kept = house.kept.setdefault(_Kept, _Kept())
    kept.view, kept.read_at = await read_setup(house.db, SYSTEM), monotonic()
    return kept.view


def left(house: House) -> int:
    """How many steps were left when somebody last looked: from memory, for the frame of every page. Where some were,
    it looks again beside it, so that a later page knows."""
    kept: _Kept = house.kept.setdefault(_Kept, _Kept())
    if (kept.view is None or kept.view.left) and monotonic() - kept.read_at > FRESH_SECONDS:
        kept.read_at = monotonic()
        house.spawn(_look_again(house), "set-up")
    return 0 if kept.view is None else kept.view.left


async def _look_again(house: House) -> None:
    with suppress(Unavailable):
        await look(house)


async def skip(house: House, viewer: Viewer, step: Step, *, skipped: bool = True) -> SetupView:
    """Leave a step out, or take it up again. Raises NotFound, Forbidden."""
    viewer.require("settings.write")
    if step not in STEPS:
        raise NotFound()
    async with house.unit(viewer) as uow:
        await commands.keep_skipped(uow, step, skipped=skipped)
    return await look(house)


async def give_queue(house: House, viewer: Viewer, user_id: UUID, queue: str) -> None:
    """Let an agent sign in to a queue, beside those that they have. Raises Invalid for what is no queue's name."""
    user = await get_user(house.db, viewer, user_id)
    if queue not in user.queues:
        await users.update_user(house, viewer, user_id, {"queues": [*user.queues, queue]})


async def try_queue(house: House, viewer: Viewer, login: str, queue: str) -> CommandView | HotlineError:
    """Sign an agent in to a queue, and wait for what the PBX says; the refusal where it did not come to that."""
    try:
        ordered = await send_command(house, viewer, {"action": "sign_in", "agent": login, "queue": queue})
    except HotlineError as error:
        return error
    ends = monotonic() + LIFETIME.total_seconds() + 2
    view = ordered
    while view.state not in _ENDED and monotonic() < ends:
        await asyncio.sleep(_LOOK_SECONDS)
        view = await get_command(house.db, house.keyring, SYSTEM, ordered.id)
    return view
