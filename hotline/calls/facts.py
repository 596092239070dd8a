"""What a PBX tells about its channels, read from the Asterisk Manager Interface: the tracker's input.

Facts are made by ``hotline.pbx`` (live), by ``hotline.telephony.replay`` (recorded) and by tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AmiEvent:
    """One AMI event.

    ``fields`` has each header once, named as the PBX wrote it; of a repeated header it has the last value, and
    ``repeated`` has all its values in order. The first ``Event:`` header is ``name`` and never in ``fields``.
    ``at`` is the PBX's Timestamp as a UTC instant, already corrected by the offset of the PBX's clock, or None
    when the PBX sends none (timestampevents=no). Every value is text of strangers.
    """

    name: str
    fields: Mapping[str, str]
    at: datetime | None = None
    repeated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def get(self, header: str) -> str:
        """A header's value, or the empty text when it is absent."""
        return self.fields.get(header, "")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What exists on the PBX at one moment: CoreShowChannels and QueueStatus, as the PBX sent them.

    ``complete`` is False when the PBX refused or did not answer: then nothing may be concluded from absence.
    """

    channels: tuple[AmiEvent, ...] = ()  # CoreShowChannel
    waiting: tuple[AmiEvent, ...] = ()  # QueueEntry
    members: tuple[AmiEvent, ...] = ()  # QueueMember
    complete: bool = True


#: Events that tell about calls. The wire drops all others before they are decoded, and the server where it can.
TRACKED_EVENTS: frozenset[str] = frozenset(
    {
        "AgentCalled",
        "AgentConnect",
        "AgentRingNoAnswer",
        "AttendedTransfer",
        "BlindTransfer",
        "BridgeEnter",
        "BridgeLeave",
        "DialBegin",
        "DialEnd",
        "DialState",
        "Hangup",
        "HangupRequest",
        "Hold",
        "LocalBridge",
        "NewCallerid",
        "Newchannel",
        "Newstate",
        "Pickup",
        "QueueCallerAbandon",
        "QueueCallerJoin",
        "QueueCallerLeave",
        "QueueMemberAdded",
        "QueueMemberStatus",
        "Rename",
        "Unhold",
        "VarSet",
    }
)

#: The only variables whose VarSet is read.
TRACKED_VARIABLES: frozenset[str] = frozenset(
    {"HOTLINE_JOIN", "HOTLINE_PRESENTATION", "HOTLINE_PUSH", "QUEUESTATUS", "VMSTATUS"}
)
