"""``hotline twilio setup`` and what ``hotline doctor`` says of Twilio."""

from __future__ import annotations

import pytest

from hotline.channels.errors import NotConfigured
from hotline.channels.twilio.signature import RETRIES
from hotline.crm.queries.conversations.senders import list_senders
from hotline.crm.viewer import SYSTEM
from hotline.errors import Invalid, SettingError
from hotline.settings import AccountToken
from hotline.simulator.twilio import Fault
from hotline.workflows.house import House
from hotline.workflows.twilio.twilio_check import Check, check_address, check_twilio
from hotline.workflows.twilio.twilio_setup import carry_out, plan
from tests.conftest import SECRET
from tests.fakes.twilio import NUMBER, PUBLIC, FakeTwilio, TwilioDoor
from tests.integration.served import run_hotline

OTHER = "+442071838750"


async def checks(house: House) -> dict[str, Check]:
    return {check.name: check async for check in check_twilio(house)}


async def test_everything_is_pointed_here_once(house: House, twilio: FakeTwilio) -> None:
    other = twilio.add_number(OTHER, voice_url="https://old.example/voice")
    service = twilio.add_service("Service", OTHER)
    sender = twilio.add_sender(OTHER)
    found = await plan(house)
    assert [(step.subject, step.address, step.is_done) for step in found.steps] == [
        ("number", NUMBER, True),
        ("number", OTHER, False),
        ("service", "", False),
        ("whatsapp", NUMBER, True),
        ("whatsapp", OTHER, False),
    ]
    changes = {each.setting: (each.is_now, each.shall_be) for each in found.steps[1].differences}
    assert changes["voice_url"] == ("https://old.example/voice", f"{PUBLIC}/webhooks/twilio/voice{RETRIES}")
    assert "sms_url" not in changes  # its messaging service decides
    assert [request for request in twilio.requests if request[0] != "GET"] == []
    assert await list_senders(house.db, SYSTEM) == []
    assert await carry_out(house, found) == 3
    assert other.webhooks["voice_url"] == f"{PUBLIC}/webhooks/twilio/voice{RETRIES}"
    assert other.webhooks["voice_fallback_url"] == f"{PUBLIC}/webhooks/twilio/voice/fallback{RETRIES}"
    assert service.webhooks["inbound_request_url"] == f"{PUBLIC}/webhooks/twilio/messages{RETRIES}"
    assert sender.webhooks["status_callback_url"] == f"{PUBLIC}/webhooks/twilio/messages/status"
    again = await plan(house)
    assert all(step.is_done for step in again.steps)
    assert await carry_out(house, again) == 0
    senders = {(each.channel, each.address): each for each in await list_senders(house.db, SYSTEM)}
    assert set(senders) == {(channel, number) for channel in ("voice", "sms", "whatsapp") for number in (NUMBER, OTHER)}
    assert senders["sms", OTHER].service_sid == service.sid
    assert senders["voice", OTHER].country == "GB"
    assert senders["voice", NUMBER].service_sid is None


async def test_how_it_is_asked_counts_too_and_how_often_is_the_administrators(house: House, twilio: FakeTwilio) -> None:
    (number,) = twilio.numbers.values()
    number.webhooks["voice_url"] += "#rc=5"
    number.webhooks["status_callback_method"] = "GET"
    step = (await plan(house)).steps[0]
    assert [each.setting for each in step.differences] == ["status_callback"]
    await carry_out(house, await plan(house))
    assert number.webhooks["status_callback_method"] == "POST"
    assert number.webhooks["voice_url"].endswith("/voice#rc=5")
    assert all(step.is_done for step in (await plan(house)).steps)


async def test_one_number_alone_and_sub_accounts(house: House, twilio: FakeTwilio) -> None:
    account = twilio.add_account()
    twilio.add_number(OTHER, account_sid=account)
    main = house.settings.twilio_auth_token[0]
    own = AccountToken(account, type(main.token)(twilio.tokens[account]))
    house.settings = house.settings.model_copy(update={"twilio_auth_token": (main, own)})
    found = await plan(house, ["+44 20 7183 8750"])
    assert [(step.address, step.account_sid) for step in found.steps] == [(OTHER, account)]
    assert await carry_out(house, found) == 1
    assert {each.address for each in await list_senders(house.db, SYSTEM)} == {OTHER}
    with pytest.raises(Invalid, match="no number"):
        await plan(house, ["+14155550100"])


async def test_what_goes_elsewhere_on_purpose_is_left_and_told(house: House, twilio: FakeTwilio) -> None:
    number = twilio.add_number(OTHER, trunk_sid="TK" + "0" * 32)
    step = next(step for step in (await plan(house)).steps if step.address == OTHER)
    assert {each.setting for each in step.differences} == {"sms_url", "sms_fallback_url"}
    assert "SIP trunk TK" in step.left_alone
    number.webhooks = {"voice_application_sid": "AP" + "0" * 32, "sms_application_sid": "AP" + "1" * 32}
    step = next(step for step in (await plan(house)).steps if step.address == OTHER)
    assert step.is_done
    assert step.left_alone == f"calls go to application AP{'0' * 32}, messages go to application AP{'1' * 32}"
    assert (await checks(house))[f"twilio {OTHER}"].verdict == "warning"


async def test_without_settings_it_says_which(house: House, twilio: FakeTwilio) -> None:
    house.settings = house.settings.model_copy(update={"public_url": ""})
    with pytest.raises(SettingError, match="HOTLINE_PUBLIC_URL"):
        await plan(house)
    house.settings = house.settings.model_copy(update={"twilio_auth_token": ()})
    house.__dict__.pop("twilio", None)
    with pytest.raises(NotConfigured, match="HOTLINE_TWILIO_AUTH_TOKEN"):
        await plan(house)
    assert (await checks(house))["twilio"].verdict == "wrong"
    house.settings = house.settings.model_copy(update={"twilio_account_sid": ""})
    assert (await checks(house))["twilio"].found.startswith("off")


async def test_the_doctor_is_content_with_what_is_well(house: House, twilio_door: TwilioDoor) -> None:
    await carry_out(house, await plan(house))
    # The public address of tests leads nowhere: here it is where the door listens.
    reached = house.settings.model_copy(update={"public_url": twilio_door.address})
    house.settings, usual = reached, house.settings
    assert (await checks(house))["twilio reaches us"].verdict == "ok"
    house.settings = usual
    found = await checks(house)
    assert {name for name, check in found.items() if check.verdict == "wrong"} == set()
    assert found["twilio webhooks"].found == "2 point here"
    assert found["twilio senders"].verdict == "ok"


async def test_the_doctor_says_what_to_change(house: House, twilio: FakeTwilio) -> None:
    await carry_out(house, await plan(house))
    for number in list(twilio.numbers.values()):
        number.webhooks["sms_url"] = "https://old.example/sms"
    found = await checks(house)
    assert found["twilio webhooks"].verdict == "wrong"
    assert NUMBER in found["twilio webhooks"].found
    twilio.numbers.clear()
    found = await checks(house)
    assert "no longer in the account" in found["twilio senders"].found
    twilio.fails(Fault(401, 20003))
    found = await checks(house)
    assert (found["twilio account"].verdict, "20003" in found["twilio account"].found) == ("wrong", True)
    assert "HOTLINE_TWILIO_AUTH_TOKEN" in found["twilio account"].advice[0]


async def test_the_doctor_counts_recordings_that_were_given_up(house: House, twilio: FakeTwilio) -> None:
    assert (await checks(house))["twilio recordings"].verdict == "ok"
    await house.db.execute(
        """INSERT INTO twilio_fetch (id, what, sid, recording_sid, account_sid, call_sid, kind, state, due_at, error,
                                     done_at)
           SELECT gen_random_uuid(), what, 'RE' || row_number() OVER (), '', '', '', 'voicemail', state, now(), error,
                  now() - age
           FROM (VALUES ('recording', 'failed', 'gone', interval '1 day'), ('transcript', 'failed', 'gone', '1 day'),
                        ('recording', 'failed', 'not_sound', '2 days'), ('recording', 'failed', 'erased', '1 day'),
                        ('recording', 'failed', 'gone', '1 year'), ('delete_recording', 'failed', 'gone', '1 day'),
                        ('recording', 'done', NULL, '1 day')) AS lost (what, state, error, age)"""
    )
    check = (await checks(house))["twilio recordings"]
    assert (check.verdict, check.found) == ("warning", "3 of the last 7 days were given up: gone 2, not_sound 1")


def test_addresses_that_the_internet_does_not_reach(house: House) -> None:
    for url, verdict in (
        ("https://hotline.example.com", "ok"),
        ("https://hotline.example.com/desk", "ok"),
        ("http://hotline.example.com", "wrong"),
        ("https://localhost:8443", "wrong"),
        ("https://10.1.2.3", "wrong"),
        ("https://pbx", "wrong"),
        ("", "wrong"),
    ):
        settings = house.settings.model_copy(update={"public_url": url})
        assert check_address(settings).verdict == verdict, url


async def test_the_command_prints_and_changes(twilio: FakeTwilio, db_url: str, house: House) -> None:
    settings = {
        "HOTLINE_DATABASE_URL": db_url,
        "HOTLINE_DATA_DIR": str(house.settings.data_dir),
        "HOTLINE_SECRET_KEY": SECRET,
        **twilio.environment(),
    }
    number = twilio.add_number(OTHER, sms_url="https://old.example/sms")
    code, out, errors = await run_hotline("twilio", "setup", "--dry-run", settings=settings)
    assert (code, errors) == (0, "")
    assert f"sms_url: https://old.example/sms → {PUBLIC}/webhooks/twilio/messages" in out
    assert "1 of 3 would change" in out
    assert number.webhooks == {"sms_url": "https://old.example/sms"}
    code, out, errors = await run_hotline("twilio", "setup", settings=settings)
    assert (code, "1 of 3 changed" in out, errors) == (0, True, "")
    assert number.webhooks["voice_url"] == f"{PUBLIC}/webhooks/twilio/voice{RETRIES}"
