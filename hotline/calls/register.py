"""The register of one PBX's channels: which exist, which belong to one conversation, and how that changes.

Channels belong together when they share a linkedid, are halves of a Local pair, dial each other, meet in a basic bridge
or are named together in a transfer or a pickup.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from . import names
from .conversation import Channel, Conversation, Moment, Stay

Fields = Mapping[str, str]
_RINGING, _UP = "5", "6"
_PREFIXES: Final = {
    prefix: (f"{prefix}Channel", f"{prefix}Uniqueid", f"{prefix}Linkedid", f"{prefix}ChannelState")
    for prefix in (
        "", "Dest", "LocalOne", "LocalTwo", "Transferer", "Transferee", "OrigTransferer", "SecondTransferer",
        "TransferTarget", "DestTransferer", "Target",
    )
}  # fmt: skip


class Register:
    """What is known of one PBX."""

    def __init__(self, pbx: str) -> None:
        self.pbx = pbx
        self.channels: dict[str, Channel] = {}
        self.links: dict[str, Conversation] = {}
        self.conversations: set[Conversation] = set()
        self.bridges: dict[str, list[tuple[Channel, Stay]]] = {}
        self.members: dict[tuple[str, str], tuple[str, ...]] = {}
        self.changed: dict[Conversation, None] = {}  # by the event that is being taken
        self.now = datetime.min.replace(tzinfo=UTC)

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
                self.changed[known.conversation] = None
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
        self.changed[conversation] = None
        conversation.touched = self.now
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
            conversation = Conversation(call_id, linkedid, self.now, self.now)
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
            made.ring_kind = ring.kind
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
                self.join(made.conversation, half.conversation)
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
                self.join(channel.conversation, other)
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

    def join(self, one: Conversation, two: Conversation) -> Conversation:
        """Make two conversations one. The caller's call stays: not the one that an agent made on the side, and else
        the older."""
        if one is two:
            return one
        kept, gone = (one, two) if names.seniority(one.root) <= names.seniority(two.root) else (two, one)
        if made_by_an_agent_of(kept, gone) and not made_by_an_agent_of(gone, kept):
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
        self.changed.pop(gone, None)
        self.changed[kept] = None
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

    def stay(self, channel: Channel, bridge: str, moment: Moment, *, conversation: bool) -> None:
        """A channel is in a bridge. In a basic bridge all belong to one conversation, unlike in a parking lot."""
        there = self.bridges.setdefault(bridge, [])
        stay = channel.enter(bridge, moment)
        if stay is not None and not any(entry[1] is stay for entry in there):
            there.append((channel, stay))
        if conversation:
            for other, _ in list(there):
                self.join(channel.conversation, other.conversation)
        for other, _ in there:
            other.conversation.connected_dirty = True
            self.changed[other.conversation] = None


def made_by_an_agent_of(conversation: Conversation, other: Conversation) -> bool:
    """Whether ``conversation`` began at a phone that ``other`` rang: a consultation on the agent's second line."""
    if conversation.first is None:
        conversation.choose_first()
    first = conversation.first
    return first is not None and any(
        c.endpoint == first.endpoint and (c.dialled or c.ringing_state) for c in other.phones()
    )
