"""Callers of a Twilio number in a flow: each webhook a step, whatever comes twice, late or never."""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from hotline.crm.company import Recordings, TwilioIvr
from hotline.crm.viewer import SYSTEM
from hotline.ivr.effects import Left
from hotline.ivr.session import Frame
from hotline.settings import Settings
from hotline.workflows.company import company
from hotline.workflows.customers.customers import create_customer
from hotline.workflows.house import House
from hotline.workflows.twilio import twilio_sessions, twilio_voice
from tests.integration.twilio_caller import TwilioCaller, twilio_house
from tests.twiml import said, verbs


@pytest.fixture
def here(house: House, settings: Settings) -> House:
    return twilio_house(house, settings)


async def call_of(house: House, caller: TwilioCaller) -> dict[str, Any]:
    row = await house.db.fetchrow(
        """SELECT c.id, c.ivr, c.customer_id, c.ticket_id, c.state FROM call c
           JOIN call_alias a ON a.call_id = c.id WHERE a.pbx = 'twilio' AND a.value = $1""",
        caller.sid,
    )
    assert row is not None
    return dict(row)


async def session_of(house: House, caller: TwilioCaller) -> dict[str, Any]:
    row = await house.db.fetchrow("SELECT * FROM ivr_session WHERE pbx = 'twilio' AND uniqueid = $1", caller.sid)
    assert row is not None
    return dict(row)


async def test_a_caller_chooses_by_key_and_waits_for_an_agent(here: House) -> None:
    caller = TwilioCaller(here, ["2", "2"])
    dial = await caller.run()
    assert dial.name == "Dial"
    assert dial.inside[0].text.startswith("sip:queue@pbx.example.com?X-Hotline-Call=")
    call = await call_of(here, caller)
    assert str(call["id"]) in dial.inside[0].text
    assert call["ivr"] == {
        "flow": "main", "version": call["ivr"]["version"], "language": "zh", "kind": "complaint",
        "path": ["language:2", "menu:2"], "queue": "support", "outcome": "queued",
    }  # fmt: skip
    ticket = await here.db.fetchrow("SELECT kind, provisional FROM ticket WHERE id = $1", call["ticket_id"])
    assert ticket is not None
    assert (ticket["kind"], ticket["provisional"]) == ("complaint", True)
    assert (await session_of(here, caller))["state"] == "queued"
    assert caller.heard[-1] == "谢谢，正在为您转接，请稍候。"


async def test_a_caller_says_what_they_want(here: House) -> None:
    caller = TwilioCaller(here, ["say English please", "say I want to make a complaint"])
    assert (await caller.run()).name == "Dial"
    assert (await call_of(here, caller))["ivr"]["path"] == ["language:1", "menu:2"]


async def test_a_company_that_wants_keys_only(here: House) -> None:
    await company.put(here, SYSTEM, TwilioIvr(speech=False, voices={"en": "Polly.Amy-Neural"}))
    document = await TwilioCaller(here).ring()
    gather = verbs(document)[0]
    assert (gather["input"], "hints" in gather.attributes) == ("dtmf", False)
    assert gather.inside[0]["voice"] == "Polly.Amy-Neural"


async def test_a_known_customer_is_greeted_in_their_place(here: House) -> None:
    await create_customer(
        here, SYSTEM,
        {"name": "Anna", "tier": "gold", "contact_points": [{"kind": "phone", "value": "+4930123456"}]},
    )  # fmt: skip
    caller = TwilioCaller(here, ["1", ""])
    dial = await caller.run()
    assert "X-Hotline-Priority=20" in dial.inside[0].text
    assert "Good to hear from you." in " ".join(caller.heard)


async def test_a_withheld_number_gives_its_customer_number(here: House) -> None:
    customer = await create_customer(here, SYSTEM, {"name": "Anna"})
    number = str(customer.number)
    caller = TwilioCaller(here, ["1", f"{number}#", "1"], number="+266696687")
    assert (await caller.run()).name == "Dial"
    call = await call_of(here, caller)
    assert call["customer_id"] == customer.id
    session = await session_of(here, caller)
    assert number not in str(session["session"])
    assert session["sealed"] is not None


async def test_only_the_ending_key_skips_a_question(here: House) -> None:
    caller = TwilioCaller(here, ["1", "#", "1"], number="anonymous")
    assert (await caller.run()).name == "Dial"
    trail = [tuple(each[1:]) for each in (await session_of(here, caller))["session"]["trail"]]
    assert ("ask_number", "skip") in trail


async def test_a_webhook_that_comes_again_gets_the_same_and_changes_nothing(here: House) -> None:
    caller = TwilioCaller(here)
    first = await caller.ring()
    assert await caller.ring() == first
    action = verbs(first)[0]["action"]
    second = await caller.answer(action, Digits="1")
    for digits in ("1", "2", ""):
        assert await caller.answer(action, Digits=digits) == second
    after = await session_of(here, caller)
    assert (after["session"]["waited"], after["session"]["language"]) == (1, "en")
    assert await here.db.fetchval("SELECT count(*) FROM call") == 1


async def test_twenty_at_once_are_one(here: House) -> None:
    caller = TwilioCaller(here)
    rung = await asyncio.gather(*(caller.ring() for _ in range(20)))
    assert len(set(rung)) == 1
    action = verbs(rung[0])[0]["action"]
    chosen = await asyncio.gather(*(caller.answer(action, Digits="1") for _ in range(20)))
    assert len(set(chosen)) == 1
    action = verbs(chosen[0])[0]["action"]
    queued = await asyncio.gather(*(caller.answer(action, Digits="2") for _ in range(20)))
    assert len(set(queued)) == 1
    assert (await session_of(here, caller))["session"]["waited"] == 2
    assert await here.db.fetchval("SELECT count(*) FROM ticket") == 1
    assert await here.db.fetchval("SELECT count(*) FROM twilio_waiting") == 1


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_comes_twice_late_or_in_another_order_changes_nothing(here: House, seed: int) -> None:
    """The same caller with a good line and with a bad one: each webhook comes up to three times, older ones between."""
    rng = random.Random(seed)
    acts: list[str | None] = [rng.choice(["1", "2", "3", "0", "9", "", "#", "say complaint"]) for _ in range(10)]
    good, bad = TwilioCaller(here, list(acts), number="anonymous"), BadLine(here, list(acts), number="anonymous")
    bad.rng = rng
    assert (await good.run()).name == (await bad.run()).name == "Dial"
    (one, other) = [(await session_of(here, caller))["session"] for caller in (good, bad)]
    assert one == other
    assert [said(document) for document in good.documents] == [said(document) for document in bad.documents]
    # A ticket each, or none: who chose nothing gets theirs in the queue.
    assert await here.db.fetchval("SELECT count(*) FROM ticket") in (0, 2)


class BadLine(TwilioCaller):
    """Somebody whose webhooks come twice, late, and in another order."""

    rng: random.Random
    sent: list[tuple[str, dict[str, str], str]]

    async def answer(self, url: str, **more: str) -> str:
        sent = self.__dict__.setdefault("sent", [])
        replies = await asyncio.gather(
            *(self._post(url, more) for _ in range(self.rng.randrange(1, 4))),
            *(self._post(*self.rng.choice(sent)[:2]) for _ in range(self.rng.randrange(3) if sent else 0)),
        )
        document = replies[0]
        for old, form, reply in sent:
            assert await self._post(old, form) == reply
        sent.append((url, more, document))
        return self._got(document)

    async def _post(self, url: str, form: dict[str, str]) -> str:
        step = url.partition("?n=")[2]
        return await twilio_voice.resume(self.house, self.form(**form), step, self.keys())


async def test_an_old_step_that_comes_late_is_answered_as_it_was(here: House) -> None:
    caller = TwilioCaller(here)
    first = await caller.ring()
    second = await caller.answer(verbs(first)[0]["action"], Digits="1")
    queued = await caller.answer(verbs(second)[0]["action"], Digits="1")
    before = await session_of(here, caller)
    assert await caller.answer(verbs(first)[0]["action"], Digits="2") == second
    assert await caller.answer(verbs(second)[0]["action"], Digits="0") == queued
    assert await session_of(here, caller) == before


@pytest.mark.parametrize("step", ["7", "", "x", "-1", "9" * 400])
async def test_a_step_that_nobody_gave_out_asks_once_more(here: House, step: str) -> None:
    caller = TwilioCaller(here)
    first = await caller.ring()
    again = await twilio_voice.resume(here, caller.form(Digits="1"), step, caller.keys())
    assert verbs(again)[0]["action"] == verbs(first)[0]["action"]
    assert said(again) == said(first)
    assert (await session_of(here, caller))["session"]["waited"] == 0


async def test_what_was_kept_before_a_crash_is_handed_over_after_it(
    here: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process died between the session's being kept and its answer: Twilio asks again, and gets it."""
    caller = TwilioCaller(here)
    second = await caller.answer(verbs(await caller.ring())[0]["action"], Digits="1")
    action = verbs(second)[0]["action"]
    with monkeypatch.context() as broken:

        async def crash(*_: object) -> None:
            raise RuntimeError("killed")

        broken.setattr("hotline.workflows.twilio.twilio_agents.hand_over", crash)
        with pytest.raises(RuntimeError):
            await caller.answer(action, Digits="2")
    assert (await session_of(here, caller))["state"] == "queued"
    assert verbs(await caller.answer(action, Digits="2"))[-1].name == "Dial"
    assert (await call_of(here, caller))["ivr"]["path"] == ["language:1", "menu:2"]


async def test_nobody_answers_and_the_caller_leaves_a_message(here: House) -> None:
    caller = TwilioCaller(here, ["1", "1"])
    await caller.run()
    step = (await session_of(here, caller))["session"]["waited"]
    document = await twilio_voice.left(here, caller.form(), Left("timeout"), step)
    assert await twilio_voice.left(here, caller.form(), Left("timeout"), step) == document
    assert "all our agents are still busy" in said(document)[0]
    record = next(verb for verb in verbs(document) if verb.name == "Record")
    assert (record["maxLength"], record["timeout"], record["finishOnKey"]) == ("120", "5", "#")
    assert record["recordingStatusCallback"] == "https://hotline.example.com/webhooks/twilio/recordings"
    caller.acts = ["#"]
    assert (await caller.go_on(document)).name == "Hangup"
    assert "we have your message" in caller.heard[-1]
    assert await caller.end() == "voicemail"


async def test_a_caller_who_hangs_up_after_their_message_has_left_one(here: House) -> None:
    caller = TwilioCaller(here, ["1", "1"])
    await caller.run()
    step = (await session_of(here, caller))["session"]["waited"]
    caller.acts = [None]
    await caller.go_on(await twilio_voice.left(here, caller.form(), Left("empty"), step))
    session = await session_of(here, caller)
    assert (session["state"], session["facts"]["outcome"]) == ("over", "voicemail")


async def test_the_end_of_a_call_waits_for_its_message(here: House) -> None:
    caller = TwilioCaller(here, ["1", "1"])
    await caller.run()
    step = (await session_of(here, caller))["session"]["waited"]
    record = verbs(await twilio_voice.left(here, caller.form(), Left("empty"), step))[-2]
    ended = asyncio.create_task(caller.end())
    await asyncio.sleep(0)
    message = {"CallStatus": "completed", "Digits": "hangup", "RecordingDuration": "4"}
    await caller.answer(record["action"], **message)
    assert await ended == "voicemail"


async def test_after_a_talk_the_flow_is_over(here: House) -> None:
    caller = TwilioCaller(here, ["1", "1"])
    await caller.run()
    step = (await session_of(here, caller))["session"]["waited"]
    document = await twilio_voice.left(here, caller.form(), Left("answered"), step)
    assert [verb.name for verb in verbs(document)] == ["Hangup"]
    assert (await session_of(here, caller))["state"] == "over"


async def test_a_caller_who_hangs_up_in_the_middle_ends_the_session(here: House) -> None:
    caller = TwilioCaller(here, ["1", None])
    await caller.run()
    session = await session_of(here, caller)
    assert (session["state"], session["facts"]["outcome"]) == ("over", "left")
    assert await caller.end() == "left"
    assert (await call_of(here, caller))["ivr"]["outcome"] == "left"
    late = await caller.answer(verbs(caller.documents[-1])[0]["action"], Digits="1")
    assert [verb.name for verb in verbs(late)] == ["Hangup"]


async def test_a_session_that_is_lost_goes_to_the_default_queue(here: House, house: House, settings: Settings) -> None:
    caller = TwilioCaller(here, ["1"])
    first = await caller.ring()
    await here.db.execute("DELETE FROM ivr_session")
    await here.db.execute("DELETE FROM webhook_claim")
    caller.house = twilio_house(house, settings)  # another process, which remembers nothing
    document = await caller.answer(verbs(first)[0]["action"], Digits="1")
    assert verbs(document)[-1].name == "Dial"
    # Whom nobody answered there is not sent there for ever.
    document = await twilio_voice.left(caller.house, caller.form(), Left("timeout"), 0)
    assert [verb.name for verb in verbs(document)] == ["Say", "Hangup"]


async def test_a_caller_of_whom_nobody_told_goes_to_the_default_queue(here: House) -> None:
    """The records were away when they came, and are back at their next step."""
    caller = TwilioCaller(here)
    document = await twilio_voice.resume(here, caller.form(Digits="1"), "1", caller.keys())
    assert verbs(document)[-1].name == "Dial"
    assert await here.db.fetchval("SELECT pbx FROM call") == "twilio"


async def test_two_processes_cannot_take_one_step(here: House, house: House, settings: Settings) -> None:
    """Each remembers the session as it was; what the other did to it meanwhile comes out in time."""
    caller, other = TwilioCaller(here), twilio_house(house, settings)
    menu = await caller.answer(verbs(await caller.ring())[0]["action"], Digits="1")
    action = verbs(menu)[0]["action"]
    caller.house = other
    wrong = await caller.answer(action, Digits="9")  # the menu is asked once more
    caller.house = here
    for digits in ("9", "2"):
        assert await caller.answer(action, Digits=digits) == wrong
    assert (await session_of(here, caller))["session"]["waited"] == 2
    caller.house = other
    assert await caller.end() == "left"
    caller.house = here
    twilio_sessions.remember(here, await _as_it_was(here, caller, 2))
    late = await caller.answer(verbs(wrong)[0]["action"], Digits="9")
    assert [verb.name for verb in verbs(late)] == ["Hangup"]
    twilio_sessions.remember(here, await _as_it_was(here, caller, 2))
    late = await caller.answer(verbs(wrong)[0]["action"], Digits="1")
    assert [verb.name for verb in verbs(late)] == ["Hangup"]
    assert (await session_of(here, caller))["state"] == "over"


async def _as_it_was(house: House, caller: TwilioCaller, waited: int) -> twilio_sessions.Line:
    """The caller's session at the menu, as a process remembers it that did not hear of the end."""
    line = await twilio_sessions.load(house, caller.sid)
    assert line is not None
    session = replace(line.session, over=False, waits="collect", frames=(Frame("main", "menu"),), outcome=None)
    assert session.waited == waited
    return replace(line, session=session)


async def test_a_talk_that_is_recorded_is_announced(here: House) -> None:
    await company.put(here, SYSTEM, Recordings(record_calls=True))
    caller = TwilioCaller(here, ["1", "1"])
    dial = await caller.run()
    assert caller.heard[-1] == "This call may be recorded."
    assert dial["record"] == "record-from-answer-dual"
    assert dial["recordingStatusCallback"] == "https://hotline.example.com/webhooks/twilio/recordings"


async def test_without_the_records_callers_go_to_the_pbx(here: House, settings: Settings, house: House) -> None:
    form = TwilioCaller(here).form()
    dial = verbs(await twilio_voice.fallback(here, form))[0]
    assert (dial.name, dial.inside[0].name) == ("Dial", "Sip")
    headers = parse_qs(urlsplit(dial.inside[0].text.replace("sip:", "sip://")).query)
    assert (headers["X-Hotline-Sid"], headers.get("X-Hotline-Call")) == ([form["CallSid"]], None)
    assert await twilio_voice.fallback(twilio_house(house, settings, twilio_sip_url=""), {}) == ""


async def test_a_step_changes_its_row_in_place(house: House) -> None:
    """What each step changes is in no index: else every index would get a new entry for every key that is pressed."""
    indexed = await house.db.fetchval(
        "SELECT string_agg(indexdef, '; ') FROM pg_indexes WHERE tablename = 'ivr_session'"
    )
    for column in ("state", "session", "facts", "steps", "version", "updated_at"):
        assert not re.search(rf"\b{column}\b", indexed), indexed
