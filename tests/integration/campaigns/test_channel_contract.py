"""What every channel of campaigns promises (docs/adding-a-channel.md): a new one gets a line in ``CASES``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from uuid import UUID

import pytest
from pydantic import SecretStr

from bench import blast
from hotline.campaigns.consent import CHANNELS
from hotline.campaigns.render import Rendered
from hotline.channels.errors import ChannelError, NotConfigured, PermanentlyRefused, TemporarilyRefused, Unknown
from hotline.simulator.twilio import Fault
from hotline.workflows.house import House
from hotline.workflows.pushes import push_voice
from hotline.workflows.pushes.deliveries import Accepted
from hotline.workflows.pushes.push_channels import Push, channels
from tests.fakes.mail import mail_sink
from tests.fakes.twilio import FakeTwilio, served

TEXT = "Our shop in Green Street opens on Monday."


@dataclass
class Provider:
    """A channel's other side. ``refuses_now`` and the others say what it does with the next message; None: it has
    nothing that could go wrong so. ``got`` counts what it was given."""

    got: Callable[[], Awaitable[int]]
    refuses_now: Callable[[], None] | None = None
    refuses_ever: Callable[[], None] | None = None
    loses_the_answer: Callable[[], None] | None = None
    #: Whether the channel has settings that may be empty.
    settings: bool = True
    #: What the person at the other end does meanwhile.
    person: Callable[[], Coroutine[None, None, None]] | None = None


@asynccontextmanager
async def texts(house: House, channel: str) -> AsyncIterator[Provider]:
    """Twilio with SMS, WhatsApp and calls."""
    fake = FakeTwilio()
    await fake.start()
    house.settings = fake.settings(house.settings)
    fake.add_number(blast.NUMBER)
    fake.add_sender(blast.NUMBER)
    path = "/Calls" if channel == "voice" else "/Messages"

    async def got() -> int:
        if channel == "voice":
            return len(fake.lines)
        await fake.quiet()
        return len(fake.messages.received)

    async def answer() -> None:
        line = await fake.ringing(blast.phone_of(0))
        line.answer()
        await fake.wait_for(lambda: line.doing == "gather" and TEXT in line.words)
        line.hang_up()

    async with served(house, fake):
        yield Provider(
            got,
            refuses_now=lambda: fake.fails(Fault(status=429, code=20429, path=path)),
            refuses_ever=lambda: fake.fails(Fault(status=400, code=21211, path=path)),
            loses_the_answer=lambda: fake.fails(Fault(drops=True, done=True, path=path)),
            person=answer if channel == "voice" else None,
        )
        for line in list(fake.lines.values()):
            line.hang_up()
        await fake.quiet()
        await fake.close()
        if (client := house.__dict__.pop("twilio", None)) is not None:
            await client.close()
    assert not fake.complaints, fake.complaints


@asynccontextmanager
async def relay(house: House, _: str) -> AsyncIterator[Provider]:
    """A mail relay."""
    async with mail_sink() as sink:
        url = SecretStr(f"smtp://127.0.0.1:{sink.port}?starttls=no")
        house.settings = house.settings.model_copy(update={"smtp_url": url})

        async def got() -> int:
            return len(sink.mails)

        yield Provider(
            got,
            refuses_now=lambda: sink.refuse.update({blast.email_of(0): "450 4.2.0 later"}),
            refuses_ever=lambda: sink.refuse.update({blast.email_of(0): "550 5.1.1 no such user"}),
            loses_the_answer=lambda: setattr(sink, "hang_up", "data"),
        )
        for channel in channels().values():
            if channel.tidy is not None:
                await channel.tidy(house, True)


@asynccontextmanager
async def app(house: House, _: str) -> AsyncIterator[Provider]:
    """The list in the company's app."""

    async def got() -> int:
        return int(await house.db.fetchval("SELECT count(*) FROM inapp_message"))

    yield Provider(got, settings=False)


@asynccontextmanager
async def terminal(_: House, __: str) -> AsyncIterator[Provider]:
    """The terminal of who tries things out: pytest has it."""

    async def got() -> int:
        return 1

    yield Provider(got, settings=False)


CASES = {"sms": texts, "whatsapp": texts, "voice": texts, "email": relay, "inapp": app, "console": terminal}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that are over are noticed at once."""
    monkeypatch.setattr(push_voice, "LOOK_SECONDS", 0.02)


async def prepared(house: House, channel: str) -> Push:
    """A message whose try has begun."""
    await blast.people(house, 1)
    campaign_id = await blast.campaign(house, channel, blast.text_content())
    row = await house.db.fetchrow(
        "UPDATE delivery SET state = 'sending', attempts = 1 WHERE campaign_id = $1 RETURNING id, customer_id",
        campaign_id,
    )
    assert row is not None
    customer_id: UUID = row["customer_id"]
    rendered = Rendered(body=TEXT, subject="News", title="News", opt_out="Press 9 to stop.", opt_out_key="9")
    if channel == "whatsapp":  # out of the blue it takes approved templates alone
        rendered = Rendered(content_sid="HX" + "0" * 32, variables={"1": TEXT})
    to = {"email": blast.email_of(0), "inapp": str(customer_id), "console": str(customer_id)}
    return Push(
        delivery_id=row["id"], campaign_id=campaign_id, customer_id=customer_id, channel=channel, purpose="marketing",
        attempt=1, at=house.clock(), to=to.get(channel, blast.phone_of(0)), sender_id=None,
        sender=blast.SENDER if channel == "email" else blast.NUMBER, sender_name="Company", account_sid=None,
        service_sid=None, locale="en",
        rendered=rendered,
        unsubscribe_url="https://example.com/u/x", expires_at=None,
    )  # fmt: skip


async def handed_over(house: House, provider: Provider, push: Push) -> Accepted | ChannelError:
    """What came of handing a message over."""

    async def hand_over() -> Accepted | ChannelError:
        try:
            return await channels()[push.channel].send(house, push)
        except ChannelError as error:
            return error

    async with asyncio.timeout(60):
        sending = asyncio.create_task(hand_over())
        if provider.person is not None:
            waiting = asyncio.create_task(provider.person())
            await asyncio.wait((sending, waiting), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        return await sending


def test_every_channel_is_held_to_it() -> None:
    assert set(CASES) == set(channels()) == set(CHANNELS)


@pytest.mark.parametrize("channel", CASES)
async def test_a_channel_keeps_its_promises(house: House, channel: str) -> None:
    push = await prepared(house, channel)
    assert push.to not in repr(push) or push.to == str(push.customer_id)
    assert TEXT not in repr(push)
    async with AsyncExitStack() as open_:
        unset = house.settings
        provider = await open_.enter_async_context(CASES[channel](house, channel))
        if provider.refuses_now is not None:
            provider.refuses_now()
            refused = await handed_over(house, replace(provider, person=None), push)
            assert isinstance(refused, TemporarilyRefused), repr(refused)
            assert await provider.got() == 0
        if provider.refuses_ever is not None:
            provider.refuses_ever()
            refused = await handed_over(house, replace(provider, person=None), push)
            assert isinstance(refused, PermanentlyRefused), repr(refused)
            assert await provider.got() == 0
        if provider.settings:
            house.settings, settings = unset, house.settings
            kept, house.kept = house.kept, {}
            twilio = house.__dict__.pop("twilio", None)
            assert isinstance(await handed_over(house, replace(provider, person=None), push), NotConfigured)
            house.settings, house.kept = settings, kept
            if twilio is not None:
                house.__dict__["twilio"] = twilio
    async with CASES[channel](house, channel) as provider:
        house.kept.clear()
        accepted = await handed_over(house, provider, push)
        assert isinstance(accepted, Accepted), repr(accepted)
        assert accepted.provider_id
        assert await provider.got() == 1


@pytest.mark.parametrize("channel", [name for name, case in CASES.items() if case in (texts, relay)])
async def test_an_answer_that_was_lost_is_unknown_and_nothing_is_tried_again(house: House, channel: str) -> None:
    push = await prepared(house, channel)
    async with CASES[channel](house, channel) as provider:
        assert provider.loses_the_answer is not None
        provider.loses_the_answer()
        lost = await handed_over(house, replace(provider, person=None), push)
        assert isinstance(lost, Unknown), repr(lost)
        assert await provider.got() == 1
