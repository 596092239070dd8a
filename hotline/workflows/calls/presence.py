"""What a PBX says about its queues and its connection, written down and told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hotline.crm.commands.calls import presence
from hotline.crm.commands.calls.presence import Member, MemberChange
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.events import EVERYONE, permission_mark, user_mark
from hotline.workflows.house import House

__all__ = ["Member", "mirror_members", "note_connection", "note_lag", "replace_members"]

#: asyncpg sends whole batches; a PBX's members are hundreds at most, its text a stranger's.
_LONGEST = 200


async def mirror_members(
    house: House, pbx: str, changed: Sequence[Member], removed: Sequence[tuple[str, str]] = ()
) -> None:
    """Write what changed of a PBX's queue members; ``removed`` are (queue, interface)."""
    async with house.unit(SYSTEM) as uow:
        changes: list[MemberChange] = []
        if removed:
            changes += await presence.remove_members(uow, pbx, removed)
        if changed:
            changes += await presence.write_members(uow, pbx, _unique(changed))
        _tell(uow, pbx, changes)


async def replace_members(house: House, pbx: str, members: Sequence[Member]) -> None:
    """Write all of a PBX's queue members: who is not among them is signed out."""
    async with house.unit(SYSTEM) as uow:
        unique = _unique(members)
        changes = await presence.keep_only_members(uow, pbx, [(m.queue, m.interface) for m in unique])
        changes += await presence.write_members(uow, pbx, unique)
        _tell(uow, pbx, changes)


async def note_connection(
    house: House, pbx: str, *, connected: bool, version: str | None = None, error: str = ""
) -> None:
    """This node's connection to a PBX went up or down."""
    async with house.unit(SYSTEM) as uow:
        news = await presence.write_pbx_state(
            uow, pbx, node=house.settings.node, connected=connected, version=version, error=error
        )
        if news:
            uow.emit("pbx.changed", [EVERYONE], pbx=pbx, connected=connected)


async def note_lag(house: House, pbx: str, lag_ms: float | None) -> None:
    """This node still hears the PBX; also looks again which member is whose."""
    async with house.unit(SYSTEM) as uow:
        await presence.write_pbx_lag(uow, pbx, node=house.settings.node, lag_ms=lag_ms)
        _tell(uow, pbx, await presence.match_members(uow, pbx))


def _unique(members: Iterable[Member]) -> list[Member]:
    """The last word about each (queue, interface); one statement may not write a row twice."""
    return list({(m.queue, m.interface): m for m in members if _fits(m)}.values())


def _fits(member: Member) -> bool:
    """Whether the member's names fit the columns; longer ones are no interface of anybody."""
    return 0 < len(member.queue) <= 100 and 0 < len(member.interface) <= _LONGEST


def _tell(uow: UnitOfWork, pbx: str, changes: Iterable[MemberChange]) -> None:
    for change in changes:
        audience = [permission_mark("users.read")]
        if change.user_id is not None:
            audience.insert(0, user_mark(change.user_id))
        uow.emit(
            "presence.changed",
            audience,
            pbx=pbx,
            queue=change.queue,
            user_id=change.user_id,
            signed_in=change.signed_in,
            paused=change.paused,
        )
