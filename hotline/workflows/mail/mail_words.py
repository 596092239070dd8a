"""What mail needs everywhere: the key of its tags, its ids in the records, the company's own addresses."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from hotline.conversations.mail_tokens import untagged
from hotline.crm import company
from hotline.crm.commands.conversations.senders import create_sender
from hotline.crm.database import Reader
from hotline.crm.keys import Keyring
from hotline.crm.queries.conversations.senders import SenderView, default_sender, find_sender, list_senders
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.errors import Conflict
from hotline.workflows.company.company import get as company_section
from hotline.workflows.house import House

#: The provider's account of every mail.
ACCOUNT: Final = "email"


def tag_secret(keyring: Keyring) -> bytes:
    """The key of the tags in addresses; every node has the same."""
    return keyring.own_key("mail_tags").secret


def id_of(keyring: Keyring, message_id: str, writer: str) -> str:
    """How a mail of somebody else is known in the records: its Message-ID may name a person. The same Message-ID of
    another writer is another mail: some programs give all of theirs the same one, and anybody could take another's."""
    return keyring.blind_index("message_id", f"{message_id}\n{writer.strip().lower()}").hex()


def address_index(keyring: Keyring, address: str) -> bytes:
    """The keyed index of an address, as contact points and conversations have it."""
    return keyring.contact_index("email", address.strip().lower())


async def own_addresses(house: House, db: Reader) -> frozenset[str]:
    """The company's own addresses, in lower case, without tags."""
    section = await company_section(house, company.Mail, db if isinstance(db, UnitOfWork) else None)
    found = {sender.address.lower() for sender in await list_senders(db, SYSTEM, channel="email")}
    return frozenset(found | ({section.address.lower()} if section.address else set()))


async def sender_of(house: House, uow: UnitOfWork, addresses: tuple[str, ...]) -> SenderView | None:
    """The company's own address that one of ``addresses`` is, its default one where none is. The one of the settings is
    noted among the senders when it is first written to."""
    section = await company_section(house, company.Mail, uow)
    for address in (*addresses, section.address):
        plain = untagged(address)[0].lower()
        if plain and (found := await find_sender(uow, SYSTEM, "email", plain)) is not None:
            return found
    own = section.address.lower()
    if own:
        with suppress(Conflict):  # another mail was faster
            await create_sender(uow, "email", own, {"name": section.name})
        return await find_sender(uow, SYSTEM, "email", own)
    return await default_sender(uow, SYSTEM, "email")
