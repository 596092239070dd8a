"""How far mailboxes were read."""

from __future__ import annotations

from hotline.crm.commands.mail import mail as commands
from hotline.crm.queries.mail.mail import mailbox_read
from hotline.crm.viewer import SYSTEM
from hotline.workflows.house import House


async def read(house: House, mailbox: str) -> tuple[int, int] | None:
    """(UIDVALIDITY, the last id that was taken in); None for one that was never read."""
    return await mailbox_read(house.db, SYSTEM, mailbox)


async def read_up_to(house: House, mailbox: str, uid_validity: int, uid: int, *, passed: bool = False) -> None:
    """A mailbox is read as far as ``uid``; ``passed``: that mail could not be taken in and stays there."""
    async with house.unit(SYSTEM) as uow:
        await commands.read_up_to(uow, mailbox, uid_validity, uid, passed=passed)
