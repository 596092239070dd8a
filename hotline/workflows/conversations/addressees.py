"""Whom a conversation is with, when the company writes: the address, the company's own, and the customer, who is made
when nobody has the address yet."""

from __future__ import annotations

from uuid import UUID

from hotline import phone
from hotline.conversations.states import Channel
from hotline.crm.commands.calls.calls import find_owners
from hotline.crm.commands.conversations import conversations as commands
from hotline.crm.commands.conversations.conversations import ConversationRecord
from hotline.crm.commands.conversations.message_facts import locale_of, tier_key_of
from hotline.crm.commands.customers import customers as customer_commands
from hotline.crm.commands.customers.customer_parts import ContactPointData
from hotline.crm.commands.tickets.ticket_texts import move_texts
from hotline.crm.commands.tickets.tickets import TicketRecord
from hotline.crm.keys import PersonalKey
from hotline.crm.queries.conversations.senders import default_sender, get_sender
from hotline.crm.queries.customers.reaching import address_of_customer
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.customers import contact_points
from hotline.customers.contact_points import ContactValue
from hotline.errors import Conflict, Invalid
from hotline.workflows.house import House


class NoSender(Conflict):
    """The company has no number or address to send this from."""

    code = "no_sender"


async def whom(
    house: House, uow: UnitOfWork, viewer: Viewer, channel: Channel, address: str | None, customer_id: UUID | None
) -> ContactValue:
    """Where a message of a channel goes: the ``address`` as it is kept, or the customer's own. Raises Invalid."""
    kind: contact_points.Kind = "email" if channel == "email" else "phone"
    if address:
        return contact_points.normalise(kind, address, house.settings.region, "address")
    if customer_id is None:
        raise Invalid("address: whom to write to, or the customer.")
    found = await address_of_customer(uow, uow.keyring, viewer, customer_id, channel)
    if found is None:
        raise Invalid("customer_id: the customer has no address of this channel.")
    return found


async def sender_of(uow: UnitOfWork, channel: Channel, sender_id: UUID | None, country: str | None) -> UUID:
    """The company's own number or address to write from. Raises Invalid for one of another channel, NoSender."""
    if sender_id is not None:
        sender = await get_sender(uow, SYSTEM, sender_id)
        if sender.channel != channel:
            raise Invalid("sender_id: it is of another channel.")
        return sender.id
    found = await default_sender(uow, SYSTEM, channel, country)
    if found is None:
        raise NoSender
    return found.id


async def set_owner(uow: UnitOfWork, record: ConversationRecord, customer_id: UUID | None) -> None:
    """Say whose a new conversation is: the customer that is named, else who has the address."""
    if customer_id is not None:
        row = await customer_commands.lock_customer(uow, customer_id)
        record.set(customer_id=row.id)
    elif record.address_index is not None:
        owners = [owner.customer_id for owner in await find_owners(uow, record.address_index)]
        record.set(customer_id=owners[0] if len(owners) == 1 else None, candidate_ids=owners if len(owners) > 1 else [])
    record.set(language=await locale_of(uow, record.customer_id))


async def make_customer(uow: UnitOfWork, record: ConversationRecord, key: PersonalKey) -> None:
    """Whom nobody knows yet becomes a customer when somebody answers; unless they became one meanwhile."""
    if record.address_index is None:
        return
    owners = [owner.customer_id for owner in await find_owners(uow, record.address_index)]
    if len(owners) > 1:
        record.set(candidate_ids=owners)
        return
    if owners:
        record.set(customer_id=owners[0])
        return
    address = commands.unseal(uow, key, record, "address_cipher")
    kind: contact_points.Kind = "email" if record.channel == "email" else "phone"
    if record.channel == "whatsapp":
        kind = "whatsapp"
    if kind != "email" and not address.startswith("+"):
        return  # a short number or a name: nobody's own
    suffixes = () if kind == "email" else phone.suffixes(address)
    # A name is read by everybody who sees the customer, the whole address is not.
    name = commands.unseal(uow, key, record, "name_cipher") or contact_points.mask(kind, address)
    customer_id = uow.new_id()
    point = ContactPointData(kind, ContactValue(address, record.country, suffixes))
    await customer_commands.create_customer(
        uow, customer_id, kind="person", name=name[:200], locale=record.language, contact_points=[point],
        source="message",
    )  # fmt: skip
    record.set(customer_id=customer_id, candidate_ids=[])


async def give_ticket(uow: UnitOfWork, ticket: TicketRecord, customer_id: UUID) -> None:
    """A locked ticket of somebody whom nobody knew becomes their customer's."""
    await move_texts(uow, ticket, customer_id)
    ticket.set(tier=await tier_key_of(uow, customer_id))
