"""Files of messages: fetched once and only from where they may be, known by their content, sealed, handed out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession

from hotline.clock import utc_now
from hotline.crm import company
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import NotFound
from hotline.simulator.twilio import Fault
from hotline.workflows.company.company import put
from hotline.workflows.conversations.message_files import add_file, fetch_waiting, forget_unsent, open_file
from hotline.workflows.conversations.message_links import file_url
from hotline.workflows.conversations.replies import NewReply, send
from hotline.workflows.customers.customer_files import folder, keep_files
from hotline.workflows.house import House
from tests.fakes.twilio import NUMBER, PUBLIC, FakeTwilio, TwilioDoor
from tests.integration.people import add_user
from tests.integration.twilio.test_messages_in import sms
from tests.integration.twilio.writing import ANNA, conversations, messages, send_all

PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + bytes(600)
HTML = b"<!doctype html><script>alert(1)</script>"


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    yield data


def on_disk(house: House) -> list[Path]:
    return [path for path in folder(house).rglob("*") if path.is_file()] if folder(house).exists() else []


@pytest.fixture
async def agent(house: House) -> Viewer:
    return await add_user(house, "anton")


async def test_pictures_are_fetched_once_and_sealed(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, agent: Viewer
) -> None:
    sent = [("image/png", PNG), ("image/png", HTML), ("application/pdf", b"MZ" + bytes(90))]
    await twilio.messages.write(ANNA, NUMBER, "Look", sent)
    (conversation,) = await conversations(house)
    while await fetch_waiting(house):
        pass
    (message, _) = await messages(house, conversation.id)
    told = [(each.state, each.reason, each.media_type) for each in message.files]
    assert told[0] == ("kept", None, "image/png")
    assert told[1] == ("kept", None, "text/html"), "what it is, not what its sender says"
    assert told[2][:2] == ("refused", "program")
    (kept, page, _) = message.files
    view, reader = await open_file(house, agent, conversation.id, kept.id)
    assert (view.bytes, b"".join(reader.read(0, reader.size))) == (len(PNG), PNG)
    reader.close()
    assert all(PNG[:8] not in path.read_bytes() for path in on_disk(house))
    assert len(on_disk(house)) == 2
    other = await add_user(house, "other")
    await house.db.execute("UPDATE conversation SET assignee_id = $1", agent.user_id)
    with pytest.raises(NotFound):
        await open_file(house, other, conversation.id, page.id)
    # The sweeper of files knows them.
    house.clock = lambda: utc_now() + timedelta(days=9)
    await keep_files(house)
    assert len(on_disk(house)) == 2


async def test_what_is_too_large_private_or_gone_is_told_so(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    await put(house, SYSTEM, company.Messages(largest_mb=1))
    await twilio.messages.write(ANNA, NUMBER, "Large", [("image/png", PNG + bytes(1 << 20))])
    urls = ("http://169.254.169.254/file.png", "file:///etc/passwd", f"{twilio.url}/2010-04-01/gone.png")
    for place, url in enumerate(urls):
        await twilio_door.post(
            "/messages", sms("x", f"SM{place:032}", NumMedia="1", MediaUrl0=url, MediaContentType0="image/png")
        )
    for _ in range(3):
        await fetch_waiting(house)
    (conversation,) = await conversations(house)
    told = [each.reason for message in await messages(house, conversation.id) for each in message.files]
    assert told == ["too_large", "address", "address", "gone"]
    assert on_disk(house) == []


async def test_a_provider_that_is_away_is_asked_again(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    await twilio.messages.write(ANNA, NUMBER, "Look", [("image/png", PNG)])
    twilio.fails(Fault(503))
    assert await fetch_waiting(house) == 1
    assert await fetch_waiting(house) == 0, "not at once"
    house.clock = lambda: utc_now() + timedelta(minutes=5)
    assert await fetch_waiting(house) == 1
    (conversation,) = await conversations(house)
    assert (await messages(house, conversation.id))[0].files[0].state == "kept"


async def test_a_reply_with_a_picture(house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, agent: Viewer) -> None:
    await twilio.messages.write(ANNA, NUMBER, "How does it look?")
    (conversation,) = await conversations(house)
    file = await add_file(house, agent, conversation.id, "../../it.png", len(PNG), pieces(PNG))
    assert (file.name, file.media_type) == ("it.png", "image/png")
    reply = await send(house, agent, conversation.id, NewReply("Like this", files=(file.id,)))
    await send_all(house)
    assert [each.id for each in (await messages(house, conversation.id))[-1].files] == [file.id]
    sent = next(each for each in twilio.messages.all.values() if each.body == "Like this")
    assert sent.direction != "inbound"
    assert await house.db.fetchval("SELECT state FROM message WHERE id = $1", reply.id) != "queued"
    # What Twilio is told, it can fetch for a while; nobody else finds an address.
    address = file_url(house, file.id).replace(PUBLIC, twilio_door.address)
    async with ClientSession() as session:
        async with session.get(address) as got:
            assert (got.status, await got.read()) == (200, PNG)
            assert got.headers["X-Content-Type-Options"] == "nosniff"
            assert "sandbox" in got.headers["Content-Security-Policy"]
        for wrong in (address[:-1] + "x", address.replace(str(file.id), str(reply.id)), address + "é"):
            async with session.get(wrong) as refused:
                assert refused.status == 404
        house.clock = lambda: utc_now() + timedelta(hours=13)
        async with session.get(address) as late:
            assert late.status == 404


async def test_what_was_put_beside_a_reply_and_never_sent_goes(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, agent: Viewer
) -> None:
    await twilio.messages.write(ANNA, NUMBER, "Hello")
    (conversation,) = await conversations(house)
    await add_file(house, agent, conversation.id, "it.png", None, pieces(PNG))
    assert await forget_unsent(house) == 0
    house.clock = lambda: utc_now() + timedelta(days=2)
    assert await forget_unsent(house) == 1
    assert on_disk(house) == []
