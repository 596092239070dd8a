"""Twilio's callers by the webhooks themselves, signed: from the first ring to the queue, the message, the end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from hotline.crm.company import TwilioIvr
from hotline.crm.queries.ivr.prompts import PromptRecordingView
from hotline.crm.viewer import SYSTEM
from hotline.ivr.effects import Prompt
from hotline.workflows.company import company
from hotline.workflows.house import House
from hotline.workflows.ivr.prompts import book, speak
from tests.conftest import prompts_folder
from tests.fakes.twilio import NUMBER, FakeTwilio, TwilioDoor
from tests.integration.test_twilio_recordings import wav
from tests.twiml import said, verbs
from tests.unit.ivr.material import flows
from tests.waiting import until

CALLER = "+4930123456"


@pytest.fixture
def here(house: House, twilio: FakeTwilio) -> House:
    house.settings = house.settings.model_copy(
        update={"twilio_sip_url": "sip:queue@pbx.example.com", "prompts_dir": prompts_folder()}
    )
    return house


async def test_from_the_first_ring_to_the_queue_and_the_end(
    here: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    twilio.twice()  # every webhook comes twice
    line = twilio.call(CALLER, NUMBER)
    line.press("1")
    line.speak("I have a complaint")
    await twilio.wait_for(lambda: line.doing == "dial")
    row = await here.db.fetchrow("SELECT ivr, pbx, ticket_id FROM call")
    assert row is not None
    assert (row["pbx"], row["ivr"]["kind"], row["ivr"]["path"]) == ("twilio", "complaint", ["language:1", "menu:2"])
    assert row["ticket_id"] is not None
    line.hang_up()
    await asyncio.wait_for(line.over.wait(), 60)
    await until(lambda: _over(here))
    assert await here.db.fetchval("SELECT count(*) FROM call") == 1


async def _over(house: House) -> bool:
    return bool(await house.db.fetchval("SELECT count(*) FROM ivr_session WHERE state = 'over'"))


async def test_the_fallback_address_goes_on_where_the_call_stands(
    here: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    params = {"CallSid": "CA" + "5" * 32, "From": CALLER, "To": NUMBER, "CallStatus": "ringing", "ErrorCode": "11200"}
    first = await (await twilio_door.post("/voice/fallback", params)).text()
    gather = verbs(first)[0]
    assert gather.name == "Gather"
    step = gather["action"].partition("/voice/resume")[2]
    menu = await (await twilio_door.post(f"/voice/resume{step}", {**params, "Digits": "1"})).text()
    again = await (await twilio_door.post("/voice/fallback", params)).text()
    assert verbs(again)[0]["action"] == verbs(menu)[0]["action"]
    assert said(again) == said(menu)


@pytest.mark.parametrize("mode", ["recorded", "all", "none"])
async def test_prompts_are_those_that_the_pbx_gets(
    mode: str, here: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    prompts = book(here)
    digest = "0123456789abcdef0123456789abcdef"
    draft = prompts.store.draft()
    for path in draft.values():
        path.write_bytes(wav(1))
    prompts.store.keep(digest, draft)
    prompts.recorded["main.choose_language", "en"] = PromptRecordingView(
        "main.choose_language", "en", digest, 1.0, None, datetime(2026, 1, 1, tzinfo=UTC)
    )
    await company.put(here, SYSTEM, TwilioIvr.model_validate({"prompts": mode}))
    if mode == "all":
        welcome = flows("main").flows["main"].file.prompts["choose_language"]
        await speak(here, [Prompt("main.choose_language", welcome, "zh")], patience=60)  # made in time on any machine
    params = {"CallSid": "CA" + "6" * 32, "From": CALLER, "To": NUMBER, "CallStatus": "ringing"}
    english, chinese = verbs(await (await twilio_door.post("/voice", params)).text())[0].inside
    if mode == "none":
        assert (english.name, english.text) == ("Say", "Welcome. For English, press 1.")
    else:
        assert (english.name, english.text) == ("Play", f"https://hotline.example.com/prompts/{digest}.wav")
        async with twilio_door.session.get(f"{twilio_door.address}/prompts/{digest}.wav") as response:
            assert (response.status, response.content_type) == (200, "audio/wav")
            assert await response.read() == wav(1)
    assert chinese.name == ("Play" if mode == "all" else "Say")


async def test_a_stranger_hears_nothing(here: House, twilio: FakeTwilio, twilio_door: TwilioDoor) -> None:
    params = {"CallSid": "CA" + "7" * 32, "From": CALLER, "To": NUMBER, "CallStatus": "ringing"}
    for path in ("/voice", "/voice/resume?n=0", "/voice/fallback", "/recordings", "/transcripts"):
        assert (await twilio_door.post(path, params, token="another token")).status == 403
    assert await here.db.fetchval("SELECT count(*) FROM call") == 0


@pytest.mark.parametrize("sid", ["", "CA", "nonsense", "CA" + "x" * 32, "RE" + "1" * 32])
async def test_a_call_without_a_name_is_kept_on_the_line(
    sid: str, here: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    answered = await twilio_door.post("/voice", {"CallSid": sid, "From": CALLER, "To": NUMBER, "CallStatus": "ringing"})
    assert answered.status == 200
    assert verbs(await answered.text())
    assert await here.db.fetchval("SELECT count(*) FROM ivr_session") == 0
