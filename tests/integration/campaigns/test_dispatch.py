"""Dispatching campaigns: what leaves, what does not, and that each leaves once."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from bench import blast
from hotline.channels.errors import SenderPaused
from hotline.channels.mail.bounces import Recipient, Report
from hotline.crm.commands.consent.opt_outs import opt_out
from hotline.crm.commands.pushes import push_claims
from hotline.crm.embedded import EmbeddedPostgres
from hotline.crm.queries.pushes.push_campaigns import running_campaigns
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Conflict, Unavailable
from hotline.jobs import dispatch as jobs_dispatch
from hotline.jobs import dispatch_lane
from hotline.jobs.dispatch import Dispatcher
from hotline.workflows.house import House
from hotline.workflows.pushes import dispatch, push_mail, push_receipts, push_unknown
from hotline.workflows.pushes.deliveries import Accepted
from hotline.workflows.pushes.dispatch_gate import GATE_SECONDS, MARGIN_SECONDS
from hotline.workflows.pushes.outbound import resume_outbound, stop_outbound
from hotline.workflows.pushes.push_channels import MOST_BEGUN, Push, PushChannel
from tests.fakes.mail import Sink, mail_sink
from tests.waiting import until


@pytest.fixture
async def sink(house: House) -> AsyncIterator[Sink]:
    """A relay, which the house uses."""
    async with mail_sink() as found:
        url = SecretStr(f"smtp://127.0.0.1:{found.port}?starttls=no")
        house.settings = house.settings.model_copy(update={"smtp_url": url, "push_connections": 4})
        yield found


@asynccontextmanager
async def dispatching(house: House, **served: PushChannel) -> AsyncIterator[Dispatcher]:
    """A process that dispatches, while the context is open; not it alone does the work of this process."""
    dispatcher = Dispatcher(house, served, here=True) if served else Dispatcher(house, here=True)
    task = house.spawn(dispatcher.run(), "dispatch")
    try:
        yield dispatcher
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def states_are(house: House, campaign_id: UUID, **wanted: int) -> None:
    """Wait until so many deliveries are in these states, and none in others."""

    async def so() -> bool:
        return await blast.states(house, campaign_id) == wanted

    try:
        async with asyncio.timeout(60):
            await until(so)
    except TimeoutError:
        raise AssertionError(f"{await blast.states(house, campaign_id)} is not {wanted}") from None


def got(sink: Sink) -> Counter[str]:
    """How many mails each address got."""
    return Counter(each.recipients[0] for each in sink.mails)


async def add_index(house: House, number: int) -> bytes:
    """The keyed index of the n-th person's email."""
    return house.keyring.contact_index("email", blast.email_of(number))


class Slow:
    """A channel that hands over when it is told to."""

    def __init__(self, at_once: int = 1) -> None:
        self.begun: list[UUID] = []
        self.go = asyncio.Semaphore(0)
        self.channel = PushChannel(send=self._send, at_once=lambda _house: at_once, addressless=True)

    async def _send(self, house: House, push: Push) -> Any:
        self.begun.append(push.delivery_id)
        await self.go.acquire()
        return dispatch_accepted(push)


def dispatch_accepted(push: Push) -> Accepted:
    """What a provider answers."""
    return Accepted(str(push.delivery_id), None, "sent")


async def test_rule_01_every_mail_says_how_to_end_it_and_leaves_once(house: House, sink: Sink, tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    (tmp_path / "dkim.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    house.settings = house.settings.model_copy(update={"dkim_key_file": tmp_path / "dkim.pem"})
    await blast.people(house, 40)
    campaign_id = await blast.campaign(house, "email", blast.mail_content(600))
    async with dispatching(house):
        await states_are(house, campaign_id, sent=40)
    assert got(sink) == {blast.email_of(n): 1 for n in range(40)}
    one = next(each for each in sink.mails if each.recipients == [blast.email_of(7)])
    assert one.mail["subject"] == "News for Person 7"
    assert "Dear Person 7," in one.text
    assert one.mail["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    assert f"{house.settings.base_url}/u/" in one.mail["list-unsubscribe"]
    signed = "".join(str(one.mail["dkim-signature"]).split()).partition(";h=")[2].partition(";")[0].lower().split(":")
    assert {"list-unsubscribe", "list-unsubscribe-post", "from", "to", "subject"} <= set(signed)
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    record = b"v=DKIM1; k=rsa; p=" + b64encode(public)
    assert dkim.verify(one.raw, dnsfunc=lambda *_a, **_k: record)
    # The return path is the delivery's own, and nobody else can make it.
    assert one.sender.startswith("news+b")
    rows = await house.db.fetch("SELECT outcome, count(*) AS n FROM delivery_attempt GROUP BY outcome")
    tried = {row["outcome"]: row["n"] for row in rows}
    # On a busy machine one may be given back before it is handed over, and begun once more.
    assert tried.pop("withheld", 0) >= 0
    assert tried == {"accepted": 40}


async def test_rule_15_nothing_leaves_but_a_running_campaigns_approved_manifest(house: House, sink: Sink) -> None:
    await blast.people(house, 3)
    content = blast.mail_content(300)
    waiting = await blast.campaign(house, "email", content, approved=False)
    stopped = await blast.campaign(house, "email", content, state="paused")
    other = await blast.campaign(house, "email", content)
    await house.db.execute("UPDATE delivery SET manifest_id = gen_random_uuid() WHERE campaign_id = $1", other)
    expired = await blast.campaign(house, "email", content)
    await house.db.execute("UPDATE manifest SET expires_at = now() - interval '1 s' WHERE campaign_id = $1", expired)
    altered = await blast.campaign(house, "email", content)
    await house.db.execute(
        """UPDATE manifest SET content = jsonb_set(content, '{sender,name}', '"Another"') WHERE campaign_id = $1""",
        altered,
    )
    good = await blast.campaign(house, "email", content)
    async with dispatching(house):
        await states_are(house, good, sent=3)
    for campaign_id in (waiting, stopped, other, expired, altered):
        assert await blast.states(house, campaign_id) == {"queued": 3}
    assert len(sink.mails) == 3


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE campaign SET state = 'paused'",
        "UPDATE manifest SET state = 'withdrawn'",
        "UPDATE outbound_stop SET stopped_at = now()",
        "UPDATE campaign SET manifest_id = gen_random_uuid()",
    ],
)
async def test_rule_18_what_was_begun_is_not_handed_over_once_it_is_withdrawn(house: House, change: str) -> None:
    await blast.people(house, 10)
    campaign_id = await blast.campaign(house, "console", blast.text_content())
    slow = Slow()

    async def one() -> bool:
        return bool(slow.begun)

    async with dispatching(house, console=slow.channel):
        await until(one)
        await house.db.execute(change)
        await asyncio.sleep(dispatch_gate_seconds())  # as everybody waits who withdraws
        slow.go.release()
        await states_are(house, campaign_id, sent=1, queued=9)
    assert len(slow.begun) == 1
    tried = await house.db.fetch("SELECT outcome, count(*) AS n FROM delivery_attempt GROUP BY outcome")
    assert {row["outcome"]: row["n"] for row in tried}["accepted"] == 1
    assert {row["outcome"] for row in tried} <= {"accepted", "withheld"}


def dispatch_gate_seconds() -> float:
    """What ``settle_gate`` waits."""
    return GATE_SECONDS + MARGIN_SECONDS


async def test_rule_19_the_kill_switch_stops_all_and_lets_go_on(house: House, sink: Sink) -> None:
    await blast.people(house, 5)
    await stop_outbound(house, SYSTEM, "a wrong price")
    campaign_id = await blast.campaign(house, "email", blast.mail_content(300))
    async with dispatching(house) as dispatcher:
        await dispatcher.look()
        assert await blast.states(house, campaign_id) == {"queued": 5}
        await resume_outbound(house, SYSTEM)
        await states_are(house, campaign_id, sent=5)
    assert len(sink.mails) == 5


async def test_rule_03_who_opted_out_gets_nothing_though_it_was_taken_already(house: House) -> None:
    await blast.people(house, 6)
    house.settings = house.settings.model_copy(update={"push_connections": 1})
    campaign_id = await blast.campaign(house, "email", blast.mail_content(300))
    slow = Slow()

    async def one() -> bool:
        return bool(slow.begun)

    async with dispatching(house, email=slow.channel):
        await until(one)
        async with house.unit(SYSTEM) as uow:
            for number in range(6):
                await opt_out(uow, "email", await add_index(house, number), source="link", purpose="marketing")
        await asyncio.sleep(dispatch_gate_seconds())
        slow.go.release()
        await states_are(house, campaign_id, sent=1, suppressed=5)
    assert len(slow.begun) == 1


async def test_rule_06_a_missing_value_fails_that_recipient_and_no_name_begins_a_header(
    house: House, sink: Sink
) -> None:
    await blast.people(house, 2)
    content = blast.mail_content(300)
    content["locales"]["en"]["subject"] = "{{ customer.name }} {{ customer.tier }}"
    missing = await blast.campaign(house, "email", content)
    async with dispatching(house):
        await states_are(house, missing, permanent_failure=2)
        reason = await house.db.fetchval("SELECT reason FROM delivery WHERE campaign_id = $1 LIMIT 1", missing)
        assert reason == "missing_value:customer.tier"
        await house.db.execute("DELETE FROM delivery")
        content["locales"]["en"]["subject"] = '{{ customer.tier | default("x\r\nBcc: evil@example.com") }}'
        injected = await blast.campaign(house, "email", content)
        await states_are(house, injected, sent=2)
    assert {each.mail["bcc"] for each in sink.mails} == {None}
    assert len(sink.mails) == 2


async def test_what_a_relay_refuses_is_tried_again_ended_or_unknown_by_what_it_says(house: House, sink: Sink) -> None:
    await blast.people(house, 4)
    sink.refuse = {
        blast.email_of(0): "450 4.2.1 later",
        blast.email_of(1): "550 5.1.1 no such user",
        blast.email_of(2): "550 5.7.1 spam",
    }
    campaign_id = await blast.campaign(house, "email", blast.mail_content(300))
    async with dispatching(house):
        await states_are(house, campaign_id, sent=1, queued=1, permanent_failure=2)
        rows = await house.db.fetch("SELECT state, error_code, reason, due_at > now() AS later FROM delivery")
        assert {(row["state"], row["error_code"], row["reason"], row["later"]) for row in rows} >= {
            ("queued", "450", None, True),
            ("permanent_failure", "550", "bounce", False),
            ("permanent_failure", "550", None, False),
        }
        held = await house.db.fetch("SELECT reason FROM suppression WHERE lifted_at IS NULL")
        assert [row["reason"] for row in held] == ["bounce"]
        sink.refuse.clear()
        await house.db.execute("UPDATE delivery SET due_at = now() - interval '1 s' WHERE state = 'queued'")
        await states_are(house, campaign_id, sent=2, permanent_failure=2)
    assert got(sink) == {blast.email_of(0): 1, blast.email_of(3): 1}


async def test_a_relay_that_hangs_up_after_the_mail_leaves_it_unknown_until_a_person_decides(
    house: House, sink: Sink, marketer: Viewer
) -> None:
    await blast.people(house, 2)
    sink.hang_up = "data"
    campaign_id = await blast.campaign(house, "email", blast.mail_content(300))
    async with dispatching(house):
        await states_are(house, campaign_id, unknown=2)
        sink.hang_up = ""
        first, second = [
            row["id"] for row in await house.db.fetch("SELECT id FROM delivery WHERE state = 'unknown' ORDER BY id")
        ]
        await push_unknown.settle_unknown(house, marketer, first, arrived=True)
        with pytest.raises(Conflict):
            await push_unknown.resend(house, marketer, first)
        await push_unknown.resend(house, marketer, second)
        await states_are(house, campaign_id, sent=2)
    assert sorted(got(sink).values()) == [1, 2]
    audited = await house.db.fetch("SELECT action FROM audit_entry WHERE action LIKE 'delivery:%' ORDER BY at")
    assert [row["action"] for row in audited] == ["delivery:settled", "delivery:resent"]


async def test_a_relay_that_is_away_costs_no_delivery_its_tries(house: House, sink: Sink) -> None:
    await blast.people(house, 30)
    closed = SecretStr("smtp://127.0.0.1:1?starttls=no")
    there = house.settings.smtp_url
    house.settings = house.settings.model_copy(update={"smtp_url": closed})
    campaign_id = await blast.campaign(house, "email", blast.mail_content(300))

    async def tried() -> bool:
        return bool(await house.db.fetchval("SELECT count(*) FROM delivery_attempt WHERE outcome IS NOT NULL"))

    async with dispatching(house):
        await until(tried)
        assert set(await blast.states(house, campaign_id)) <= {"queued", "sending"}
    assert await blast.states(house, campaign_id) == {"queued": 30}
    house.settings = house.settings.model_copy(update={"smtp_url": there})
    house.kept.clear()
    await house.db.execute("UPDATE delivery SET due_at = now() - interval '1 s'")
    async with dispatching(house):
        await states_are(house, campaign_id, sent=30)
    assert got(sink) == {blast.email_of(n): 1 for n in range(30)}


@pytest.mark.parametrize("ends", ["its time is up", "the process ends"])
async def test_a_mail_that_is_cut_off_before_its_content_surely_did_not_leave(
    house: House, sink: Sink, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """The relay is slower than a try, or a process, can wait: nobody has to ask whether the mail arrived."""
    await blast.people(house, 2)
    asked, answered = asyncio.Event(), asyncio.Event()
    real = sink.handle_RCPT

    async def slow(*arguments: Any) -> str:
        asked.set()
        await answered.wait()
        return await real(*arguments)

    monkeypatch.setattr(sink, "handle_RCPT", slow)
    monkeypatch.setattr(jobs_dispatch, "STOP_SECONDS", 0.1)
    short = replace(push_mail.EMAIL, seconds=0.5 if ends == "its time is up" else 300.0)
    campaign_id = await blast.campaign(house, "email", blast.mail_content(300))

    async def tried() -> bool:
        return bool(await house.db.fetchval("SELECT count(*) FROM delivery_attempt WHERE outcome IS NOT NULL"))

    async with dispatching(house, email=short):
        await asyncio.wait_for(asked.wait(), 60)
        if ends == "its time is up":
            await until(tried)
    assert await blast.states(house, campaign_id) == {"queued": 2}
    outcomes = await house.db.fetch("SELECT DISTINCT outcome FROM delivery_attempt")
    assert {row["outcome"] for row in outcomes} <= {"withheld", "temporarily_refused"}
    assert not sink.mails
    answered.set()


async def test_what_waits_long_to_be_handed_over_gets_the_time_of_a_new_try(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider takes minutes for each: what was begun behind it is nobody's loss meanwhile."""
    monkeypatch.setattr(dispatch_lane, "RENEW_SECONDS", 0.0)
    await blast.people(house, 6)
    campaign_id = await blast.campaign(house, "console", blast.text_content())
    slow = Slow()
    async with dispatching(house, console=slow.channel):
        await until(lambda: bool(slow.begun))

        async def begun_behind() -> bool:
            return bool(await house.db.fetchval("SELECT count(*) > 1 FROM delivery WHERE state = 'sending'"))

        await until(begun_behind)
        soon = "clock_timestamp() + interval '1 minute'"
        await house.db.execute(f"UPDATE delivery SET leased_until = {soon} WHERE state = 'sending'")

        async def later() -> bool:
            return bool(
                await house.db.fetchval(
                    "SELECT count(*) FROM delivery WHERE state = 'sending' AND leased_until > " + soon
                )
            )

        async with asyncio.timeout(60):
            await asyncio.sleep(dispatch_gate_seconds())
            slow.go.release()
            await until(later)
        for _ in range(6):
            slow.go.release()
        await states_are(house, campaign_id, sent=6)
    assert len(set(slow.begun)) == len(slow.begun) == 6


async def test_a_paused_sender_is_stood_in_for_by_the_next_approved_one(house: House, sink: Sink) -> None:
    await blast.people(house, 3)
    own = await blast.sender(house, "email", blast.SENDER)
    other = await blast.sender(house, "email", "offers@company.example")
    await house.db.execute("INSERT INTO sender_pause (sender_id, code, at) VALUES ($1, '535', now())", own)
    alone = await blast.campaign(house, "email", blast.mail_content(300), senders=[own])
    both = await blast.campaign(house, "email", blast.mail_content(300), senders=[own, other])
    async with dispatching(house):
        await states_are(house, both, sent=3)
        assert await blast.states(house, alone) == {"queued": 3}
    assert {str(each.mail["from"]) for each in sink.mails} == {"Company <offers@company.example>"}


async def test_what_the_relay_refuses_of_one_sender_leaves_through_the_next_at_once(house: House) -> None:
    async def send(house: House, push: Push) -> Accepted:
        if push.sender == blast.SENDER:
            raise SenderPaused("Not from this address.", provider_code=550, resume_after=900.0)
        return dispatch_accepted(push)

    await blast.people(house, 3)
    senders = [await blast.sender(house, "email", each) for each in (blast.SENDER, "offers@company.example")]
    campaign_id = await blast.campaign(house, "email", blast.mail_content(300), senders=senders)
    async with dispatching(house, email=PushChannel(send=send, at_once=lambda _house: 4)):
        await states_are(house, campaign_id, sent=3)  # in less than a minute


async def test_two_processes_send_each_mail_once_and_keep_one_rate(house: House, sink: Sink) -> None:
    await blast.people(house, 80)
    campaign_id = await blast.campaign(house, "email", blast.mail_content(300))
    other = House(db=house.db, bus=house.bus, keyring=house.keyring, settings=house.settings)
    other.settings = house.settings.model_copy(update={"node": "another"})
    async with dispatching(house), dispatching(other):
        await states_are(house, campaign_id, sent=80)
    assert got(sink) == {blast.email_of(n): 1 for n in range(80)}


async def test_a_clock_that_is_put_back_sends_nothing_twice(house: House, sink: Sink) -> None:
    await blast.people(house, 20)
    now = house.clock
    campaign_id = await blast.campaign(house, "email", blast.mail_content(300), most=10)
    async with dispatching(house):
        await states_are(house, campaign_id, sent=10)
        house.clock = lambda: now() - timedelta(hours=1)
        await house.db.execute(
            """UPDATE delivery SET state = 'queued', leased_until = now() + interval '1 hour'
               WHERE id IN (SELECT id FROM delivery ORDER BY id LIMIT 0)"""
        )
        again = await blast.campaign(house, "email", blast.mail_content(300))
        await states_are(house, again, sent=20)
    assert sorted(got(sink).values()) == [1] * 10 + [2] * 10


async def test_what_a_dead_process_had_begun_is_unknown_and_what_it_had_taken_waits(house: House) -> None:
    await blast.people(house, 4)
    campaign_id = await blast.campaign(house, "console", blast.text_content())
    slow = Slow()
    plans = dispatch.Plans()
    (running,) = await running_campaigns(house.db, SYSTEM, house.clock())
    plan = await plans.of(house, running)
    assert plan is not None
    await push_claims.beat(house.db, house.settings.node, dispatch.ALIVE)
    taken = await dispatch.take(house, [(plan, plan.senders[0])], 4)
    begun, _ = await dispatch.begin(house, taken[:1])
    assert [each.attempt for each in begun] == [1]
    assert await dispatch.give_up_lost(house) == 0
    # Ten seconds later, or an hour by a clock that was put forward: nobody was seen since.
    await house.db.execute("UPDATE dispatch_node SET seen_at = seen_at - interval '1 minute'")
    assert await dispatch.give_up_lost(house) == 1
    assert await blast.states(house, campaign_id) == {"queued": 3, "unknown": 1}
    await house.db.execute("UPDATE delivery SET leased_until = now() - interval '1 s' WHERE state = 'queued'")
    async with dispatching(house, console=slow.channel):
        for _ in range(3):
            slow.go.release()
        await states_are(house, campaign_id, sent=3, unknown=1)
    assert begun[0].id not in slow.begun


async def test_what_is_given_back_late_stays_with_whom_took_it_since(house: House) -> None:
    """The records were away for longer than a claim holds: giving back what was taken before they went must not touch
    what was taken anew, by the same process, and is on its way."""
    await blast.people(house, 2)
    campaign_id = await blast.campaign(house, "console", blast.text_content())
    (running,) = await running_campaigns(house.db, SYSTEM, house.clock())
    plan = await dispatch.Plans().of(house, running)
    assert plan is not None
    before = await dispatch.take(house, [(plan, plan.senders[0])], 2)
    await house.db.execute("UPDATE delivery SET leased_until = now() - interval '1 s'")
    since = await dispatch.take(house, [(plan, plan.senders[0])], 2)
    begun, _ = await dispatch.begin(house, since[:1])
    await dispatch.withhold(house, [(each.id, each.lease) for each in before])
    assert await blast.states(house, campaign_id) == {"queued": 1, "sending": 1}
    assert await dispatch.begin(house, before) == ([], before)
    await dispatch.withhold(house, [(each.id, each.lease) for each in since])
    assert await blast.states(house, campaign_id) == {"queued": 2}
    assert len(begun) == 1


async def test_rule_15_rows_that_nobody_signed_send_nothing(house: House, sink: Sink) -> None:
    """Everything in the records says that it is approved, but for the signature of who approved it."""
    await blast.people(house, 2)
    forged = await blast.campaign(house, "email", blast.mail_content(300))
    await house.db.execute("UPDATE approval SET mac = sha256(mac)")
    real = await blast.campaign(house, "email", blast.mail_content(300))
    async with dispatching(house):
        await states_are(house, real, sent=2)
        assert await blast.states(house, forged) == {"queued": 2}
    assert sorted(got(sink).values()) == [1, 1]


async def test_who_was_erased_after_the_decision_gets_nothing(house: House) -> None:
    await blast.people(house, 2, purpose="service")
    await blast.campaign(house, "email", blast.mail_content(300), purpose="service")
    (running,) = await running_campaigns(house.db, SYSTEM, house.clock())
    plan = await dispatch.Plans().of(house, running)
    assert plan is not None
    first, second = await dispatch.take(house, [(plan, plan.senders[0])], 2)
    await house.db.execute("DELETE FROM contact_point WHERE id = $1", first.contact_point_id)
    assert await dispatch.begin(house, [first, second]) == ([second], [first])


async def test_who_was_merged_into_somebody_who_said_no_gets_nothing(house: House) -> None:
    await blast.people(house, 4, purpose="service")
    campaign_id = await blast.campaign(house, "email", blast.mail_content(300), purpose="service", most=3)
    (running,) = await running_campaigns(house.db, SYSTEM, house.clock())
    plan = await dispatch.Plans().of(house, running)
    assert plan is not None
    other = await house.db.fetchval("SELECT id FROM customer WHERE id <> ALL(SELECT customer_id FROM delivery) LIMIT 1")
    await house.db.execute("UPDATE consent SET state = 'withdrawn' WHERE customer_id = $1", other)

    async def merged(customer_id: UUID) -> None:
        await house.db.execute("DELETE FROM consent WHERE customer_id = $1", customer_id)
        await house.db.execute("UPDATE customer SET merged_into_id = $2 WHERE id = $1", customer_id, other)

    await merged(await house.db.fetchval("SELECT customer_id FROM delivery ORDER BY customer_id LIMIT 1"))
    first, second = await dispatch.take(house, [(plan, plan.senders[0])], 3)
    assert await blast.states(house, campaign_id) == {"queued": 2, "suppressed": 1}
    await merged(first.person_id)
    assert await dispatch.begin(house, [first, second]) == ([second], [first])


async def test_one_result_that_cannot_be_noted_holds_up_no_other(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await blast.people(house, 60)
    campaign_id = await blast.campaign(house, "email", blast.mail_content(300))
    given: list[UUID] = []

    async def send(house: House, push: Push) -> Accepted:
        given.append(push.delivery_id)
        # The third one's provider answers what no column takes.
        return Accepted("nul\0" if len(given) == 3 else str(push.delivery_id), None)

    monkeypatch.setattr("hotline.jobs.dispatch_lane.NOTE_SECONDS", 1.0)
    async with dispatching(house, email=PushChannel(send=send, at_once=lambda _house: 2)) as dispatcher:
        await states_are(house, campaign_id, sent=59, sending=1)
        async with asyncio.timeout(30):
            await until(lambda: _idle(dispatcher))
        await house.db.execute("UPDATE delivery SET leased_until = now() - interval '1 s' WHERE state = 'sending'")
        await dispatch.give_up_lost(house)
        await states_are(house, campaign_id, sent=59, unknown=1)
    assert len(set(given)) == len(given) == 60


async def _idle(dispatcher: Dispatcher) -> bool:
    return not any(lane.busy for lane in dispatcher._lanes.values())


async def test_rule_04_reports_and_complaints_end_in_one_place(house: House, sink: Sink) -> None:
    await blast.people(house, 4)
    campaign_id = await blast.campaign(house, "email", blast.mail_content(300))
    async with dispatching(house):
        await states_are(house, campaign_id, sent=4)
    by_address = {}
    for row in await house.db.fetch(
        "SELECT d.id, p.value_index FROM delivery d JOIN contact_point p ON p.id = d.contact_point_id"
    ):
        for number in range(4):
            if bytes(row["value_index"]) == await add_index(house, number):
                by_address[number] = row["id"]

    async def report(number: int, fate: Any, status: str) -> None:
        found = Report((Recipient(blast.email_of(number), fate, status),), ())
        assert await push_receipts.note_report(house, by_address[number], found, f"{fate}-{status}")
        assert await push_receipts.note_report(house, by_address[number], found, f"{fate}-{status}")

    await report(0, "delayed", "4.4.1")
    await report(1, "failed", "5.1.1")
    await report(2, "complaint", "")
    await report(3, "failed", "4.2.2")
    rows = {
        row["id"]: (row["state"], row["reason"], row["opted_out_at"] is not None)
        for row in await house.db.fetch("SELECT id, state, reason, opted_out_at FROM delivery")
    }
    assert rows[by_address[0]] == ("sent", None, False)
    assert rows[by_address[1]][:2] == ("permanent_failure", "bounce")
    assert rows[by_address[2]] == ("sent", "complaint", True)
    assert rows[by_address[3]][:2] == ("permanent_failure", "soft_bounce")
    held = await house.db.fetch("SELECT reason FROM suppression WHERE lifted_at IS NULL ORDER BY reason")
    assert [row["reason"] for row in held] == ["bounce", "complaint"]


@pytest.mark.parametrize("error", [Unavailable(), ValueError("anything")])
async def test_what_was_begun_and_cannot_be_looked_at_again_is_given_back(
    house: House, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was not handed over, and this process knows it: it leaves later, and nobody needs to ask whether it did."""
    await blast.people(house, 10)
    campaign_id = await blast.campaign(house, "console", blast.text_content())
    slow, looked, real = Slow(), list[int](), dispatch.still_allowed

    async def still_allowed(house: House, prepared: Sequence[dispatch.Prepared]) -> set[UUID]:
        looked.append(len(prepared))
        if len(looked) == 1:
            raise error
        return await real(house, prepared)

    monkeypatch.setattr(dispatch, "still_allowed", still_allowed)
    async with dispatching(house, console=slow.channel):
        async with asyncio.timeout(30):
            await until(lambda: bool(slow.begun))
            await asyncio.sleep(dispatch_gate_seconds())
        for _ in range(10):
            slow.go.release()
        await states_are(house, campaign_id, sent=10)
    assert looked
    assert len(set(slow.begun)) == len(slow.begun) == 10


async def test_while_postgresql_is_away_what_left_is_kept_and_nothing_leaves_twice(
    house: House, sink: Sink, postgres: EmbeddedPostgres
) -> None:
    await blast.people(house, 150)
    campaign_id = await blast.campaign(house, "email", blast.mail_content(300))
    name = await house.db.fetchval("SELECT current_database()")
    admin = await asyncpg.connect(postgres.url("postgres"))
    try:
        async with dispatching(house) as dispatcher:
            async with asyncio.timeout(30):
                await until(lambda: len(sink.mails) >= 20)
            await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
            gone = len(sink.mails)
            # What was begun goes out or is held back; after that nothing begins any more.
            lane = dispatcher._lanes["email"]
            async with asyncio.timeout(30):
                await until(lambda: lane._begun_count == len(lane._results) + len(lane._handed))
            there = len(sink.mails)
            await asyncio.sleep(dispatch_gate_seconds())
            assert len(sink.mails) == there < gone + MOST_BEGUN * 4
            await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
            await states_are(house, campaign_id, sent=150)
    finally:
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        await admin.close()
    assert got(sink) == {blast.email_of(n): 1 for n in range(150)}
