"""What hotline answers by itself: that a message arrived, with its ticket and when somebody is there; and the words by
which messages stop and start."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from hotline.conversations import auto_answer, segments
from hotline.conversations.auto_answer import Which
from hotline.conversations.states import Channel
from hotline.crm import company
from hotline.crm.commands.conversations.conversations import ConversationRecord
from hotline.crm.commands.conversations.message_facts import auto_answers, last_answer_named
from hotline.crm.commands.conversations.messages import NewMessage
from hotline.crm.section import Locale
from hotline.crm.unit_of_work import UnitOfWork
from hotline.workflows.company.calendars import rules_of
from hotline.workflows.company.company import get as company_section
from hotline.workflows.house import House
from hotline.workflows.tickets.tickets_kept import CALENDAR


async def answer_text(house: House, uow: UnitOfWork, which: Which, language: str, *, ticket: str = "") -> str:
    """The text of one of hotline's own answers in a language; ``ticket`` is the ticket as people say it."""
    section = await company_section(house, company.Messages, uow)
    who = await company_section(house, company.Company, uow)
    own: Mapping[Which, Mapping[Locale, str]] = {
        "received": section.auto_answer_text,
        "stop": section.stop_text,
        "start": section.start_text,
        "help": section.help_text,
    }
    contact = ", ".join(each for each in (who.phone, who.email) if each)
    values = {
        "company": section.brand or who.name or "hotline",
        "ticket": ticket,
        "hours": await _hours(house, uow, language) if which == "received" else "",
        "contact": f"{contact}. " if contact else "",
    }
    return auto_answer.text_of(which, language, dict(own[which].items()), values)


async def _hours(house: House, uow: UnitOfWork, language: str) -> str:
    calendar = (await rules_of(house, uow)).calendars.get(CALENDAR)
    if calendar is None or not calendar.ever_open:
        return auto_answer.hours(language, None, None)
    opens = calendar.next_open(uow.now)
    local = opens.astimezone(calendar.zone) if opens is not None else None
    return auto_answer.hours(language, calendar.is_open(uow.now), local)


async def may_answer(
    house: House, uow: UnitOfWork, conversation: ConversationRecord, at: datetime, *, automatic: bool
) -> bool:
    """Whether somebody who writes is told that it arrived: where the company wants it, once in an interval for each
    conversation, few times in all, and never a machine."""
    section = await company_section(house, company.Messages, uow)
    if not section.auto_answer:
        return False
    interval = timedelta(hours=section.auto_answer_hours)
    answered, to_person = await auto_answers(uow, conversation, uow.now - interval)
    return auto_answer.may_answer(
        uow.now, at, automatic=automatic, answered_before=answered, to_person=to_person, interval=interval
    )


async def last_answer(uow: UnitOfWork, channel: Channel, index: bytes, which: Which) -> datetime | None:
    """When hotline last gave this answer to an address."""
    return await last_answer_named(uow, channel, index, _named(which))


def _named(which: Which) -> str:
    return f"auto:{which}"


def answer_message(
    uow: UnitOfWork, channel: Channel, which: Which, text: str, in_reply_to: NewMessage, *, at_once: bool
) -> NewMessage:
    """One of hotline's own answers as a message: handed over ``at_once`` in the reply to a webhook, else queued."""
    counted = segments.count(text) if channel == "sms" else None
    return NewMessage(
        id=uow.new_id(),
        direction="out",
        kind="auto",
        at=uow.now,
        state="sending" if at_once else "queued",
        body=text,
        in_reply_to=in_reply_to.id,
        template=_named(which),
        encoding=counted.encoding if counted else None,
        segments=counted.count if counted else None,
        send_at=None if at_once else uow.now,
    )
