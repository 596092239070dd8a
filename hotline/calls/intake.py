"""From AMI events to facts: which channels belong together, and what happened to each.

A handler per event (Asterisk's AMI reference, "AMI Events"). Every event describes the channels it names with a state,
so a lost Newstate is made up for by the next event that speaks of the channel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Literal

from . import causes, names
from .conversation import Channel, Conversation, Moment, QueueFact, Transfer
from .facts import AmiEvent
from .fields import caller_name, caller_number, present, presentation_withheld
from .register import Fields, Register
from .twilio_story import CALL_SID

#: Extensions that are the dialplan's own, not what somebody dialled.
_NOT_DIALLED = frozenset({"", "s", "h", "i", "t", "T", "failed", "onhangup", "<unknown>"})

#: The dialplan's context of those who pick up a call of a campaign.
PUSH_CONTEXT: Final = "hotline-push"


class Intake(Register):
    """The facts of one PBX. ``take`` merges an event and names the conversations that it changed."""

    def take(self, event: AmiEvent, moment: Moment, now: datetime) -> list[Conversation]:
        """Merge one event, read at ``now``. Its conversations come back once each; merged ones are gone."""
        handler = _HANDLERS.get(event.name)
        if handler is None:
            return []
        self.changed, self.now = {}, now
        handler(self, event.fields, moment)
        return [c for c in self.changed if c in self.conversations]

    def described(self, fields: Fields, moment: Moment) -> None:
        """Newstate: a channel with its state and the caller's number as it is now."""
        self._described(fields, moment, rank=1)

    def new_channel(self, fields: Fields, moment: Moment) -> None:
        channel = self.channel(fields, "", moment, new=True)
        if channel is not None:
            self._caller(channel, fields, moment, rank=0)

    def _described(self, fields: Fields, moment: Moment, *, rank: int) -> Channel | None:
        channel = self.channel(fields, "", moment)
        if channel is not None:
            self._caller(channel, fields, moment, rank=rank)
        return channel

    def _caller(self, channel: Channel, fields: Fields, moment: Moment, *, rank: int) -> None:
        channel.conversation.alive = True
        if fields.get("Context") == PUSH_CONTEXT:
            channel.conversation.campaign = True
        if channel.kind != "phone":
            return
        if channel.caller is None or (rank, moment) >= channel.caller[:2]:
            number = caller_number(fields.get("CallerIDNum"))
            channel.caller = (rank, moment, number, caller_name(fields.get("CallerIDName")))
        extension = fields.get("Exten", "")
        if extension not in _NOT_DIALLED and (channel.extension is None or moment < channel.extension[0]):
            channel.extension = (moment, extension)

    def new_caller(self, fields: Fields, moment: Moment) -> None:
        channel = self._described(fields, moment, rank=1)
        withheld = presentation_withheld(fields.get("CID-CallingPres"))
        if channel is not None and withheld is not None:
            self._presentation(channel, 0, moment, withheld)

    def _presentation(self, channel: Channel, rank: int, moment: Moment, withheld: bool) -> None:
        if channel.presentation is None or (rank, moment) >= channel.presentation[:2]:
            channel.presentation = (rank, moment, withheld)

    def rename(self, fields: Fields, moment: Moment) -> None:
        name, masked = names.bare(fields.get("Newname", ""))
        uniqueid = fields.get("Uniqueid", "")
        if masked or not name or uniqueid not in self.links:
            return
        root = self.links[uniqueid].root
        self.channel({"Channel": name, "Uniqueid": uniqueid, "Linkedid": root}, "", moment)

    def hangup(self, fields: Fields, moment: Moment) -> None:
        channel = self.channel(fields, "", moment)
        if channel is None:
            return
        cause = fields.get("Cause", "")
        if channel.cause is None and cause.isdigit():
            channel.cause = int(cause)
        channel.step("over", moment)
        channel.conversation.connected_dirty = True
        self.changed[channel.conversation] = None

    def hangup_request(self, fields: Fields, moment: Moment) -> None:
        channel = self.channel(fields, "", moment)
        if channel is not None:
            channel.left_by_itself = True

    def _dial(self, fields: Fields, moment: Moment) -> tuple[Channel | None, Channel | None]:
        source, target = self._described(fields, moment, rank=1), self.channel(fields, "Dest", moment)
        if target is not None:
            target.dialled = True
            target.conversation.alive = True
            if source is not None and source is not target:
                target.parents.add(source.name)
                self.join(source.conversation, target.conversation)
        return source, target

    def dial_begin(self, fields: Fields, moment: Moment) -> None:
        self._dial(fields, moment)

    def dial_state(self, fields: Fields, moment: Moment) -> None:
        _, target = self._dial(fields, moment)
        if target is not None and fields.get("DialStatus") == "RINGING":
            target.ringing_state = True
            target.step("rang", moment)

    def dial_end(self, fields: Fields, moment: Moment) -> None:
        source, target = self._dial(fields, moment)
        if target is None:
            return
        status = "FORWARD" if fields.get("Forward") else fields.get("DialStatus", "")
        if status == "ANSWER":
            target.step("up", moment)
            target.conversation.recheck = True
        target.dial_ends.setdefault(source.name if source is not None else "", (status, moment))

    def _queue_member(self, target: Channel, fields: Fields) -> None:
        queue, interface = fields.get("Queue", ""), fields.get("Interface", "")
        if interface:
            target.member = (queue, interface, fields.get("MemberName", ""))
        target.queue = queue or target.queue

    def agent_called(self, fields: Fields, moment: Moment) -> None:
        _, target = self._dial(fields, moment)
        if target is not None:
            self._queue_member(target, fields)

    def agent_connect(self, fields: Fields, moment: Moment) -> None:
        _, target = self._dial(fields, moment)
        if target is None:
            return
        if not target.member and names.same_member(fields.get("Interface", ""), target.name):
            self._queue_member(target, fields)
        target.queue = target.queue or present(fields.get("Queue"))
        if target.kind == "phone":
            target.step("up", moment)
            target.conversation.recheck = True
            target.joined = min(target.joined or moment, moment)

    def agent_rang_out(self, fields: Fields, moment: Moment) -> None:
        _, target = self._dial(fields, moment)
        if target is not None:
            target.rang_out = True

    def member_known(self, fields: Fields, moment: Moment) -> None:
        """QueueMemberStatus, QueueMemberAdded, QueueMember: by which names a queue knows a member."""
        queue, interface = fields.get("Queue", ""), fields.get("Interface") or fields.get("Location", "")
        if queue and interface:
            others = (fields.get("StateInterface", ""), fields.get("MemberName") or fields.get("Name", ""))
            names_now = tuple(name for name in others if name)
            if self.members.get((queue, interface)) != names_now:
                self.members[(queue, interface)] = names_now
                for conversation in self.conversations:
                    conversation.recheck = True

    def _queue(self, fields: Fields, moment: Moment, what: str, queue: str) -> None:
        channel = self._described(fields, moment, rank=1)
        if channel is None or not queue:
            return
        position = fields.get("Position", "")
        fact = QueueFact(moment, what, queue, int(position) if position.isdigit() else None)
        facts = channel.conversation.queue_facts
        if not any(f.moment[0] == moment[0] and (f.what, f.queue) == (what, queue) for f in facts):
            facts.append(fact)

    def queue_join(self, fields: Fields, moment: Moment) -> None:
        self._queue(fields, moment, "join", fields.get("Queue", ""))

    def queue_leave(self, fields: Fields, moment: Moment) -> None:
        """QueueCallerLeave and QueueCallerAbandon: both only say that the caller is no longer waiting."""
        self._queue(fields, moment, "leave", fields.get("Queue", ""))

    def variable(self, fields: Fields, moment: Moment) -> None:
        value = fields.get("Value", "")
        match fields.get("Variable", "").lstrip("_"):
            case "QUEUESTATUS":
                self._queue(fields, moment, "status", causes.QUEUE_STATUS.get(value, ""))
            case "HOTLINE_PRESENTATION":
                withheld = presentation_withheld(value)
                channel = self.channel(fields, "", moment)
                if channel is not None and withheld is not None:
                    self._presentation(channel, 1, moment, withheld)
            case "HOTLINE_JOIN":
                other = names.command_id(value) or (value if CALL_SID.fullmatch(value) else None)
                channel = self.channel(fields, "", moment) if other is not None else None
                if channel is not None:
                    channel.conversation.joins = channel.conversation.joins or other
            case "HOTLINE_PUSH":
                channel = self.channel(fields, "", moment)
                if channel is not None:
                    channel.conversation.campaign = True
            case "VMSTATUS" if value == "SUCCESS":
                channel = self.channel(fields, "", moment)
                if channel is not None:
                    channel.conversation.voicemail = True

    def bridge_enter(self, fields: Fields, moment: Moment) -> None:
        channel, bridge = self._described(fields, moment, rank=1), fields.get("BridgeUniqueid", "")
        if channel is not None and bridge:
            self.stay(channel, bridge, moment, conversation=fields.get("BridgeType", "basic") == "basic")

    def bridge_leave(self, fields: Fields, moment: Moment) -> None:
        channel, bridge = self._described(fields, moment, rank=1), fields.get("BridgeUniqueid", "")
        if channel is None or not bridge:
            return
        stay = channel.leave(bridge, moment)
        if stay is not None:
            self.bridges.setdefault(bridge, []).append((channel, stay))
        channel.conversation.connected_dirty = True

    def local_bridge(self, fields: Fields, moment: Moment) -> None:
        one, two = self.channel(fields, "LocalOne", moment), self.channel(fields, "LocalTwo", moment)
        if one is not None and two is not None:
            self.join(one.conversation, two.conversation).connected_dirty = True

    def hold(self, fields: Fields, moment: Moment) -> None:
        self._held(fields, moment, True)

    def unhold(self, fields: Fields, moment: Moment) -> None:
        self._held(fields, moment, False)

    def _held(self, fields: Fields, moment: Moment, held: bool) -> None:
        channel = self.channel(fields, "", moment)
        if channel is not None and (channel.held is None or channel.held[0] <= moment):
            channel.held = (moment, held)

    def pickup(self, fields: Fields, moment: Moment) -> None:
        picker, target = self.channel(fields, "", moment), self.channel(fields, "Target", moment)
        if picker is None:
            return
        picker.picked_up = min(picker.picked_up or moment, moment)
        picker.conversation.alive = True
        if target is not None:
            picker.queue = picker.queue or target.queue
            self.join(picker.conversation, target.conversation)

    def blind_transfer(self, fields: Fields, moment: Moment) -> None:
        self._transfer(fields, moment, "blind", ("Transferer",), present(fields.get("Extension")))

    def attended_transfer(self, fields: Fields, moment: Moment) -> None:
        """Orig and Second are chronological, not roles: either may be the agent's leg to the customer."""
        if fields.get("DestType") == "Fail":
            return
        self._transfer(fields, moment, "attended", ("OrigTransferer", "SecondTransferer"), None)

    def _transfer(
        self, fields: Fields, moment: Moment, kind: Literal["blind", "attended"], who: tuple[str, ...], to: str | None
    ) -> None:
        if fields.get("Result", "Success") != "Success":
            return
        transferers = [c for c in (self.channel(fields, p, moment) for p in who) if c is not None]
        transferee = self.channel(fields, "Transferee", moment)
        target = self.channel(fields, "TransferTarget", moment)
        sides = [c for c in (*transferers, transferee, target) if c is not None]
        if not sides:
            return
        conversation = sides[0].conversation
        for side in sides[1:]:
            conversation = self.join(conversation, side.conversation)
        by = tuple(dict.fromkeys(c.name for c in transferers))
        conversation.transfers = [t for t in conversation.transfers if not (t.implied and set(t.transferers) & set(by))]
        for known in conversation.transfers:
            if known.kind == kind and known.transferers == by and (known.moment[0] == moment[0] or known.to == to):
                return
        conversation.transfers.append(
            Transfer(
                kind, moment, by, transferee.name if transferee else None, target.name if target else None, to,
                three_way=fields.get("DestType") == "Threeway",
            )
        )  # fmt: skip
        for moved in (transferee, target if kind == "attended" else None):
            if moved is not None and moved.kind == "phone" and not moved.dialled:
                conversation.transferees.add(moved.name)
        conversation.connected_dirty = True


def moment_of(event: AmiEvent, now: datetime, order: int) -> Moment:
    """When an event happened: by the PBX where it says so, else as it was read."""
    return (event.at or now, order)


_HANDLERS: Final[Mapping[str, Callable[[Intake, Fields, Moment], None]]] = {
    "AgentCalled": Intake.agent_called,
    "AgentConnect": Intake.agent_connect,
    "AgentRingNoAnswer": Intake.agent_rang_out,
    "AttendedTransfer": Intake.attended_transfer,
    "BlindTransfer": Intake.blind_transfer,
    "BridgeEnter": Intake.bridge_enter,
    "BridgeLeave": Intake.bridge_leave,
    "DialBegin": Intake.dial_begin,
    "DialEnd": Intake.dial_end,
    "DialState": Intake.dial_state,
    "Hangup": Intake.hangup,
    "HangupRequest": Intake.hangup_request,
    "Hold": Intake.hold,
    "LocalBridge": Intake.local_bridge,
    "NewCallerid": Intake.new_caller,
    "Newchannel": Intake.new_channel,
    "Newstate": Intake.described,
    "Pickup": Intake.pickup,
    "QueueCallerAbandon": Intake.queue_leave,
    "QueueCallerJoin": Intake.queue_join,
    "QueueCallerLeave": Intake.queue_leave,
    "QueueMember": Intake.member_known,
    "QueueMemberAdded": Intake.member_known,
    "QueueMemberStatus": Intake.member_known,
    "Rename": Intake.rename,
    "Unhold": Intake.unhold,
    "VarSet": Intake.variable,
}
