"""Mail in and out on the real database and a real SMTP server: threads, machines, reports, bad days."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import pytest
from pydantic import SecretStr

from hotline.channels.mail.lmtp import TooLargeMail
from hotline.clock import utc_now
from hotline.conversations.mail_tokens import tag, tagged
from hotline.crm.commands.consent.suppressions import reasons_of
from hotline.crm.queries.conversations.conversations import get_conversation
from hotline.crm.queries.conversations.messages import list_messages
from hotline.crm.queries.customers.customers import get_customer
from hotline.crm.queries.tickets.tickets import get_ticket
from hotline.crm.queries.tickets.triage import Correction, triage_figures
from hotline.crm.viewer import SYSTEM
from hotline.errors import Invalid
from hotline.jobs.outgoing import Dispatch
from hotline.settings import Bind
from hotline.workflows.conversations import answer_bounds
from hotline.workflows.conversations.replies import NewReply, send
from hotline.workflows.customers.customers import create_customer
from hotline.workflows.house import House
from hotline.workflows.mail.mail_check import check_mail
from hotline.workflows.mail.mail_in import accepts, take
from hotline.workflows.mail.mail_words import address_index, tag_secret
from hotline.workflows.tickets.tickets import change_ticket
from tests.fakes.imap import imap_server
from tests.fakes.mail import Sink
from tests.integration.mail import SUPPORT, mail, mail_house, messages, sent
from tests.integration.people import add_user


def reply_to(raw: bytes, text: str = "It works again, thank you.", **headers: str) -> bytes:
    """What a customer's client makes of a mail of ours."""
    ours = message_from_bytes(raw, policy=default)
    quoted = "\n".join(f"> {line}" for line in ours.get_body(("plain",)).get_content().splitlines())  # type: ignore[union-attr]
    return mail(
        f"{text}\n\nOn Mon, 3 Nov 2025 at 10:00, Acme <{SUPPORT}> wrote:\n{quoted}\n",
        to=str(ours["Reply-To"] or ours["From"]),
        subject=f"Re: {ours['Subject']}",
        message_id="<2@customer.example>",
        In_Reply_To=str(ours["Message-ID"]),
        **headers,
    )


async def test_a_mail_becomes_a_ticket_and_its_answer_comes_back_into_the_conversation(house: House) -> None:
    agent = await add_user(house, "anna")
    customer = await create_customer(
        house, SYSTEM, {"name": "Ann Bell", "contact_points": [{"kind": "email", "value": "Ann@Customer.example"}]}
    )
    async with mail_house(house, quote=True) as sink:
        taken = await take(
            house, mail("The heater is broken, I am very disappointed."), envelope_sender="ann@x.example"
        )
        assert taken.conversation_id is not None
        first = (await messages(house, taken.conversation_id))[0]
        row = await house.db.fetchrow(
            "SELECT ticket_id, customer_id FROM conversation WHERE id = $1", first.conversation_id
        )
        assert row is not None
        assert row["customer_id"] == customer.id
        ticket = await get_ticket(house.db, house.keyring, SYSTEM, row["ticket_id"])
        assert (ticket.kind, ticket.subject) == ("complaint", "Heater")
        await sent(house)
        auto = sink.mails.pop()
        assert (auto.sender, auto.mail["Auto-Submitted"]) == ("", "auto-replied")
        assert f"T{ticket.number}" in auto.text
        reply = await send(house, agent, first.conversation_id, NewReply(body="We send somebody.\nAnna"))
        await sent(house)
        ours = sink.mails.pop()
        assert ours.recipients == ["ann@customer.example"]
        assert ours.sender == tagged(SUPPORT, tag(tag_secret(house.keyring), "bounce", reply.id))
        assert ours.mail["In-Reply-To"] == "<1@customer.example>"
        assert str(ours.mail["References"]).split()[0] == "<1@customer.example>"
        assert (ours.mail["Subject"], ours.mail["Auto-Submitted"]) == ("Re: Heater", None)
        assert ours.mail["From"] == f"Acme <{SUPPORT}>"
        assert ours.text.startswith("We send somebody.\nAnna\n\nOn ")
        assert "> The heater is broken" in ours.text
        again = await take(house, reply_to(ours.raw), envelope_sender="ann@customer.example")
        assert again.conversation_id == first.conversation_id
        last = (await messages(house, first.conversation_id))[-1]
        assert last.body == "It works again, thank you."
        assert "We send somebody." in last.extra["full"]
        assert last.in_reply_to == reply.id


async def test_the_same_mail_is_taken_once_whoever_brings_it_how_often(house: House) -> None:
    async with mail_house(house) as sink:
        taken = await asyncio.gather(*(take(house, mail(), envelope_sender="a@b.example") for _ in range(20)))
        assert sorted(each.outcome for each in taken) == ["again"] * 19 + ["kept"]
        assert len({each.message_id for each in taken}) == 1
        await sent(house)
        assert len(sink.mails) == 1
        bare = mail(message_id="")
        assert [(await take(house, bare)).outcome for _ in range(2)] == ["kept", "again"]


async def test_one_message_id_of_several_writers_or_of_several_texts_is_several_mails(house: House) -> None:
    async with mail_house(house):
        mails = [
            mail(),
            mail("Please call me.", sender="bob@b.example"),
            mail("It still is broken."),
            mail(sender=SUPPORT, Reply_To="carl@c.example"),
            mail(sender=SUPPORT, Reply_To="dora@d.example"),
        ]
        for outcome in ("kept", "again"):
            taken = [await take(house, each, envelope_sender="a@b.example") for each in mails]
            assert [each.outcome for each in taken] == [outcome] * len(mails)
            assert len({each.message_id for each in taken}) == len(mails)


async def test_a_reply_finds_its_conversation_by_ids_alone_when_its_tag_is_lost(house: House) -> None:
    agent = await add_user(house, "anna")
    async with mail_house(house) as sink:
        first = await take(house, mail())
        assert first.conversation_id is not None
        await send(house, agent, first.conversation_id, NewReply(body="Hello"))
        await sent(house)
        ours = next(each for each in sink.mails if each.mail["Auto-Submitted"] is None).mail
        bare = mail(to=SUPPORT, message_id="<9@x.example>", References=f"<1@customer.example> {ours['Message-ID']}")
        assert (await take(house, bare)).conversation_id == first.conversation_id
        by_theirs = mail(message_id="<10@x.example>", In_Reply_To="<1@customer.example>")
        assert (await take(house, by_theirs)).conversation_id == first.conversation_id
        stranger = mail(sender="eve@evil.example", message_id="<11@x.example>", In_Reply_To="<1@customer.example>")
        assert (await take(house, stranger)).conversation_id != first.conversation_id


async def test_a_colleague_who_answers_leaves_the_conversation_with_whom_it_is(house: House) -> None:
    async with mail_house(house):
        first = await take(house, mail())
        assert first.conversation_id is not None
        to = tagged(SUPPORT, tag(tag_secret(house.keyring), "reply", first.conversation_id))
        other = mail("I am her husband.", sender="Bob <bob@b.example>", to=to, message_id="<b@b.example>")
        assert (await take(house, other)).conversation_id == first.conversation_id
        last = (await messages(house, first.conversation_id))[-1]
        assert (last.extra["from"], last.extra["from_name"]) == ("bob@b.example", "Bob")
        masked = replace(SYSTEM, masks=frozenset({"email"}))
        (seen, *_) = await list_messages(house.db, house.keyring, masked, first.conversation_id, limit=1)
        assert seen.extra["from"] == "b•••@b.example"
        index = await house.db.fetchval("SELECT address_index FROM conversation WHERE id = $1", first.conversation_id)
        assert index == address_index(house.keyring, "ann@customer.example")
        forged = to.replace("+r", "+r2")[:60] + "@acme.example"
        assert (await take(house, mail(to=forged, message_id="<f@b.example>"))).conversation_id != first.conversation_id


@pytest.mark.parametrize(
    ("headers", "envelope", "subject", "why"),
    [
        ({"Auto_Submitted": "auto-replied"}, "a@b.example", "Re: Heater", "auto_reply"),
        ({"Auto_Submitted": "auto-generated"}, "a@b.example", "Report", "auto_submitted"),
        ({"Precedence": "bulk"}, "a@b.example", "News", "bulk"),
        ({"List_Id": "<all.example>"}, "a@b.example", "News", "list"),
        ({"X_Autoreply": "yes"}, "a@b.example", "Re: Heater", "auto_reply"),
        ({}, "", "Re: Heater", "null_sender"),
        ({}, "a@b.example", "Out of Office: Heater", "out_of_office"),
        ({}, "a@b.example", "自动回复：度假中", "out_of_office"),
    ],
)
async def test_what_a_machine_wrote_is_kept_and_answered_by_nobody(
    house: House, headers: dict[str, str], envelope: str, subject: str, why: str
) -> None:
    async with mail_house(house) as sink:
        taken = await take(house, mail(subject=subject, **headers), envelope_sender=envelope)
        assert (taken.outcome, taken.automatic) == ("kept", why)
        assert await house.db.fetchval("SELECT count(*) FROM ticket") == 0
        await sent(house)
        assert sink.mails == []


async def test_what_asks_for_no_answer_gets_none_but_a_ticket(house: House) -> None:
    async with mail_house(house) as sink:
        await take(house, mail(X_Auto_Response_Suppress="OOF, AutoReply"))
        await take(house, mail(sender="no-reply@shop.example", message_id="<3@shop.example>"))
        await sent(house)
        assert sink.mails == []
        assert await house.db.fetchval("SELECT count(*) FROM ticket") == 2


async def test_two_machines_do_not_talk_for_ever(house: House) -> None:
    async with mail_house(house, messages_per_hour=2) as sink:
        for count in range(9):
            await take(house, mail(message_id=f"<{count}@x.example>", subject=f"Note {count}"))
        assert (await take(house, mail(message_id="<99@x.example>"))).automatic == "often"
        await sent(house)
        assert len(sink.mails) == 2  # one for each conversation, until they come too often
        for each in list(sink.mails):
            # What hotline itself wrote and comes back is left aside.
            assert (await take(house, each.raw, envelope_sender="")).outcome == "own"


@pytest.mark.parametrize(("per_domain", "in_all", "bound"), [(2, 9, "domain"), (9, 2, "all")])
async def test_who_writes_from_ever_new_addresses_is_answered_a_few_times(
    house: House, monkeypatch: pytest.MonkeyPatch, per_domain: int, in_all: int, bound: str
) -> None:
    monkeypatch.setattr(answer_bounds, "PER_DOMAIN", per_domain)
    monkeypatch.setattr(answer_bounds, "IN_ALL", in_all)
    addresses = [*(f"bot{place}@m{place}.machine.example" for place in range(5)), "ann@elsewhere.example"]

    async def write(addresses: list[str], hour: str) -> None:
        for address in addresses:
            await take(house, mail("A question.", sender=address, message_id=f"<{hour}.{address}>"))
        await sent(house)

    async with mail_house(house) as sink:
        await write(addresses, "1")
        answered = [*addresses[:2], *addresses[5:]] if bound == "domain" else addresses[:2]
        assert sorted(each.recipients[0] for each in sink.mails) == sorted(answered)
        assert await house.db.fetchval("SELECT count(*) FROM ticket") == 6
        assert list(house.kept[answer_bounds.Given].told) == [bound]
        house.clock = lambda: utc_now() + timedelta(hours=1, minutes=1)
        await write(["bot9@machine.example"], "2")
        assert sink.mails[-1].recipients == ["bot9@machine.example"]


@pytest.mark.parametrize(
    ("address", "domain"),
    [("a@Example.com", "example.com"), ("a@x.y.example.com.", "example.com"), ("a@x.shop.co.uk", "shop.co.uk"),
     ("a@local", "local"), ("nobody", "nobody")],
)  # fmt: skip
def test_names_below_a_domain_are_its_own(address: str, domain: str) -> None:
    assert answer_bounds.domain_of(address) == domain


async def test_an_address_in_place_of_a_name_is_no_name(house: House) -> None:
    async with mail_house(house):
        taken = await take(house, mail(sender="\"'Ann@Customer.example'\" <ann@customer.example>"))
        assert taken.conversation_id is not None
        masked = replace(SYSTEM, masks=frozenset({"email"}))
        seen = await get_conversation(house.db, house.keyring, masked, taken.conversation_id)
        assert (seen.name, seen.address) == (None, "a•••@customer.example")


async def test_a_form_of_the_own_website_names_the_customer_in_reply_to(house: House) -> None:
    async with mail_house(house):
        form = mail(sender=f"Form <{SUPPORT}>", Reply_To="carl@c.example", message_id="<form@acme.example>")
        taken = await take(house, form)
        index = await house.db.fetchval("SELECT address_index FROM conversation WHERE id = $1", taken.conversation_id)
        assert index == address_index(house.keyring, "carl@c.example")
        assert (await take(house, mail(sender=SUPPORT, message_id="<l@x.example>"))).automatic == "own_address"


async def answered(house: House, sink: Sink) -> tuple[str, bytes]:
    """(the return path, the content) of an agent's answer that left."""
    agent = await add_user(house, "anna")
    first = await take(house, mail())
    assert first.conversation_id is not None
    await send(house, agent, first.conversation_id, NewReply(body="Hello"))
    await sent(house)
    ours = next(each for each in sink.mails if each.mail["Auto-Submitted"] is None)
    return ours.sender, ours.raw


def report(status: str, action: str = "failed", *, original: bytes = b"", to: str = "ann@customer.example") -> bytes:
    returned = original.decode("utf-8", "replace").partition("\r\n\r\n")[0]
    lines = [
        "From: MAILER-DAEMON@mx.example", f"To: {SUPPORT}", "Subject: Undelivered Mail Returned to Sender",
        f"Message-ID: <report-{status}-{action}@mx.example>", "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"', "", "--b",
        "Content-Type: text/plain", "", "It did not arrive.", "--b", "Content-Type: message/delivery-status", "",
        "Reporting-MTA: dns; mx.example", "", f"Final-Recipient: rfc822; {to}", f"Action: {action}",
        f"Status: {status}", "", "--b", "Content-Type: text/rfc822-headers", "", returned, "--b--", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


async def state_of(house: House) -> tuple[str, str | None]:
    row = await house.db.fetchrow("SELECT state, error_code FROM message WHERE direction = 'out' AND kind = 'message'")
    assert row is not None
    return row["state"], row["error_code"]


async def counted(house: House, index: bytes) -> list[int]:
    """Failures of an address, for good and for now."""
    row = await house.db.fetchrow("SELECT hard_bounces, soft_bounces FROM mail_address WHERE address_index = $1", index)
    assert row is not None
    return [row["hard_bounces"], row["soft_bounces"]]


@pytest.mark.parametrize("by", ["tag", "quoted"])
async def test_a_report_marks_the_message_and_the_address(house: House, by: str) -> None:
    ann = await create_customer(
        house, SYSTEM, {"name": "Ann", "contact_points": [{"kind": "email", "value": "ann@customer.example"}]}
    )
    async with mail_house(house) as sink:
        return_path, raw = await answered(house, sink)
        bounce = report("5.1.1", original=raw if by == "quoted" else b"")
        to = return_path if by == "tag" else SUPPORT
        assert (await take(house, bounce, envelope_sender="", recipient=to)).outcome == "report"
        assert await state_of(house) == ("permanent_failure", "5.1.1")
        index = address_index(house.keyring, "ann@customer.example")
        assert await reasons_of(house.db, "email", index) == {"bounce"}
        await take(house, bounce, envelope_sender="", recipient=to)
        assert await counted(house, index) == [1, 0]
        (point,) = (await get_customer(house.db, house.keyring, SYSTEM, ann.id)).contact_points
        assert point.bounces is not None
        assert (point.bounces.hard, point.bounces.status) == (1, "5.1.1")
        # Who writes can be written to.
        await take(house, mail(message_id="<later@customer.example>"))
        assert await reasons_of(house.db, "email", index) == set()
        assert await counted(house, index) == [0, 0]
        (point,) = (await get_customer(house.db, house.keyring, SYSTEM, ann.id)).contact_points
        assert point.bounces is None


async def test_failures_for_now_are_counted_before_they_count(house: House) -> None:
    async with mail_house(house, soft_bounces=2) as sink:
        return_path, _ = await answered(house, sink)
        index = address_index(house.keyring, "ann@customer.example")
        await take(house, report("4.4.7", "delayed"), envelope_sender="", recipient=return_path)
        assert (await state_of(house))[0] == "sent"
        await take(house, report("4.4.7"), envelope_sender="", recipient=return_path)
        assert await reasons_of(house.db, "email", index) == set()
        await take(house, report("4.2.2"), envelope_sender="", recipient=return_path)
        assert await reasons_of(house.db, "email", index) == {"bounce"}


async def test_a_report_that_proves_nothing_marks_nobody(house: House) -> None:
    async with mail_house(house) as sink:
        return_path, _ = await answered(house, sink)
        forged = return_path[:-20] + "aaaa@acme.example"
        taken = await take(house, report("5.1.1"), envelope_sender="", recipient=forged)
        assert (taken.outcome, taken.automatic) == ("kept", "report")
        assert (await state_of(house))[0] == "sent"
        assert await reasons_of(house.db, "email", address_index(house.keyring, "ann@customer.example")) == set()


@pytest.mark.parametrize(
    ("refuse", "answer", "state"),
    [
        ("550 5.1.1 no such user", "", "permanent_failure"),
        ("450 4.2.1 busy", "", "queued"),
        ("", "554 5.7.1 spam", "permanent_failure"),
        ("", "451 4.3.0 later", "queued"),
        ("", None, "unknown"),
    ],
)
async def test_what_the_relay_answers_decides_what_becomes_of_a_mail(
    house: House, refuse: str, answer: str | None, state: str
) -> None:
    agent = await add_user(house, "anna")
    async with mail_house(house) as sink:
        first = await take(house, mail(Precedence="bulk"))
        assert first.conversation_id is not None
        if refuse:
            sink.refuse["ann@customer.example"] = refuse
        elif answer != "":
            sink.answer = answer
        await send(house, agent, first.conversation_id, NewReply(body="Hello"))
        await Dispatch(house).drain()
        assert (await state_of(house))[0] == state
        if state == "unknown":
            sink.answer = "250 kept"
            await sent(house)
            assert len(sink.mails) == 1  # nobody knows, and it is not sent twice


async def test_what_is_too_large_is_refused_and_nothing_kept(house: House) -> None:
    async with mail_house(house, largest_mb=1):
        with pytest.raises(TooLargeMail):
            await take(house, mail("x" * 70 + "\n") + b"x" * (1 << 20))
        assert await house.db.fetchval("SELECT count(*) FROM message") == 0


async def test_nobody_s_address_is_not_accepted(house: House) -> None:
    assert await accepts(house, SUPPORT) is None
    async with mail_house(house):
        assert await accepts(house, "Support+anything@ACME.example") is True
        assert await accepts(house, "sales@acme.example") is False


async def test_how_often_triage_was_corrected_is_counted(house: House) -> None:
    async with mail_house(house):
        tickets = []
        for count, text in enumerate(("Worst service, still broken", "How do I pay?", "When do you open on Sunday?")):
            await take(house, mail(text, message_id=f"<{count}@x.example>", sender=f"c{count}@x.example", subject="Hi"))
            tickets.append(await house.db.fetchval("SELECT id FROM ticket ORDER BY opened_at DESC, id DESC LIMIT 1"))
        for kind in ("complaint", "service_request"):
            await change_ticket(house, SYSTEM, tickets[1], {"kind": kind})
        await change_ticket(house, SYSTEM, tickets[0], {"kind": "consultation"})
        await change_ticket(house, SYSTEM, tickets[0], {"kind": "complaint"})
        now = house.clock()
        found = await triage_figures(house.db, SYSTEM, now - timedelta(days=1), now + timedelta(days=1))
        assert (found.tickets, found.corrected) == (3, 1)
        assert found.corrections == (Correction("consultation", "service_request", 1),)
        assert found.right == pytest.approx(2 / 3)
        with pytest.raises(Invalid):
            await triage_figures(house.db, SYSTEM, now, now)


async def told(house: House) -> dict[str, str]:
    return {check.name: check.verdict async for check in check_mail(house)}


async def test_the_doctor_says_what_is_wrong_with_mail(house: House) -> None:
    assert await told(house) == {"mail": "warning"}
    async with mail_house(house):
        assert await told(house) == {"mail address": "ok", "mail relay": "ok", "mail in": "warning"}
        async with imap_server() as mailbox:
            address = f"imap://me:right@127.0.0.1:{mailbox.port}/INBOX"
            house.settings = house.settings.model_copy(
                update={"imap_url": SecretStr(address), "mail_lmtp_bind": Bind("10.0.0.1", 24)}
            )
            assert await told(house) == {
                "mail address": "ok", "mail relay": "ok", "mailbox": "warning", "lmtp": "warning",
            }  # fmt: skip
            house.settings = house.settings.model_copy(update={"imap_url": SecretStr(address.replace("right", "no"))})
            assert (await told(house))["mailbox"] == "wrong"
    house.settings = house.settings.model_copy(update={"smtp_url": SecretStr("smtp://127.0.0.1:1?starttls=no")})
    assert (await told(house))["mail relay"] == "wrong"
