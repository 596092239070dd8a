"""What Asterisk's names say: channels, uniqueids, and the ids that hotline derives from them.

Ids are derived, not drawn, so that two readers of one PBX, or one that replays its journal, tell the same call and the
same ring. They have the form of UUIDv7: the PBX's time of the channel, then a hash.
"""

from __future__ import annotations

import hashlib
from typing import Final
from uuid import UUID

#: Channels that are no phone: plumbing of Asterisk's own.
_PLUMBING: Final = frozenset({
    "AsyncGoto", "Announcer", "Bridge", "CBAnn", "CBRec", "ConfBridgeRecorder", "Message", "MulticastRTP", "Multicast",
    "OutgoingSpoolFailed", "Parked", "Recorder", "Snoop", "Surrogate", "UnicastRTP", "AudioSocket", "Voicemail",
})  # fmt: skip


def bare(channel: str) -> tuple[str, bool]:
    """A channel's name without the mark of a masquerade, and whether it had one.

    A name belongs to a phone's leg for its whole life, while its Uniqueid can move in a masquerade (pickup, AsyncGoto).
    """
    if channel.endswith("<ZOMBIE>"):
        return channel[:-8], True
    if channel.endswith("<MASQ>"):
        return channel[:-6], True
    return channel, False


def endpoint(channel: str) -> str:
    """The endpoint of a channel: ``PJSIP/10`` of ``PJSIP/10-0000002a``, ``Local/1@q`` of ``Local/1@q-0000002a;1``."""
    head, dash, _ = channel.rpartition("-")
    return head if dash else channel


def kind_of(channel: str) -> str:
    """``phone`` for a real phone or trunk, ``local`` for half of a Local pair, ``plumbing`` for the rest."""
    tech = channel.partition("/")[0]
    if tech == "Local":
        return "local"
    return "plumbing" if tech in _PLUMBING or "/" not in channel else "phone"


def other_half(local: str) -> str:
    """The other half of a Local pair."""
    return local[:-1] + ("2" if local.endswith(";1") else "1")


def local_target(local: str) -> str | None:
    """The extension that a Local channel dials: ``1002`` of ``Local/1002@agents-00000001;1``."""
    if not local.startswith("Local/"):
        return None
    return local[6:].partition("@")[0] or None


def same_member(interface: str, channel: str) -> bool:
    """Whether a queue's Interface (with options such as ``/n``) is the endpoint of a channel, exactly."""
    place = endpoint(channel)
    return interface == place or (interface.startswith("Local/") and interface.rpartition("/")[0] == place)


def seniority(uniqueid: str) -> tuple[float, int]:
    """Sorts uniqueids (``[system-]epoch.counter``, or an originate's UUIDv7) oldest first, as Asterisk does."""
    command = command_id(uniqueid)
    if command is not None:
        return ((command.int >> 80) / 1000 if command.version == 7 else 0.0, 0)
    seconds, _, counter = uniqueid.rpartition("-")[2].partition(".")
    try:
        return (float(int(seconds)), int(counter))
    except ValueError:
        return (float("inf"), 0)


def command_id(uniqueid: str) -> UUID | None:
    """Our command's id when the channel was made with it as ChannelId."""
    if len(uniqueid) != 36:
        return None
    try:
        return UUID(uniqueid)
    except ValueError:
        return None


def call_id(pbx: str, linkedid: str) -> UUID:
    """The id of the call whose oldest channel has this uniqueid."""
    return _derived("call", pbx, linkedid, "")


def ring_id(pbx: str, uniqueid: str, channel: str) -> UUID:
    """The id of one ring attempt: one phone's channel, as it was when it was made."""
    return _derived("ring", pbx, uniqueid, channel)


def session_id(pbx: str, uniqueid: str) -> UUID:
    """The id of the IVR session of one channel."""
    return _derived("ivr", pbx, uniqueid, "")


def _derived(what: str, pbx: str, uniqueid: str, channel: str) -> UUID:
    digest = hashlib.blake2b(f"{what}\0{pbx}\0{uniqueid}\0{channel}".encode(errors="replace"), digest_size=10).digest()
    since = seniority(uniqueid)[0]
    milliseconds = int(since * 1000) if 0 < since < 2**38 else 0
    number = milliseconds << 80 | int.from_bytes(digest, "big")
    number = number & ~(0xF << 76) | 7 << 76
    return UUID(int=number & ~(0x3 << 62) | 0x2 << 62)
