"""From AMI events to facts: which channels belong together, and what happened to each.

A handler per event (Asterisk's AMI reference, "AMI Events"). Every event describes the channels it names with a state,
so a lost Newstate is made up for by the next event that speaks of the channel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, Literal

from . import causes, names
from .conversation import Channel, Conversation, Moment, QueueFact, Stay, Transfer
from .facts import AmiEvent
from .fields import caller_name, caller_number, present, presentation_withheld

Fields = Mapping[str, str]
_RINGING, _UP = "5", "6"
_PREFIXES: Final = {
    prefix: (f"{prefix}Channel", f"{prefix}Uniqueid", f"{prefix}Linkedid", f"{prefix}ChannelState")
    for prefix in (
        "", "Dest", "LocalOne", "LocalTwo", "Transferer", "Transferee", "OrigTransferer", "SecondTransferer",
        "TransferTarget", "DestTransferer", "Target",
    )
}  # fmt: skip
#: Extensions that are the dialplan's own, not what somebody dialled.
_NOT_DIALLED = frozenset({"", "s", "h", "i", "t", "T", "failed", "onhangup", "<unknown>"})


class Intake:
    """The facts of one PBX. ``take`` merges an event and names the conversations that it changed."""

    def __init__(self, pbx: str) -> None:
        self.pbx = pbx
        self.channels: dict[str, Channel] = {}
        self.links: dict[str, Conversation] = {}
        self.conversations: set[Conversation] = set()
        self.bridges: dict[str, list[tuple[Channel, Stay]]] = {}
        self.members: dict[tuple[str, str], tuple[str, ...]] = {}
        self._changed: dict[Conversation, None] = {}
        self._now = datetime.min.replace(tzinfo=UTC)

    def take(self, event: AmiEvent, moment: Moment, now: datetime) -> list[Conversation]:
        """Merge one event, read at ``now``. Its conversations come back once each; merged ones are gone."""
        handler = _HANDLERS.get(event.name)
        if handler is None:
            return []
        self._changed, self._now = {}, now
        handler(self, event.fields, moment)
        return [c for c in self._changed if c in self.conversations]

    # --- channels and what joins them ---

    def channel(self, fields: Fields, prefix: str, moment: Moment, *, new: bool = False) -> Channel | None:
        """The channel that an event describes under ``prefix``, made when it is new; its facts are merged."""
        name_key, uniqueid_key, linkedid_key, state_key = _PREFIXES[prefix]
        name = fields.get(name_key)
        if not name:
            return None
        name, masked = names.bare(name)
        known = self.channels.get(name)
        if masked:
            return known
        uniqueid = fields.get(uniqueid_key, "")
        linkedid = fields.get(linkedid_key) or uniqueid
        if not uniqueid:
            return known
        if known is not None and self._another_life(known, uniqueid, linkedid, new):
            if known.over is None:
                known.over_unseen = True
                known.step("over", moment)
                self._changed[known.conversation] = None
            known = None
        found = known or self._make(name, uniqueid, linkedid, moment)
        if uniqueid not in found.uniqueids or linkedid not in found.conversation.ids:
            self._link(found, uniqueid, linkedid, moment)
        state = fields.get(state_key)
        conversation = found.conversation
        if state == _RINGING:
            found.ringing_state = True
            found.step("rang", moment)
        elif state == _UP and found.step("up", moment):
            conversation.recheck = True
        conversation.fresh.add(found)
        if found.kind != "phone":
            conversation.recheck = True  # rings behind a Local pair depend on it
        self._changed[conversation] = None
        conversation.touched = self._now
        return found

    def _another_life(self, known: Channel, uniqueid: str, linkedid: str, new: bool) -> bool:
        """Whether the PBX has used a name again, after a restart that nobody saw."""
        if uniqueid in known.uniqueids:
            return False
        if new:
            return True
        return known.over is not None and linkedid not in known.conversation.ids

    def _make(self, name: str, uniqueid: str, linkedid: str, moment: Moment) -> Channel:
        conversation = self.links.get(uniqueid) or self.links.get(linkedid)
        if conversation is None:
            call_id = names.call_id(self.pbx, linkedid)
            conversation = Conversation(call_id, linkedid, self._now, self._now)
            self.conversations.add(conversation)
        ring_id = names.ring_id(self.pbx, uniqueid, name)
        kind = names.kind_of(name)
        made = Channel(name, kind, uniqueid, ring_id, conversation, names.endpoint(name), moment)
        self.channels[name] = made
        old = conversation.channels.get(name)
        if old is not None:  # an earlier life of the name in the same call: keep its facts under another key
            conversation.channels[f"{name} {old.uniqueid}"] = old
        conversation.channels[name] = made
        ring = conversation.open_rings.pop(uniqueid, None)
        if ring is not None:
            made.ring_id = ring.ring_id
            made.dialled = True
            made.step("rang", (ring.rang_at, 0))
            made.told_ring = ((ring.interface,), ring.kind, None)
            if ring.answered_at is not None:
                made.step("up", (ring.answered_at, 0))
                made.told_up = True
                if conversation.answered:
                    made.joined, made.told_joined = (ring.answered_at, 0), True
        self._link(made, uniqueid, linkedid, moment)
        if kind == "local":
            half = self.channels.get(names.other_half(name))
            if half is not None:
                self._join(made.conversation, half.conversation)
        return made

    def _link(self, channel: Channel, uniqueid: str, linkedid: str, moment: Moment) -> None:
        holder = self._holder(uniqueid, channel)
        if channel.uniqueids and holder is not None and holder.state in ("new", "ringing") and holder.dialled:
            # A ringing phone's uniqueid moved to a channel that existed before: that phone picked the call up.
            channel.picked_up = channel.picked_up or moment
            channel.queue = channel.queue or holder.queue
        channel.uniqueids.add(uniqueid)
        for one in (uniqueid, linkedid):
            other = self.links.get(one)
            if other is None:
                self.links[one] = channel.conversation
                channel.conversation.ids.add(one)
            elif other is not channel.conversation:
                self._join(channel.conversation, other)
        conversation = channel.conversation
        if names.seniority(linkedid) < names.seniority(conversation.root) and conversation.first is None:
            conversation.root = linkedid

    def _holder(self, uniqueid: str, but: Channel) -> Channel | None:
        conversation = self.links.get(uniqueid)
        if conversation is None:
            return None
        for channel in conversation.channels.values():
            if channel is not but and channel.uniqueid == uniqueid and channel.kind == "phone":
                return channel
        return None

    def _join(self, one: Conversation, two: Conversation) -> Conversation:
        """Make two conversations one. The caller's call stays: not the one that an agent made on the side, and else
        the older."""
        if one is two:
            return one
        kept, gone = (one, two) if names.seniority(one.root) <= names.seniority(two.root) else (two, one)
        if _made_by_an_agent_of(kept, gone) and not _made_by_an_agent_of(gone, kept):
            kept, gone = gone, kept
        for name, channel in gone.channels.items():
            channel.conversation = kept
            kept.channels.setdefault(name, channel)
        for one_id in gone.ids:
            self.links[one_id] = kept
        if gone.told_arrived and kept.told_arrived:
            kept.merged.append(gone.call_id)
        elif gone.told_arrived:  # nobody heard of the kept one yet: it goes on under the name that was told
            kept.call_id, kept.told_arrived = gone.call_id, True
            kept.told_caller, kept.told_end = gone.told_caller, gone.told_end
            kept.told_arrival = gone.told_arrival
        kept.absorb(gone)
        self.conversations.discard(gone)
        self._changed.pop(gone, None)
        self._changed[kept] = None
        return kept

    def forget(self, conversation: Conversation) -> None:
        """Drop a conversation with all that leads to it."""
        self.conversations.discard(conversation)
        for one in conversation.ids:
            if self.links.get(one) is conversation:
                del self.links[one]
        for one_channel in list(conversation.channels.values()):
            self.forget_channel(one_channel)

    def forget_channel(self, channel: Channel) -> None:
        """Drop a channel's facts."""
        if self.channels.get(channel.name) is channel:
            del self.channels[channel.name]
        for key in [k for k, c in channel.conversation.channels.items() if c is channel]:
            del channel.conversation.channels[key]
        for stay in channel.stays:
            there = [entry for entry in self.bridges.get(stay.bridge, ()) if entry[0] is not channel]
            if there:
                self.bridges[stay.bridge] = there
            else:
                self.bridges.pop(stay.bridge, None)

    # --- handlers ---

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
        self._changed[channel.conversation] = None

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
                self._join(source.conversation, target.conversation)
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
            case "VMSTATUS" if value == "SUCCESS":
                channel = self.channel(fields, "", moment)
                if channel is not None:
                    channel.conversation.voicemail = True

    def bridge_enter(self, fields: Fields, moment: Moment) -> None:
        channel, bridge = self._described(fields, moment, rank=1), fields.get("BridgeUniqueid", "")
        if channel is not None and bridge:
            self.stay(channel, bridge, moment, conversation=fields.get("BridgeType", "basic") == "basic")

    def stay(self, channel: Channel, bridge: str, moment: Moment, *, conversation: bool) -> None:
        """A channel is in a bridge. In a basic bridge all belong to one conversation, unlike in a parking lot."""
        there = self.bridges.setdefault(bridge, [])
        stay = channel.enter(bridge, moment)
        if stay is not None and not any(entry[1] is stay for entry in there):
            there.append((channel, stay))
        if conversation:
            for other, _ in list(there):
                self._join(channel.conversation, other.conversation)
        for other, _ in there:
            other.conversation.connected_dirty = True
            self._changed[other.conversation] = None

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
            self._join(one.conversation, two.conversation).connected_dirty = True

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
            self._join(picker.conversation, target.conversation)

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
            conversation = self._join(conversation, side.conversation)
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

    def transferees_of(self, conversation: Conversation) -> None:
        """Add the dialled party of an outgoing call that its agent transferred: now that party is the caller's side."""
        first = conversation.first
        for transfer in conversation.transfers:
            if first is not None and first.name in transfer.transferers and transfer.transferee is not None:
                conversation.transferees.add(transfer.transferee)


def _made_by_an_agent_of(conversation: Conversation, other: Conversation) -> bool:
    """Whether ``conversation`` began at a phone that ``other`` rang: a consultation on the agent's second line."""
    if conversation.first is None:
        conversation.choose_first()
    first = conversation.first
    return first is not None and any(
        c.endpoint == first.endpoint and (c.dialled or c.ringing_state) for c in other.phones()
    )


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
