"""One check of one phone: does the PBX know it, and is it switched on."""

from __future__ import annotations

from hotline.calls.facts import TRACKED_VARIABLES
from hotline.errors import HotlineError
from hotline.pbx.connection import Connection, Patience
from hotline.pbx.errors import NoAnswer
from hotline.pbx.wire import Accept
from hotline.settings import PbxAddress, Settings
from hotline.telephony.findings import Finding
from hotline.telephony.reader import EVENTS

#: Device states (include/asterisk/devicestate.h) of a phone that is there.
_THERE = {"NOT_INUSE", "INUSE", "BUSY", "RINGING", "RINGINUSE", "ONHOLD"}


async def examine_phone(
    settings: Settings, address: PbxAddress, interface: str, patience: Patience | None = None
) -> Finding:
    """What the PBX says of the phone that it calls ``interface``, for example PJSIP/agent1."""
    accept = Accept.of(EVENTS, set(TRACKED_VARIABLES))
    try:
        connection = await Connection.open(address, accept, patience, ca_file=settings.ami_ca_file)
    except HotlineError as error:
        return Finding("phone", "unknown", f"{address.name} could not be asked: {error.detail}")
    try:
        device = interface.partition("@")[0] if not interface.startswith("Local/") else interface
        reply = await connection.request(
            "Getvar", ("Variable", f"DEVICE_STATE({device})"), silence=connection.patience.probe
        )
    except (NoAnswer, HotlineError):
        return Finding("phone", "unknown", f"{address.name} does not say how {interface} is")
    finally:
        connection.close()
    state = reply.headers.get("Value", "") if reply.success else ""
    if state in _THERE:
        return Finding("phone", "ok", f"{interface} is known to {address.name} and switched on")
    if state == "UNAVAILABLE":
        return Finding(
            "phone",
            "warning",
            f"{address.name} knows {interface}, but the phone is not registered",
            ("switch the phone on, and look at its user and password:", "asterisk -rx 'pjsip show endpoints'"),
        )
    if state == "INVALID":
        name = interface.partition("/")[2] or "agent1"
        return Finding(
            "phone",
            "wrong",
            f"{address.name} knows no {interface}",
            (
                "/etc/asterisk/pjsip.conf needs an endpoint of exactly this name:",
                f"[{name}]",
                "type = endpoint",
                "(or write the name as the PBX has it)",
            ),
        )
    return Finding("phone", "unknown", f"{address.name} does not say how {interface} is")
