"""A house with mail, and mails to give to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.policy import SMTP
from uuid import UUID

from pydantic import SecretStr

from hotline.crm import company
from hotline.crm.queries.conversations.messages import MessageView, list_messages
from hotline.crm.viewer import SYSTEM
from hotline.jobs.outgoing import Dispatch
from hotline.workflows.company.company import put
from hotline.workflows.house import House
from hotline.workflows.mail import mail_out
from tests.fakes.mail import Sink, mail_sink

SUPPORT = "support@acme.example"


@asynccontextmanager
async def mail_house(house: House, **section: object) -> AsyncIterator[Sink]:
    """``house`` with an address and a relay: a sink."""
    async with mail_sink() as sink:
        house.settings = house.settings.model_copy(
            update={"smtp_url": SecretStr(f"smtp://127.0.0.1:{sink.port}?starttls=no")}
        )
        await put(house, SYSTEM, company.Mail(address=SUPPORT, name="Acme", **section))
        try:
            yield sink
        finally:
            await mail_out.close(house)


def mail(
    text: str = "My heater is broken.",
    *,
    sender: str = "Ann Bell <ann@customer.example>",
    to: str = SUPPORT,
    subject: str = "Heater",
    message_id: str = "<1@customer.example>",
    **headers: str,
) -> bytes:
    """A plain mail; headers by names with underscores."""
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Subject"] = sender, to, subject
    if message_id:
        made["Message-ID"] = message_id
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made.as_bytes()


async def sent(house: House) -> None:
    """Everything that waits has left."""
    await Dispatch(house).drain()


async def messages(house: House, conversation_id: UUID) -> list[MessageView]:
    """The messages of a conversation, the oldest first."""
    found = await list_messages(house.db, house.keyring, SYSTEM, conversation_id, limit=50)
    return sorted(found, key=lambda each: each.at)
