"""Commands to a PBX: asked for here, carried out once by the holder of the PBX's lease (telephony.executor).

A command is a row that lives for seconds. Who asks needs the right: agents for their own phone and their own calls,
supervisors for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final, TypedDict, get_args
from uuid import UUID

from hotline import phone
from hotline.calls.command_states import CommandAction, CommandState
from hotline.calls.twilio_phones import pbx_phones, twilio_phones
from hotline.crm.commands.calls import pbx_commands as commands
from hotline.crm.commands.calls.pbx_commands import CommandOrder
from hotline.crm.commands.upkeep.idempotency import Idempotency, claim
from hotline.crm.leases import Lease, LeaseLost
from hotline.crm.queries.calls import pbx_commands as queries
from hotline.crm.queries.calls.pbx_commands import AgentPhone, CallTarget, CommandView, OpenLeg, get_command
from hotline.crm.queries.tickets.tickets import find_callback_number, require_ticket
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Conflict, Forbidden, HotlineError, Invalid, NotFound
from hotline.pbx import dial
from hotline.settings import DialFormat, Settings
from hotline.workflows.house import House, log

__all__ = [
    "CommandOrder",
    "LeaseLost",
    "NewCommand",
    "claim_commands",
    "commands_topic",
    "expire_commands",
    "finish_command",
    "outside_extension",
    "refuse_emergency",
    "send_command",
    "unsettled_commands",
]

#: How long a command may wait for the PBX's reader before it is too late to carry it out.
LIFETIME: Final = timedelta(seconds=8)
QUEUE_CONTEXT: Final = "hotline-queues"
#: Calls by Twilio are a PBX of this name, which no PBX of HOTLINE_AMI_URLS may have.
TWILIO: Final = "twilio"


class NewCommand(TypedDict, total=False):
    """What is asked for. ``agent`` is a login, the asker's own when absent; ``to`` a login, an extension, a queue or a
    number; ``paused`` False makes a pause an unpause; without ``queue`` all the agent's queues are meant. An originate
    from a ticket (``ticket_id``) calls its customer back, without ``to`` at the number that they called from."""

    action: CommandAction
    agent: str | None
    call_id: UUID | None
    to: str | None
    queue: str | None
    paused: bool | None
    reason: str | None
    pbx: str | None
    ticket_id: UUID | None


def commands_topic(pbx: str) -> str:
    """The bus topic that wakes the reader of a PBX."""
    return f"commands.{pbx}"


async def send_command(
    house: House, viewer: Viewer, data: NewCommand, idempotency: Idempotency | None = None
) -> CommandView:
    """Ask for a command; it is pending when this returns. Raises Forbidden, NotFound, Conflict or Invalid."""
    action = data.get("action")
    if action is None or action not in get_args(CommandAction):
        raise Invalid(f"action: one of {', '.join(get_args(CommandAction))}")
    _check_texts(data)
    if action == "pause" and data.get("paused") is False:
        action = "unpause"
    if not viewer.may("commands.send") and not (
        action in ("pause", "unpause", "sign_in", "sign_out") and viewer.may("own.presence")
    ):
        raise Forbidden()
    async with house.unit(viewer) as uow:
        command_id = uow.new_id()
        if (earlier := await claim(uow, idempotency, command_id)) is not None:
            return await get_command(uow, uow.keyring, viewer, earlier)
        agent = await _agent(uow, viewer, data.get("agent"))
        call = None
        if (call_id := data.get("call_id")) is not None:
            call = await queries.find_call(uow, SYSTEM, call_id)
            if call.ended and action != "originate":
                raise Conflict("The call is over.")
        details: dict[str, Any] = {"requested_by": viewer.user_id, "agent": agent.login if agent else None}
        number: str | None = None
        if action == "originate":
            pbx = await _pbx(uow, house.settings, data, agent, call)
            to = data.get("to")
            if (ticket_id := data.get("ticket_id")) is not None:
                await require_ticket(uow, viewer, ticket_id)
                details["ticket_id"] = ticket_id
                to = to or await find_callback_number(uow, uow.keyring, SYSTEM, ticket_id)
            number = await _originate(uow, house.settings, pbx, agent, to, details)
        elif action in ("hangup", "blind_transfer", "attended_transfer"):
            if call is None:
                raise Invalid("call_id: which call?")
            pbx = _aim(viewer, agent, call, action, details, chosen=data.get("agent") is not None)
            if action != "hangup":
                number = await _transfer(uow, house.settings, pbx, action, data.get("to"), details)
        elif action in ("pause_recording", "resume_recording"):
            if call is None:
                raise Invalid("call_id: which call?")
            pbx = call.pbx
            if pbx == TWILIO:
                raise Invalid("The recording of a call by Twilio cannot be paused.")
            _recorded(viewer, agent, call, details)
        else:
            pbx = await _pbx(uow, house.settings, data, agent, call)
            await _membership(uow, pbx, action, agent, data, details)
        await commands.create_command(
            uow,
            command_id=command_id,
            pbx=pbx,
            action=action,
            user_id=agent.id if agent else None,
            call_id=call.id if call else None,
            number=number,
            data={key: str(value) if isinstance(value, UUID) else value for key, value in details.items()},
            lifetime=LIFETIME,
        )
        view = await get_command(uow, uow.keyring, viewer, command_id)
    await wake(house, [pbx])
    return view


async def wake(house: House, pbxs: Iterable[str]) -> None:
    """Tell the readers of these PBXs, after the commit, that there are commands; they look each second anyway."""
    for pbx in pbxs:
        try:
            await house.bus.publish(commands_topic(pbx), b"")
        except HotlineError as error:
            log.warning("bus.publish_failed", error=error.code)


# What the PBX's reader does with them


async def claim_commands(house: House, pbx: str, lease: Lease) -> list[CommandOrder]:
    """Take the pending commands; they are ``sent`` in the records before the PBX hears of them. Raises LeaseLost."""
    async with house.unit(SYSTEM) as uow:
        return await commands.claim_commands(uow, pbx, lease)


async def unsettled_commands(house: House, pbx: str) -> list[CommandOrder]:
    """Commands that were sent and of which nobody knows the outcome."""
    async with house.unit(SYSTEM) as uow:
        return await commands.unsettled_commands(uow, pbx)


async def finish_command(
    house: House, command_id: UUID, state: CommandState, *, error: str | None = None, message: str | None = None
) -> bool:
    """Write the outcome; says whether the command was still open for it."""
    async with house.unit(SYSTEM) as uow:
        return await commands.finish_command(uow, command_id, state, error=error, message=message)


async def expire_commands(house: House, pbx: str) -> int:
    """End what nobody took in time; answers how many."""
    async with house.unit(SYSTEM) as uow:
        return await commands.expire_commands(uow, pbx)


# Who and where


def _check_texts(data: NewCommand) -> None:
    """Nothing with a line break, NUL or another control character goes on from here."""
    for key in ("agent", "to", "queue", "reason", "pbx"):
        value = data.get(key)
        if isinstance(value, str) and any(ord(letter) < 0x20 or 0x7F <= ord(letter) < 0xA0 for letter in value):
            raise Invalid(f"{key}: without line breaks and other control characters")


async def _agent(uow: UnitOfWork, viewer: Viewer, login: str | None) -> AgentPhone | None:
    """The agent named, or the viewer; None when a program without a user names nobody."""
    agent = await queries.find_agent(uow, SYSTEM, user_id=None if login else viewer.user_id, login=login)
    if login and agent is None:
        raise NotFound("agent: there is no such user.")
    if agent is not None and agent.id != viewer.user_id and not viewer.may("calls.read_all"):
        raise Forbidden()
    return agent


async def _pbx(
    uow: UnitOfWork, settings: Settings, data: NewCommand, agent: AgentPhone | None, call: CallTarget | None
) -> str:
    """The PBX named, the call's, the one where the agent is signed in, or the first."""
    known = [address.name for address in settings.ami_urls]
    if settings.twilio_account_sid and settings.twilio_auth_token:
        known.append(TWILIO)
    if (named := data.get("pbx")) is not None:
        if named not in known:
            raise Invalid("pbx: there is no PBX of this name in HOTLINE_AMI_URLS")
        return named
    if call is not None:
        return call.pbx
    if agent is not None:
        for membership in await queries.memberships(uow, SYSTEM, agent.id):
            if membership.pbx in known:
                return membership.pbx
        if TWILIO in known and twilio_phones(agent.interfaces) and not pbx_phones(agent.interfaces):
            return TWILIO
    if not known:
        raise Invalid("No PBX is connected: HOTLINE_AMI_URLS is empty.")
    return known[0]


# What


async def _originate(
    uow: UnitOfWork, settings: Settings, pbx: str, agent: AgentPhone | None, to: str | None, details: dict[str, Any]
) -> str | None:
    if agent is None or not agent.interfaces:
        raise Invalid("agent: this user has no phone; add their interface, for example PJSIP/agent1")
    if pbx == TWILIO:
        details["phone"] = _twilio_phone(agent)
        return await _destination(uow, settings, pbx, to, details, queues=False)
    # A Local channel would ring by the dialplan's rules (follow me, voicemail); the phone itself is better.
    mine = _phones_of(agent)
    phones = [each for each in mine if not each.startswith("Local/")] or mine
    details["phone"] = dial.interface(phones[0])
    details["caller_id"] = dial.caller_id(agent.name, agent.extension)
    number = await _destination(uow, settings, pbx, to, details, queues=False)
    if details.get("extension") is not None and details["extension"] == agent.extension:
        raise Invalid("to: this is the agent's own extension")
    return number


def _phones_of(agent: AgentPhone) -> list[str]:
    phones = pbx_phones(agent.interfaces)
    if not phones:
        raise Invalid("agent: this user has no phone at this PBX; add their interface, for example PJSIP/agent1")
    return phones


def _twilio_phone(agent: AgentPhone) -> str:
    phones = twilio_phones(agent.interfaces)
    if not phones:
        raise Invalid("agent: this user has no phone at Twilio; add their interface, for example tel:+4930123456")
    return phones[0]


async def _transfer(
    uow: UnitOfWork, settings: Settings, pbx: str, action: str, to: str | None, details: dict[str, Any]
) -> str | None:
    if pbx == TWILIO and action == "attended_transfer":
        raise Invalid("Calls by Twilio can be sent on at once (blind), but not after a talk with the colleague.")
    number = await _destination(uow, settings, pbx, to, details, queues=action == "blind_transfer")
    if action == "attended_transfer":
        target = details.get("extension") or outside_extension(settings, pbx, number or "")[0]
        if not target.lstrip("+").isdecimal():
            raise Invalid("to: Asterisk dials an attended transfer as keys, so it needs digits: give an extension")
    return number


async def _destination(
    uow: UnitOfWork, settings: Settings, pbx: str, to: str | None, details: dict[str, Any], *, queues: bool
) -> str | None:
    """Fill in where to dial. An outside number is answered, for it is personal; its extension is made when it is
    dialled. A login, a colleague's extension and a queue come before a number: 100 is not +1100."""
    text = (to or "").strip()
    if not text:
        raise Invalid("to: whom to call?")
    if len(text) > 100:
        raise Invalid("to: too long")
    if _is_emergency(settings, text, ""):
        raise Invalid("to: emergency numbers are never dialled by a program; use a phone")
    colleague = await queries.find_agent(uow, SYSTEM, login=text) or await queries.find_agent(
        uow, SYSTEM, extension=text
    )
    if colleague is not None and pbx == TWILIO:
        details.update(target=_twilio_phone(colleague), colleague_id=colleague.id, to=colleague.login)
        return None
    if colleague is not None:
        if not colleague.extension:
            raise Invalid("to: this user has no extension")
        details.update(_inside(settings, pbx, colleague.extension), to=colleague.login)
        return None
    if await queries.is_queue(uow, SYSTEM, text):
        if not queues:
            raise Invalid("to: a call can be sent to a queue only by a blind transfer")
        if pbx == TWILIO:
            details.update(target_queue=text, to=text)
            return None
        details.update(extension=dial.extension(text), context=QUEUE_CONTEXT, to=text)
        return None
    try:
        number = phone.parse(text, settings.region)
    except phone.NotANumber:
        raise Invalid("to: this is no user, extension, queue or telephone number") from None
    if number.kind == "short":
        # Nobody's extension here, so the PBX may well take a leading 0 or 9 for the outside line.
        outside = [number.value[cut:] for cut in (1, 2) if set(number.value[:cut]) <= set("09")]
        if any(_is_emergency(settings, each, "") for each in outside):
            raise Invalid("to: emergency numbers are never dialled by a program; use a phone")
        if pbx == TWILIO:
            raise Invalid("to: Twilio dials whole numbers, for example +4930123456")
        details.update(_inside(settings, pbx, number.value), to=number.value)
        return None
    if pbx == TWILIO and not number.value.startswith("+"):
        raise Invalid("to: Twilio dials whole numbers, for example +4930123456")
    if pbx == TWILIO:
        if _is_emergency(settings, number.value, ""):
            raise Invalid("to: emergency numbers are never dialled by a program; use a phone")
        return number.value
    refuse_emergency(settings, pbx, number.value)
    return number.value


def refuse_emergency(settings: Settings, pbx: str, number: str) -> None:
    """Raises Invalid for an outside number that is, or becomes as this PBX dials it, an emergency number."""
    extension, _ = outside_extension(settings, pbx, number)
    prefix = _format(settings.dial_out, pbx).extension.partition("{")[0]
    if _is_emergency(settings, number, "") or _is_emergency(settings, extension, prefix):
        raise Invalid("to: emergency numbers are never dialled by a program; use a phone")


def _is_emergency(settings: Settings, text: str, prefix: str) -> bool:
    digits = "".join(letter for letter in text if letter.isdecimal())
    own = {"".join(filter(str.isdecimal, number)) for number in settings.emergency_numbers}
    return (
        phone.is_emergency(text, settings.region, prefix=prefix)
        or digits in own
        or (bool(prefix) and digits.removeprefix(prefix.strip("+")) in own)
    )


def _format(formats: Mapping[str, DialFormat], pbx: str) -> DialFormat:
    return formats.get(pbx) or formats["*"]


def _inside(settings: Settings, pbx: str, extension: str) -> dict[str, str]:
    form = _format(settings.dial_internal, pbx)
    return {
        "extension": dial.extension(form.extension.format(extension=extension)),
        "context": dial.context(form.context),
    }


def outside_extension(settings: Settings, pbx: str, number: str) -> tuple[str, str]:
    """(extension, context) by which this PBX dials an outside number, from HOTLINE_DIAL_OUT."""
    form = _format(settings.dial_out, pbx)
    forms = {each: phone.dialled(number, each) for each in get_args(phone.DialForm)}
    return dial.extension(form.extension.format(**forms)), dial.context(form.context)


def _aim(
    viewer: Viewer, agent: AgentPhone | None, call: CallTarget, action: str, details: dict[str, Any], *, chosen: bool
) -> str:
    """Which of the call's phones is meant: the agent's own; for supervisors who name nobody, whoever talks. Answers the
    PBX that this phone is at: of a call by Twilio it may be the Asterisk."""
    own = [leg for leg in call.legs if agent is not None and leg.user_id == agent.id]
    leg: OpenLeg | None = own[0] if own else None
    details["ids"] = list(call.ids)
    if leg is None and agent is not None and call.user_id == agent.id:
        # They dialled from their phone: the legs are of those who were called, but the phone is in the call too.
        details.update(uniqueid="", interfaces=list(agent.interfaces), decline=False)
        return call.pbx
    if leg is None:
        if not viewer.may("calls.read_all"):
            raise Forbidden()
        if chosen:
            raise Conflict("agent: not in this call")
        answered = [each for each in call.legs if each.answered]
        leg = answered[0] if answered and action != "hangup" else None
        if leg is None and action != "hangup":
            raise Conflict("Nobody has answered this call, so nobody can transfer it.")
    if leg is not None and action != "hangup" and not leg.answered:
        raise Conflict("The call has not been answered yet.")
    if leg is not None:
        details.update(uniqueid=leg.uniqueid, interfaces=list(leg.interfaces), decline=not leg.answered)
        return leg.pbx
    return call.pbx


def _recorded(viewer: Viewer, agent: AgentPhone | None, call: CallTarget, details: dict[str, Any]) -> None:
    """Whoever is in the call may pause its recording, and supervisors may."""
    mine = agent is not None and (call.user_id == agent.id or any(leg.user_id == agent.id for leg in call.legs))
    if not mine and not viewer.may("calls.read_all"):
        raise Forbidden()
    if call.recording is None:
        raise Conflict("This call is not being recorded.")
    details["ids"] = list(call.ids)


async def _membership(
    uow: UnitOfWork, pbx: str, action: str, agent: AgentPhone | None, data: NewCommand, details: dict[str, Any]
) -> None:
    if agent is None or not agent.interfaces:
        raise Invalid("agent: this user has no phone; add their interface, for example PJSIP/agent1")
    queue = data.get("queue")
    if queue is not None:
        details["queue"] = dial.queue(queue)
    if reason := (data.get("reason") or "").strip():
        details["reason"] = dial.reason(reason)
    mine = [each for each in await queries.memberships(uow, SYSTEM, agent.id) if each.pbx == pbx]
    if queue is not None:
        mine = [each for each in mine if each.queue == queue]
    if action == "sign_in":
        wanted = [queue] if queue is not None else list(agent.queues)
        allowed = set(agent.queues)
        if not wanted or not set(wanted) <= allowed:
            raise Invalid("queue: the agent may not sign in to it; add it to their queues first")
        there = {each.queue for each in mine}
        if pbx == TWILIO:
            details.update(
                queues=[dial.queue(each) for each in wanted if each not in there],
                phone=_twilio_phone(agent),
                member_name=agent.login,
            )
            return
        phones = [dial.interface(each) for each in _phones_of(agent)]
        state = next((each for each in phones if not each.startswith("Local/")), None)
        details.update(
            queues=[dial.queue(each) for each in wanted if each not in there],
            phone=phones[0],
            state_interface=state if state != phones[0] else None,
            member_name=agent.login,
        )
        return
    if not mine:
        raise Conflict("The agent is not signed in to a queue.")
    details["members"] = [[each.queue, each.interface] for each in mine]
