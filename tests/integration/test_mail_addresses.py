"""What mail's own addresses do to customers': nothing."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from hotline.crm import company
from hotline.crm.commands.consent.suppressions import reasons_of
from hotline.crm.viewer import SYSTEM
from hotline.workflows.company.company import put
from hotline.workflows.conversations.replies import NewReply, send
from hotline.workflows.house import House
from hotline.workflows.mail.mail_in import take
from hotline.workflows.mail.mail_words import address_index
from tests.integration.mail import mail, mail_house, messages, sent
from tests.integration.people import add_user


def report(to: str) -> bytes:
    """A server's report that there is no such address."""
    lines = [
        "From: MAILER-DAEMON@mx.example", "To: support@acme.example", "Subject: Undelivered Mail",
        "Message-ID: <report@mx.example>", "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"', "", "--b",
        "Content-Type: text/plain", "", "It did not arrive.", "--b", "Content-Type: message/delivery-status", "",
        "Reporting-MTA: dns; mx.example", "", f"Final-Recipient: rfc822; {to}", "Action: failed",
        "Status: 5.1.1", "", "--b--", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


async def test_reports_of_mails_that_the_relay_fell_silent_about(house: House) -> None:
    """Two of them: neither has an id of the relay's, and neither is in the other's way."""
    agent = await add_user(house, "anna")
    async with mail_house(house) as sink:
        sink.answer = None
        for number in range(2):
            taken = await take(house, mail(message_id=f"<{number}@customer.example>"))
            assert taken.conversation_id is not None
            await send(house, agent, taken.conversation_id, NewReply("Turn it off and on."))
        await sent(house)
        ours = "kind = 'message' AND direction = 'out'"
        states = await house.db.fetch(f"SELECT DISTINCT state FROM message WHERE {ours}")
        assert [row["state"] for row in states] == ["unknown"]
        for arrived in [each for each in sink.mails if each.sender]:
            await take(house, report("ann@customer.example"), envelope_sender="", recipient=arrived.sender)
        found = await house.db.fetch(f"SELECT state, error_code FROM message WHERE {ours}")
        assert [tuple(row.values()) for row in found] == [("permanent_failure", "5.1.1")] * 2


async def test_an_address_that_has_no_room_for_a_tag_goes_without(house: House) -> None:
    agent = await add_user(house, "anna")
    long = "customer-service-of-acme@acme.example"
    async with mail_house(house) as sink:
        await put(house, SYSTEM, company.Mail(address=long))
        zone = ZoneInfo("Asia/Kathmandu")
        house.settings = house.settings.model_copy(update={"timezone": zone})
        taken = await take(house, mail(to=long))
        assert taken.conversation_id is not None
        await send(house, agent, taken.conversation_id, NewReply("Turn it off and on."))
        await sent(house)
        (reply,) = [each for each in sink.mails if each.sender]
        assert (reply.sender, reply.mail["Reply-To"]) == (long, None)
        (asked, *_) = await messages(house, taken.conversation_id)
        assert f"On {asked.at.astimezone(zone):%Y-%m-%d %H:%M} you wrote:\n> My heater" in reply.text
        assert await reasons_of(house.db, "email", address_index(house.keyring, "ann@customer.example")) == set()
