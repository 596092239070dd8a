"""What delivery reports say of a message of ours, and what follows for the address that it went to."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import structlog
from prometheus_client import Counter

from hotline.channels.mail.bounces import Recipient, Report
from hotline.crm import company
from hotline.crm.commands.consent.opt_outs import opt_out
from hotline.crm.commands.mail.mail import count_bounce, forget_bounces, note_status, provider_id_of
from hotline.crm.commands.upkeep.claims import claim
from hotline.crm.queries.mail.mail import places_of_messages
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.workflows.company.company import get as company_section
from hotline.workflows.house import House
from hotline.workflows.mail.mail_words import ACCOUNT, address_index
from hotline.workflows.pushes.deliveries import told

log = structlog.get_logger(__name__)

BOUNCED: Final = Counter("hotline_mail_reports", "Delivery reports of own mail, by what they say.", ["fate"])


async def note_report(house: House, message_id: UUID, report: Report, report_id: str) -> bool:
    """Note a report of a message, once; False when there is no such message."""
    async with house.unit(SYSTEM) as uow:
        place = next(iter(await places_of_messages(uow, SYSTEM, [message_id], (), ACCOUNT)), None)
        if place is None:
            return False
        if await claim(uow, [f"mail:report:{message_id}:{report_id}"]) is not None:
            return True
        recipient = _of(uow, report, place.address_index)
        if recipient is not None:
            await _note(house, uow, message_id, place.address_index, recipient)
    return True


def _of(uow: UnitOfWork, report: Report, wanted: bytes | None) -> Recipient | None:
    """What it says of the address that the message went to. Servers write addresses anew: a report of a single one is
    of that."""
    for each in report.recipients:
        if wanted is not None and address_index(uow.keyring, each.address) == wanted:
            return each
    return report.recipients[0] if len(report.recipients) == 1 else None


async def _note(house: House, uow: UnitOfWork, message_id: UUID, index: bytes | None, recipient: Recipient) -> None:
    BOUNCED.labels(recipient.fate).inc()
    log.info("mail.reported", message=str(message_id), fate=recipient.fate, status=recipient.status)
    provider_id = await provider_id_of(uow, message_id)
    if recipient.fate == "delayed":
        return  # the server tries on
    if recipient.fate == "delivered":
        await told(uow, "delivered", account=ACCOUNT, provider_id=provider_id, message_id=message_id)
        if index is not None:
            await forget_bounces(uow, index)
        return
    if recipient.fate == "complaint":
        if index is not None:
            await opt_out(uow, "email", index, reason="complaint", source="provider", source_id=message_id)
        return
    if await told(uow, "permanent_failure", account=ACCOUNT, provider_id=provider_id, message_id=message_id):
        await note_status(uow, message_id, recipient.status or ("5.0.0" if recipient.hard else "4.0.0"))
    if index is None:
        return
    section = await company_section(house, company.Mail, uow)
    fared = await count_bounce(uow, index, hard=recipient.hard, status=recipient.status)
    if recipient.hard or fared.soft_bounces >= section.soft_bounces:
        await opt_out(
            uow, "email", index, reason="bounce", source="provider", source_id=message_id,
            code=recipient.status[:32] or None,
        )  # fmt: skip
