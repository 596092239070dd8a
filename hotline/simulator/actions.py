"""The AMI actions that the simulated PBX answers, with the words of an Asterisk 22."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from hotline.simulator.call import Call
from hotline.simulator.channels import Channel
from hotline.simulator.commands import COMMANDS
from hotline.simulator.queues import IN_USE, NOT_IN_USE, Member, Queue
from hotline.simulator.tape import Headers
from hotline.simulator.world import World

VERSION = "22.10.1"
#: The context of those who pick up a call of a campaign.
PUSHES: Final = "hotline-push"
_LOCAL: Final = re.compile(r"Local/([0-9+]+)@([\w-]+)/n")


class Request:
    """One action of a client. Names of headers are compared without regard to case."""

    def __init__(self, headers: Headers) -> None:
        self._headers = {key.lower(): value for key, value in headers}

    def get(self, name: str) -> str:
        return self._headers.get(name.lower(), "")

    @property
    def action(self) -> str:
        return self.get("Action").lower()

    @property
    def id(self) -> str:
        return self.get("ActionID")


@dataclass(frozen=True, slots=True)
class Response:
    """What is answered: the response and the events of a list."""

    response: str
    headers: Headers
    events: list[Headers] = field(default_factory=list)

    @classmethod
    def success(cls, message: str) -> Response:
        return cls("Success", [("Message", message)])

    @classmethod
    def error(cls, message: str) -> Response:
        return cls("Error", [("Message", message)])


Answer = Callable[[World, Request], Response]


def _list(
    request: Request, message: str, items: list[tuple[str, Headers]], complete: str, *extra: tuple[str, str]
) -> Response:
    """A list of events, its end counted. ActionID stands first in most lists and last in app_queue's."""
    named = [("ActionID", request.id)] if request.id else []
    last = request.action.startswith("queue")
    events = [[("Event", name), *(headers + named if last else named + headers)] for name, headers in items]
    events.append([("Event", complete), *named, ("EventList", "Complete"), ("ListItems", str(len(items))), *extra])
    return Response("Success", [("EventList", "start"), ("Message", message)], events)


# ---- the PBX ------------------------------------------------------------------------------------------------


def ping(world: World, request: Request) -> Response:
    return Response("Success", [("Ping", "Pong"), ("Timestamp", f"{world.clock():.6f}")])


def core_show_channels(world: World, request: Request) -> Response:
    items = [("CoreShowChannel", channel.show(world.clock())) for channel in world.channels.all()]
    return _list(request, "Channels will follow", items, "CoreShowChannelsComplete")


def core_settings(world: World, request: Request) -> Response:
    settings = {
        "AMIversion": "11.0.0", "AsteriskVersion": VERSION, "SystemName": "", "CoreMaxCalls": "0",
        "CoreMaxLoadAvg": "0.000000", "CoreRunUser": "", "CoreRunGroup": "", "CoreMaxFilehandles": "0",
        "CoreRealTimeEnabled": "No", "CoreCDRenabled": "Yes", "CoreHTTPenabled": "No", "SoundsSearchCustomDir": "No",
    }  # fmt: skip
    return Response("Success", list(settings.items()))


def core_status(world: World, request: Request) -> Response:
    started = datetime.fromtimestamp(world.started, UTC)
    day, hour = started.strftime("%Y-%m-%d"), started.strftime("%H:%M:%S")
    times = [("CoreStartupDate", day), ("CoreStartupTime", hour), ("CoreReloadDate", day), ("CoreReloadTime", hour)]
    calls = [("CoreCurrentCalls", str(len(world.channels))), ("CoreProcessedCalls", str(world.processed))]
    return Response("Success", times + calls)


def list_commands(world: World, request: Request) -> Response:
    return Response("Success", [(name, f"{text}  (Priv: {rights})") for name, text, rights in COMMANDS])


def command(world: World, request: Request) -> Response:
    line = request.get("Command")
    if line == "core show version":
        return Response(
            "Success", [("Message", "Command output follows"), ("Output", f"Asterisk {VERSION} (simulated)")]
        )
    unknown = f"No such command '{line}' (type 'core show help {line}' for other possible commands)"
    return Response("Error", [("Message", "Command output follows"), ("Output", unknown)])


def module_check(world: World, request: Request) -> Response:
    loaded = {"app_queue", "app_dial", "chan_pjsip", "res_pjsip", "features", "bridge_builtin_features"}
    if request.get("Module").removesuffix(".so") in loaded:
        return Response("Success", [("Version", "")])
    return Response.error("Module not loaded")


def device_state_list(world: World, request: Request) -> Response:
    devices = {interface: _device_state(world, interface) for interface in world.phones}
    for member in (member for queue in world.queues.values() for member in queue.members.values()):
        devices[f"Queue:{member.queue}_pause_{member.interface}"] = "INUSE" if member.paused else "NOT_INUSE"
    items = [("DeviceStateChange", [("Device", name), ("State", state)]) for name, state in devices.items()]
    return _list(request, "Device State Changes will follow", items, "DeviceStateListComplete")


def pjsip_show_endpoints(world: World, request: Request) -> Response:
    items: list[tuple[str, Headers]] = []
    for phone in world.phones.values():
        channels = len(world.channels.of(phone.interface))
        headers = {
            "ObjectType": "endpoint", "ObjectName": phone.interface.partition("/")[2], "Transport": "udp",
            "Aor": phone.extension, "Auths": "", "OutboundAuths": "", "Contacts": "",
            "DeviceState": "In use" if channels else "Not in use", "ActiveChannels": str(channels),
        }  # fmt: skip
        items.append(("EndpointList", list(headers.items())))
    message = "A listing of Endpoints follows, presented as EndpointList events"
    return _list(request, message, items, "EndpointListComplete")


def show_dialplan(world: World, request: Request) -> Response:
    wanted = request.get("Context")
    if wanted not in DIALPLAN:
        return Response.error(f"Did not find context {wanted}")
    extension, application, data = DIALPLAN[wanted]
    line = [("Context", wanted), ("Extension", extension), ("Priority", "1"), ("Application", application)]
    items = [("ListDialplan", [*line, ("AppData", data), ("Registrar", "pbx_config")])]
    counted = (("ListExtensions", "1"), ("ListPriorities", "1"), ("ListContexts", "1"))
    return _list(request, "DialPlan list will follow", items, "ShowDialPlanComplete", *counted)


def _device_state(world: World, interface: str) -> str:
    channels = world.channels.of(interface)
    if not channels:
        return "NOT_INUSE"
    return "INUSE" if any(channel.up for channel in channels) else "RINGING"


# ---- queues -------------------------------------------------------------------------------------------------


def queue_status(world: World, request: Request) -> Response:
    items: list[tuple[str, Headers]] = []
    for queue in _queues(world, request):
        items.append(("QueueParams", queue.params()))
        members = [m for m in queue.members.values() if request.get("Member") in ("", m.interface)]
        items += [("QueueMember", member.show()) for member in members]
        waiting = enumerate(queue.waiting, 1)
        items += [("QueueEntry", entry.show(queue.name, place, world.clock())) for place, entry in waiting]
    return _list(request, "Queue status will follow", items, "QueueStatusComplete")


def queue_summary(world: World, request: Request) -> Response:
    items = [("QueueSummary", queue.summary(world.clock())) for queue in _queues(world, request)]
    return _list(request, "Queue summary will follow", items, "QueueSummaryComplete")


def _queues(world: World, request: Request) -> list[Queue]:
    return [queue for name, queue in world.queues.items() if request.get("Queue") in ("", name)]


def queue_add(world: World, request: Request) -> Response:
    for name in ("Queue", "Interface"):
        if not request.get(name):
            return Response.error(f"'{name}' not specified.")
    queue, interface = world.queues.get(request.get("Queue")), request.get("Interface")
    if queue is None:
        return Response.error("Unable to add interface to queue: No such queue")
    if interface in queue.members:
        return Response.error("Unable to add interface: Already there")
    state = request.get("StateInterface") or interface
    member = Member(queue.name, interface, request.get("MemberName") or interface, state, "dynamic", world.clock())
    member.paused = _true(request.get("Paused"))
    member.reason = request.get("Reason") if member.paused else ""
    member.status = IN_USE if world.channels.of(interface) else NOT_IN_USE
    queue.members[interface] = member
    world.tell_member("QueueMemberAdded", member)
    _tell_pause(world, member)
    world.distribute()
    return Response.success("Added interface to queue")


def queue_remove(world: World, request: Request) -> Response:
    for name in ("Queue", "Interface"):
        if not request.get(name):
            return Response.error(f"Need '{name}' parameter.")
    queue, interface = world.queues.get(request.get("Queue")), request.get("Interface")
    if queue is None:
        return Response.error("Unable to remove interface from queue: No such queue")
    if interface not in queue.members:
        return Response.error("Unable to remove interface: Not there")
    world.tell_member("QueueMemberRemoved", queue.members.pop(interface))
    return Response.success("Removed interface from queue")


def queue_pause(world: World, request: Request) -> Response:
    interface, paused = request.get("Interface"), request.get("Paused")
    if not interface or not paused:
        return Response.error("Need 'Interface' and 'Paused' parameters.")
    members = [m for m in world.members_of(interface) if request.get("Queue") in ("", m.queue)]
    if not members:
        return Response.error("Interface not found")
    for member in members:
        member.paused = _true(paused)
        member.reason = request.get("Reason") if member.paused else ""
        member.last_pause = world.clock() if member.paused else member.last_pause
        _tell_pause(world, member)
        world.tell_member("QueueMemberPause", member)
    world.distribute()
    return Response.success(f"Interface {'' if _true(paused) else 'un'}paused successfully")


def _tell_pause(world: World, member: Member) -> None:
    device = f"Queue:{member.queue}_pause_{member.interface}"
    state = "INUSE" if member.paused else "NOT_INUSE"
    world.tell([("Event", "DeviceStateChange"), ("Privilege", "call,all"), ("Device", device), ("State", state)])


def _true(text: str) -> bool:
    return text.lower() in ("1", "y", "yes", "true", "on", "t")


# ---- calls --------------------------------------------------------------------------------------------------


def hangup(world: World, request: Request) -> Response:
    name = request.get("Channel")
    if not name:
        return Response.error("No channel specified")
    call = world.call_with(name)
    if call is None or not world.is_alive(name):
        return Response.error("No such channel")
    part, phone = call.channels[name], call.phone_with(name)
    if not call.act(f"desk hangs up {part}", phone) and not call.act(f"{part} hangs up", phone):
        call.end()
    world.distribute()
    return Response.success("Channel Hungup")


def redirect(world: World, request: Request) -> Response:
    name = request.get("Channel")
    if not name:
        return Response.error("Channel not specified")
    channel = world.channels.get(name)
    if channel is None:
        return Response.error(f"Channel does not exist: {name}")
    return _transfer(world, request, channel, "desk redirects", "Redirect successful", "Redirect failed")


def blind_transfer(world: World, request: Request) -> Response:
    channel = _channel(world, request)
    if isinstance(channel, Response):
        return channel
    return _transfer(world, request, channel, "desk transfers", "Transfer succeeded", "Transfer failed")


def attended_transfer(world: World, request: Request) -> Response:
    channel = _channel(world, request)
    if isinstance(channel, Response):
        return channel
    return _transfer(world, request, channel, "desk consults", "Atxfer successfully queued", "Atxfer failed")


def cancel_attended_transfer(world: World, request: Request) -> Response:
    channel = _channel(world, request)
    if isinstance(channel, Response):
        return channel
    call = world.call_with(channel.name)
    target = call.phones.get("target") if call else None
    if call is None or target is None or not call.act("target declines", target):
        return Response.error("Unable to find attended transfer cancel feature code")
    return Response.success("CancelAtxfer successfully queued")


def _channel(world: World, request: Request) -> Channel | Response:
    name = request.get("Channel")
    if not name:
        return Response.error("No channel specified")
    return world.channels.get(name) or Response.error("Channel specified does not exist")


def _transfer(world: World, request: Request, channel: Channel, act: str, done: str, failed: str) -> Response:
    """Sends somebody's call to a phone; fails where the dialplan has no such extension or no tape tells of it."""
    call = world.call_with(channel.name)
    targets = [phone for phone in world.phones.values() if phone.extension == request.get("Exten")]
    if call is None or not targets or targets[0] in call.phones.values():
        return Response.error(failed)
    if not call.act(f"{act} {call.channels[channel.name]}", targets[0]):
        return Response.error(failed)
    return Response.success(done)


def originate(world: World, request: Request) -> Response:
    interface, number = request.get("Channel"), request.get("Exten")
    if not interface:
        return Response.error("Channel not specified")
    if request.get("Context") == PUSHES and world.dialling.plan is not None:
        return _announce(world, request)
    phone = world.phones.get(interface)
    if phone is None or request.get("Context") != OUTSIDE:
        world.tell(_not_dialled(request))
        return Response.success("Originate successfully queued")
    seconds = int(request.get("Timeout") or "30000") / 1000
    call: Call = world.call_out(phone, number, request.get("ChannelId") or str(uuid4()), seconds)
    call.action_id = request.id
    return Response.success("Originate successfully queued")


def _announce(world: World, request: Request) -> Response:
    """A campaign calls somebody: the channel is ``Local/NUMBER@CONTEXT/n``."""
    named = _LOCAL.fullmatch(request.get("Channel"))
    delivery = next((text for key, text in _variables(request) if key == "HOTLINE_PUSH"), "")
    if named is None or named[2] != OUTSIDE or not delivery:
        world.tell(_not_dialled(request))
        return Response.success("Originate successfully queued")
    seconds = int(request.get("Timeout") or "30000") / 1000
    call = world.call_for(delivery, named[1], request.get("ChannelId") or str(uuid4()), seconds)
    call.action_id = request.id
    return Response.success("Originate successfully queued")


def _variables(request: Request) -> Iterator[tuple[str, str]]:
    for each in request.get("Variable").split(","):
        key, _, text = each.partition("=")
        yield key.strip(), text


def _not_dialled(request: Request) -> Headers:
    return [
        ("Event", "OriginateResponse"), ("Privilege", "call,all"), ("ActionID", request.id), ("Response", "Failure"),
        ("Channel", request.get("Channel")), ("Context", request.get("Context")), ("Exten", request.get("Exten")),
        ("Reason", "0"), ("Uniqueid", "<unknown>"), ("CallerIDNum", "<unknown>"), ("CallerIDName", "<unknown>"),
    ]  # fmt: skip


def get_variable(world: World, request: Request) -> Response:
    if request.get("Channel") and not world.is_alive(request.get("Channel")):
        return Response.error("No such channel")
    return Response("Success", [("Variable", request.get("Variable")), ("Value", "")])


def set_variable(world: World, request: Request) -> Response:
    if request.get("Channel") and not world.is_alive(request.get("Channel")):
        return Response.error("No such channel")
    return Response.success("Variable Set")


def status(world: World, request: Request) -> Response:
    wanted = request.get("Channel")
    if wanted and not world.is_alive(wanted):
        return Response.error("No such channel")
    shown = [channel for channel in world.channels.all() if wanted in ("", channel.name)]
    items = [("Status", [("Privilege", "Call"), *channel.show(world.clock())]) for channel in shown]
    return _list(request, "Channel status will follow", items, "StatusComplete", ("Items", str(len(items))))


#: Where calls go out, as on the tapes, and what the demo's dialplan says of each context.
OUTSIDE = "hotline-out"
DIALPLAN: Mapping[str, tuple[str, str, str]] = {
    "hotline-in": ("_X!", "Queue", "support,tT"),
    "hotline-agents": ("_100X", "Dial", "PJSIP/${EXTEN},30,tT"),
    OUTSIDE: ("_+X.", "Dial", "PJSIP/${EXTEN}@trunk,60,T"),
}

ACTIONS: Mapping[str, Answer] = {
    "ping": ping, "coreshowchannels": core_show_channels, "coresettings": core_settings, "corestatus": core_status,
    "listcommands": list_commands, "command": command, "modulecheck": module_check,
    "devicestatelist": device_state_list, "pjsipshowendpoints": pjsip_show_endpoints, "showdialplan": show_dialplan,
    "queuestatus": queue_status, "queuesummary": queue_summary, "queueadd": queue_add, "queueremove": queue_remove,
    "queuepause": queue_pause, "hangup": hangup, "redirect": redirect, "blindtransfer": blind_transfer,
    "atxfer": attended_transfer, "cancelatxfer": cancel_attended_transfer, "originate": originate,
    "getvar": get_variable, "setvar": set_variable, "status": status,
}  # fmt: skip
