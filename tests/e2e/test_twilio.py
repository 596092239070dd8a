"""A caller of a Twilio number who is answered from the Asterisk's queue: one call, one pop, one ticket, one end.

Twilio is the fake one; the leg that it sends to the Asterisk is SIPp's, with the headers of the SIP address.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hotline.simulator.twilio import Line
from tests.e2e.conftest import Office, newest, service_settings
from tests.e2e.person import Body, soon
from tests.e2e.test_journey import ended, over
from tests.fakes.twilio import DOOR, NUMBER, FakeTwilio
from tests.rig.acts import ZHANG
from tests.rig.asterisk import Asterisk
from tests.rig.config import TWILIO
from tests.rig.ports import free_port
from tests.rig.sipp import Sipp
from tests.rig.stage import Stage


@pytest.fixture
def address() -> str:
    """Where the service is, for Twilio: known before it starts."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
async def twilio_account(address: str) -> AsyncIterator[FakeTwilio]:
    """A Twilio with one number whose calls come to the office."""
    fake = FakeTwilio()
    await fake.start()
    door = f"http://{address}{DOOR}"
    fake.add_number(NUMBER, voice_url=f"{door}/voice", status_callback=f"{door}/voice/status")
    yield fake
    await fake.close()
    assert fake.complaints == []


@pytest.fixture
def settings_of(
    company_url: str, tmp_path: Path, asterisk: Asterisk, twilio_account: FakeTwilio, address: str
) -> dict[str, str]:
    """The settings of a node whose callers of Twilio wait at the Asterisk."""
    return {
        **service_settings(company_url, tmp_path, asterisk.ami_url),
        **twilio_account.environment(),
        "HOTLINE_HTTP_BIND": address,
        "HOTLINE_PUBLIC_URL": f"http://{address}",
        "HOTLINE_TWILIO_SIP_URL": sip_address(asterisk),
    }


def sip_address(asterisk: Asterisk) -> str:
    return f"sip:{TWILIO}@127.0.0.1:{asterisk.ports.sip}"


async def to_asterisk(twilio: FakeTwilio, asterisk: Asterisk, keys: str) -> tuple[Line, Line]:
    """Somebody calls and chooses; Twilio rings the Asterisk: the caller, and Twilio's leg."""
    line = twilio.call(ZHANG, NUMBER)
    for key in keys:
        await twilio.wait_for(lambda: line.doing == "gather")
        documents = len(line.documents)
        line.press(key)
        await twilio.wait_for(lambda seen=documents: len(line.documents) > seen)  # type: ignore[misc]
    return line, await twilio.ringing(sip_address(asterisk))


def send_on(stage: Stage, leg: Line, **more: float) -> Sipp:
    """Twilio's leg arrives at the Asterisk, which answers it."""
    sent = stage.caller(TWILIO, ZHANG, headers=leg.headers, **more)  # type: ignore[arg-type]
    leg.answer()
    return sent


@newest
async def test_twilio_to_the_queue_of_the_asterisk(
    office: Office, stage: Stage, asterisk: Asterisk, twilio_account: FakeTwilio
) -> None:
    twilio = twilio_account
    await office.customer("Zhang Wei", ZHANG)
    stage.phone("agent1", answer_after=0.5, hangup_after=1)
    stage.phone("agent2", "never")
    line, leg = await to_asterisk(twilio, asterisk, "12")
    sent = send_on(stage, leg)
    pop = await office["agent1"].hears("call.offered")
    assert (pop["ivr"]["kind"], pop["queue"], pop["caller"]["number"]) == ("complaint", "support", ZHANG)
    assert pop["customers"][0]["name"] == "Zhang Wei"
    await office["agent1"].hears("call.answered")
    (call,) = await office.admin.calls()
    assert (call["id"], call["pbx"], call["state"], call["agent"]) == (pop["call_id"], "twilio", "answered", "agent1")
    # The agent hangs up: the Asterisk's part is over, Twilio's is not until its caller's leg is.
    await over(sent)
    leg.hang_up()
    await twilio.wait_for(line.over.is_set)
    call = await office.admin.call(ended, "the call is over")
    assert (call["id"], call["disposition"], call["agent"]) == (pop["call_id"], "answered", "agent1")
    rung = {leg["agent"]: leg["end_reason"] for leg in call["legs"]}
    assert (rung["agent1"], rung["agent2"]) == ("completed", "answered_elsewhere")
    tickets: list[Body] = (await office.admin.get("/tickets"))["items"]
    assert [(ticket["kind"], ticket["id"]) for ticket in tickets] == [("complaint", pop["ticket_id"])]
    assert len(office["agent1"].offers()) == 1
    await twilio.quiet()

    async def once() -> bool:
        return len(office["agent1"].told("call.ended")) == 1

    await soon(once, "the end is told")
    assert len(await office.admin.calls()) == 1


@newest
async def test_who_waits_in_vain_goes_on_in_the_flow(
    office: Office, stage: Stage, asterisk: Asterisk, twilio_account: FakeTwilio
) -> None:
    twilio = twilio_account
    await office.admin.ask("PUT", "/settings/twilio_voice", {"longest_wait_seconds": 5}, status=200)
    stage.phone("agent1", "never")
    line, leg = await to_asterisk(twilio, asterisk, "12")
    del leg.headers["X-Hotline-Call"]  # as while the records are away: joined by the name of the call at Twilio
    sent = send_on(stage, leg)
    await over(sent)
    leg.hang_up()
    await twilio.wait_for(lambda: line.doing == "record")
    line.hang_up()
    call = await office.admin.call(ended, "the call is over")
    assert call["disposition"] in ("no_answer", "voicemail")
    assert len(await office.admin.calls()) == 1
    assert len((await office.admin.get("/tickets"))["items"]) == 1
