"""Our client against the simulated Twilio: what it asks, what it makes of answers and of bad days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hotline.channels.errors import (
    AddressRefused,
    MediaRefused,
    OptedOut,
    PermanentlyRefused,
    SenderPaused,
    TemporarilyRefused,
    Unknown,
)
from hotline.channels.twilio.client import TwilioClient
from hotline.settings import AccountToken
from hotline.simulator.twilio import Fate, Fault
from hotline.simulator.twilio.records import new_sid
from hotline.workflows.house import House
from tests.fakes.twilio import NUMBER, PUBLIC, FakeTwilio

CUSTOMER = "+14155550123"


@pytest.fixture
def client(house: House, twilio: FakeTwilio) -> TwilioClient:
    found = house.twilio
    assert found is not None
    return found


async def test_a_message_is_sent_once_and_told(client: TwilioClient, twilio: FakeTwilio) -> None:
    callback = f"{PUBLIC}/webhooks/twilio/messages/status?delivery=1"
    sent = await client.create_message(
        to=CUSTOMER,
        from_=NUMBER,
        body="Your parcel is here: 50 € & more",
        status_callback=callback,
        validity_seconds=60,
    )
    assert (sent.status, sent.direction, sent.to, sent.from_) == ("queued", "outbound-api", CUSTOMER, NUMBER)
    await twilio.quiet()
    assert [each.params["MessageStatus"] for each in twilio.hooks.sent] == ["sent", "delivered"]
    assert {each.url for each in twilio.hooks.sent} == {callback}
    assert [message.body for message in twilio.messages.received] == ["Your parcel is here: 50 € & more"]


async def test_lists_are_read_page_by_page_since_a_moment(
    client: TwilioClient, twilio: FakeTwilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    for number in range(120):
        await twilio.messages.write(CUSTOMER, NUMBER, f"message {number}", tell=False)
    for message in list(twilio.messages.all.values())[:20]:
        message.at = now - timedelta(hours=2)
    found = await client.list_messages(now - timedelta(hours=1), to=NUMBER)
    assert len(found) == 100
    assert found[0].body == "message 119"
    assert {each.direction for each in found} == {"inbound"}
    assert len(await client.list_messages(now - timedelta(hours=1), limit=10)) == 10
    monkeypatch.setattr("hotline.channels.twilio.client.MOST", 50)
    pages = [page async for page in client.message_pages(now - timedelta(hours=1))]
    assert [len(page) for page in pages] == [50, 50, 0]
    assert [each.body for page in pages for each in page] == [each.body for each in found]
    for message in list(twilio.messages.all.values())[:70]:
        message.at = now - timedelta(hours=2)
    asked = len(twilio.requests)
    assert [len(page) async for page in client.message_pages(now - timedelta(minutes=1))] == [50, 0]
    assert len(twilio.requests) - asked == 2, "what is older is not asked for, though it is of the same day"


def test_files_are_fetched_as_an_account_that_has_a_token(client: TwilioClient, twilio: FakeTwilio) -> None:
    main = twilio.account_sid, twilio.token
    assert client.credentials(None) == main
    assert client.credentials(twilio.account_sid) == main
    assert client.credentials(new_sid("AC")) == main  # a sub-account without one: the main account may see it


async def test_one_call_is_asked_about(client: TwilioClient, twilio: FakeTwilio) -> None:
    placed = await client.create_call(to=CUSTOMER, from_=NUMBER, twiml="<Response><Hangup/></Response>")
    (await twilio.ringing(CUSTOMER)).decline("busy")
    await twilio.quiet()
    found = await client.fetch_call(placed.sid)
    assert found is not None
    assert (found.sid, found.status) == (placed.sid, "busy")
    assert await client.fetch_call(new_sid("CA")) is None
    twilio.fails(Fault(503))
    with pytest.raises(TemporarilyRefused):
        await client.fetch_call(placed.sid)


async def test_a_call_is_placed_changed_and_listed(client: TwilioClient, twilio: FakeTwilio) -> None:
    placed = await client.create_call(
        to=CUSTOMER,
        from_=NUMBER,
        twiml="<Response><Say>One moment.</Say><Gather><Say>Press a key.</Say></Gather></Response>",
        status_callback=f"{PUBLIC}/webhooks/twilio/voice/status",
        status_events=("initiated", "ringing", "answered", "completed"),
        ring_seconds=20,
        machine_detection="Enable",
    )
    phone = await twilio.ringing(CUSTOMER)
    phone.answer()
    await twilio.wait_for(lambda: phone.doing == "gather")
    assert phone.words == "One moment. Press a key."
    assert (await client.update_call(placed.sid, twiml="<Response><Say>Bye.</Say></Response>")).sid == placed.sid
    await twilio.wait_for(phone.over.is_set)
    await twilio.quiet()
    assert phone.words.endswith("Bye.")
    told = [each.params["CallStatus"] for each in twilio.hooks.sent]
    assert told == ["initiated", "ringing", "in-progress", "completed"]
    pages = client.call_pages(datetime.now(UTC) - timedelta(hours=1))
    listed = [each async for page in pages for each in page]
    assert [(each.sid, each.status) for each in listed] == [(placed.sid, "completed")]
    with pytest.raises(PermanentlyRefused):
        await client.update_call(placed.sid, status="completed")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (21610, OptedOut),
        (21614, AddressRefused),
        (20429, TemporarilyRefused),
        (21408, SenderPaused),
        (21999, PermanentlyRefused),
    ],
)
async def test_refusals_have_a_class_each(
    client: TwilioClient, twilio: FakeTwilio, code: int, kind: type[Exception]
) -> None:
    twilio.messages.fates[CUSTOMER] = Fate(refused=code)
    with pytest.raises(kind) as refused:
        await client.create_message(to=CUSTOMER, from_=NUMBER, body="x")
    assert type(refused.value) is kind
    assert CUSTOMER not in str(refused.value)
    assert twilio.messages.all == {}


async def test_busy_is_no_loss_and_says_when(client: TwilioClient, twilio: FakeTwilio) -> None:
    twilio.fails(Fault(429, 20429, retry_after=7))
    with pytest.raises(TemporarilyRefused) as refused:
        await client.create_message(to=CUSTOMER, from_=NUMBER, body="x")
    assert refused.value.retry_after == 7
    assert (await client.create_message(to=CUSTOMER, from_=NUMBER, body="x")).status == "queued"


@pytest.mark.parametrize("fault", [Fault(500, done=True), Fault(503, 20503), Fault(drops=True, done=True)])
async def test_what_nobody_knows_is_unknown_and_asked_once(
    client: TwilioClient, twilio: FakeTwilio, fault: Fault
) -> None:
    twilio.fails(fault)
    with pytest.raises(Unknown):
        await client.create_message(to=CUSTOMER, from_=NUMBER, body="x")
    posts = [request for request in twilio.requests if request[0] == "POST"]
    assert len(posts) == 1
    assert len(twilio.messages.all) == int(fault.done)


async def test_silence_ends_and_is_unknown(house: House, twilio: FakeTwilio) -> None:
    house.settings = house.settings.model_copy(update={"twilio_timeout": 0.2})
    client = house.twilio
    assert client is not None
    twilio.fails(Fault(seconds=5, done=True), Fault(seconds=5))
    with pytest.raises(Unknown):
        await client.create_message(to=CUSTOMER, from_=NUMBER, body="x")
    with pytest.raises(TemporarilyRefused):  # a question changes nothing: it may be asked again
        await client.list_numbers()


async def test_nobody_there_is_no_loss(house: House, twilio: FakeTwilio) -> None:
    house.settings = house.settings.model_copy(update={"twilio_api_url": "http://127.0.0.1:1"})
    client = house.twilio
    assert client is not None
    with pytest.raises(TemporarilyRefused):
        await client.create_message(to=CUSTOMER, from_=NUMBER, body="x")


async def test_the_next_token_is_tried_while_they_are_rotated(house: House, twilio: FakeTwilio) -> None:
    _, current = ("", house.settings.twilio_auth_token[0].token)
    old = AccountToken("", type(current)("a token that is no more"))
    house.settings = house.settings.model_copy(update={"twilio_auth_token": (old, AccountToken("", current))})
    client = house.twilio
    assert client is not None
    for _ in range(2):
        assert (await client.create_message(to=CUSTOMER, from_=NUMBER, body="x")).status == "queued"
    assert len([request for request in twilio.requests if request[0] == "POST"]) == 3


async def test_a_sub_account_has_its_own_numbers(client: TwilioClient, twilio: FakeTwilio) -> None:
    account = twilio.add_account()
    twilio.add_number("+15005550009", account_sid=account)
    assert [each.number for each in await client.list_numbers(account_sid=account)] == ["+15005550009"]
    assert [each.number for each in await client.list_numbers()] == [NUMBER]
    sent = await client.create_message(to=CUSTOMER, from_="+15005550009", body="x", account_sid=account)
    assert sent.account_sid == account


async def test_files_come_with_credentials_and_limits(client: TwilioClient, twilio: FakeTwilio) -> None:
    message = await twilio.messages.write(CUSTOMER, NUMBER, "see", [("image/png", b"\x89PNG" + bytes(100))], tell=False)
    url = f"{twilio.url}{message.path}/Media/{message.media[0].sid}"
    found = await client.fetch_media(url, 1_000)
    assert (found.content_type, len(found.data)) == ("image/png", 104)
    with pytest.raises(MediaRefused):
        await client.fetch_media(url, 100)
    with pytest.raises(MediaRefused):
        await client.fetch_media(url.replace(message.media[0].sid, new_sid("ME")), 1_000)
    for private in ("http://169.254.169.254/file.png", "https://127.0.0.1/x", "https://[::1]/x", "https://10.0.0.1/x",
                    "ftp://api.twilio.com/x", "https://user:secret@api.twilio.com/x"):  # fmt: skip
        with pytest.raises(MediaRefused):
            await client.fetch_media(private, 1_000)
