"""The actions that hotline asks of a PBX, each as its headers; values are checked by ``pbx.dial`` and by the codec.

https://docs.asterisk.org/Latest_API/API_Documentation/AMI_Actions/
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from hotline.pbx import dial

Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PbxAction:
    """An action's name and headers. ``action_id`` is given where an answer may come later than the response."""

    name: str
    headers: tuple[Header, ...]
    action_id: str | None = None


def originate(
    command_id: UUID, *, phone: str, extension: str, context: str, caller_id: str | None, ring_seconds: int
) -> PbxAction:
    """Ring the agent's phone; when it is picked up, send it to ``extension@context``.

    The channel's uniqueid is the command's id, by which the call is found again after a lost connection. The caller
    id is the agent's own: Asterisk takes it as if the agent had dialled.
    """
    headers: list[Header] = [
        ("Channel", dial.interface(phone)),
        ("Exten", dial.extension(extension)),
        ("Context", dial.context(context)),
        ("Priority", "1"),
        ("Timeout", str(ring_seconds * 1000)),
        ("Async", "true"),
        ("ChannelId", str(command_id)),
        ("Variable", f"HOTLINE_COMMAND={command_id}"),
    ]
    if phone.startswith("Local/"):
        headers.append(("OtherChannelId", f"{command_id};2"))
    if caller_id:
        headers.append(("CallerID", caller_id))
    return PbxAction("Originate", tuple(headers), str(command_id))


def call_out(
    command_id: UUID, *, extension: str, context: str, script: str, delivery: UUID, number: str, ring_seconds: int
) -> PbxAction:
    """Dial ``extension@context`` as ``number``; whoever picks up comes to the context ``script``, which finds
    ``delivery`` in HOTLINE_PUSH. The channel's uniqueid is the command's id."""
    headers: list[Header] = [
        ("Channel", dial.interface(f"Local/{dial.extension(extension)}@{dial.context(context)}/n")),
        ("Exten", "s"),
        ("Context", dial.context(script)),
        ("Priority", "1"),
        ("Timeout", str(ring_seconds * 1000)),
        ("Async", "true"),
        ("ChannelId", str(command_id)),
        ("OtherChannelId", f"{command_id};2"),
        ("Variable", f"HOTLINE_PUSH={delivery}"),
        ("CallerID", dial.caller_number(number)),
    ]
    return PbxAction("Originate", tuple(headers), str(command_id))


def hangup(channel: str, *, cause: int = 16) -> PbxAction:
    """End one channel. ``cause`` is Q.850: 16 normal, 21 rejected."""
    return PbxAction("Hangup", (("Channel", dial.channel(channel)), ("Cause", str(cause))))


def blind_transfer(channel: str, *, extension: str, context: str) -> PbxAction:
    """Send whoever ``channel`` (the agent's) talks to, to ``extension@context``."""
    return PbxAction(
        "BlindTransfer",
        (
            ("Channel", dial.channel(channel)),
            ("Context", dial.context(context)),
            ("Exten", dial.extension(extension)),
        ),
    )


def attended_transfer(channel: str, *, extension: str, context: str) -> PbxAction:
    """Ask a colleague first: the agent's ``channel`` dials them; hanging up completes the transfer.

    Asterisk plays the extension as keys after the feature code ``atxfer`` of features.conf, so it must be digits.
    """
    return PbxAction(
        "Atxfer",
        (
            ("Channel", dial.channel(channel)),
            ("Context", dial.context(context)),
            ("Exten", dial.digits(extension)),
        ),
    )


def mute_recording(channel: str, *, muted: bool) -> PbxAction:
    """Write silence into the recording (MixMonitor) of ``channel``, both sides, or the talk again."""
    headers = (("Channel", dial.channel(channel)), ("Direction", "both"), ("State", "1" if muted else "0"))
    return PbxAction("MixMonitorMute", headers)


def queue_pause(interface: str, *, paused: bool, queue: str | None, reason: str) -> PbxAction:
    """Pause or unpause a member, on one queue or on all."""
    headers: list[Header] = [("Interface", dial.interface(interface)), ("Paused", "true" if paused else "false")]
    if queue:
        headers.append(("Queue", dial.queue(queue)))
    if reason:
        headers.append(("Reason", dial.reason(reason)))
    return PbxAction("QueuePause", tuple(headers))


def queue_add(queue: str, interface: str, *, state_interface: str | None, member_name: str) -> PbxAction:
    """Sign a phone in to a queue."""
    headers: list[Header] = [("Queue", dial.queue(queue)), ("Interface", dial.interface(interface)), ("Penalty", "0")]
    if state_interface:
        headers.append(("StateInterface", dial.interface(state_interface)))
    if member_name:
        headers.append(("MemberName", member_name))
    return PbxAction("QueueAdd", tuple(headers))


def queue_remove(queue: str, interface: str) -> PbxAction:
    """Sign a phone out of a queue."""
    return PbxAction("QueueRemove", (("Queue", dial.queue(queue)), ("Interface", dial.interface(interface))))
