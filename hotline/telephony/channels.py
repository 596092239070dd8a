"""Finding a phone's channel among those that the PBX lists, and taking the snapshot after a (re)connection."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from typing import Final

import structlog

from hotline.calls.facts import AmiEvent, Snapshot
from hotline.errors import Unavailable
from hotline.pbx.connection import Connection
from hotline.pbx.errors import NoAnswer
from hotline.pbx.wire import Reply

log = structlog.get_logger(__name__)

_UP: Final = "6"


async def take_snapshot(connection: Connection) -> Snapshot:
    """CoreShowChannels and QueueStatus, both under way at once. What is refused or not answered leaves the snapshot
    incomplete; raises ConnectionLost."""
    silence = connection.patience.probe
    channels, queues = await asyncio.gather(
        _listed(connection, "CoreShowChannels", silence), _listed(connection, "QueueStatus", silence)
    )
    return Snapshot(
        channels=tuple(event for event in channels.events if event.name == "CoreShowChannel") if channels else (),
        waiting=tuple(event for event in queues.events if event.name == "QueueEntry") if queues else (),
        members=tuple(event for event in queues.events if event.name == "QueueMember") if queues else (),
        complete=channels is not None and queues is not None,
    )


async def _listed(connection: Connection, action: str, silence: float) -> Reply | None:
    try:
        reply = await connection.request(action, silence=silence)
    except NoAnswer:
        log.warning("ami.snapshot_unanswered", pbx=connection.address.name, action=action)
        return None
    if not reply.success:
        log.warning("ami.snapshot_refused", pbx=connection.address.name, action=action)
        return None
    return reply


async def list_channels(connection: Connection) -> tuple[AmiEvent, ...]:
    """The PBX's channels now; raises Unavailable when it does not tell."""
    reply = await connection.request("CoreShowChannels")
    if not reply.success:
        raise Unavailable("The PBX does not list its channels: the AMI user needs the permission 'system'.")
    return reply.events


def endpoint(channel: str) -> str:
    """``PJSIP/agent1-0000002a`` → ``PJSIP/agent1``; of a Local channel also the half is cut off."""
    return channel.partition(";")[0].rpartition("-")[0]


def channel_of(
    channels: Iterable[AmiEvent], uniqueid: str, interfaces: Collection[str], ids: Collection[str]
) -> str | None:
    """The name of a phone's channel in a call: on one of its exact interfaces and with one of the call's ids, the phone
    itself before a Local channel, talking before ringing; else by its uniqueid alone, which may have moved."""
    listed = list(channels)
    phones = {each.removesuffix("/n").removesuffix("/nj") for each in interfaces}
    mine = [
        channel
        for channel in listed
        if endpoint(channel.get("Channel")) in phones
        and (channel.get("Linkedid") in ids or channel.get("Uniqueid") in ids or channel.get("Uniqueid") == uniqueid)
    ]
    mine.sort(key=lambda channel: (channel.get("Channel").startswith("Local/"), channel.get("ChannelState") != _UP))
    if mine:
        return mine[0].get("Channel")
    return next((each.get("Channel") for each in listed if uniqueid and each.get("Uniqueid") == uniqueid), None)


def caller_channel(channels: Iterable[AmiEvent], ids: Collection[str]) -> str | None:
    """The name of a call's first channel, the oldest of those that are left."""
    mine = [channel for channel in channels if channel.get("Linkedid") in ids or channel.get("Uniqueid") in ids]
    mine.sort(key=lambda channel: (channel.get("Uniqueid") != channel.get("Linkedid"), channel.get("Uniqueid")))
    return mine[0].get("Channel") if mine else None
