"""Campaigns by email: each mail is made as bytes and handed to the relay over connections of its own, beside those of
agents' mail. The return path names the delivery (VERP), so that what comes back finds it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from hotline.channels.errors import AddressRefused, NotConfigured
from hotline.channels.mail.bulk import BulkMail, compose_bulk, letterhead
from hotline.channels.mail.bulk_pool import AT_ONCE, BulkPool, NotAllowed
from hotline.channels.mail.compose import usable_address
from hotline.channels.mail.signing import Signer
from hotline.conversations.mail_tokens import message_id, tag, tagged, takes_tag
from hotline.crm import company
from hotline.workflows.company.company import get as company_section
from hotline.workflows.house import House
from hotline.workflows.mail.mail_words import tag_secret
from hotline.workflows.pushes.deliveries import Accepted
from hotline.workflows.pushes.push_channels import MOST_BEGUN, Push, PushChannel, Withheld

#: Mails over one connection: relays that want fewer close it themselves.
MAILS: Final = 2_000
#: Letterheads that are remembered.
_MOST_HEADS: Final = 100


@dataclass
class _Relay:
    """This process's connections for campaigns, and what is the same in all mails."""

    pool: BulkPool | None = None
    signer: Signer | None = None
    heads: dict[tuple[str, str], bytes] = field(default_factory=dict)


async def send(house: House, push: Push) -> Accepted:
    """Hand a mail to the relay, once. Raises a ChannelError, and Withheld."""
    relay = _relay(house)
    if relay.pool is None:
        raise NotConfigured("HOTLINE_SMTP_URL is empty.")
    section = await company_section(house, company.Mail)
    sender = push.sender or section.address
    if not sender:
        raise NotConfigured("The address of the section mail is empty.")
    head = _head(relay, sender, push.sender_name or section.name)
    secret = tag_secret(house.keyring)
    domain = sender.rpartition("@")[2]
    own_id = message_id(secret, push.delivery_id, domain)
    rendered, to = push.rendered, usable_address(push.to)
    mail = BulkMail(
        to=to,
        subject=rendered.subject,
        text=rendered.body,
        html=rendered.html,
        message_id=own_id,
        unsubscribe_url=push.unsubscribe_url,
        language=push.locale,
    )
    content = compose_bulk(mail, head, push.at)
    if relay.signer is not None:
        content = await asyncio.to_thread(relay.signer.sign, content, domain)
    with_tags = section.tagged_addresses and takes_tag(sender)
    verp = tagged(sender, tag(secret, "bounce", push.delivery_id)) if with_tags else sender
    try:
        await relay.pool.send(verp, [to], content, push.may_go)
    except NotAllowed:
        raise Withheld from None
    return Accepted(own_id, None)


def _head(relay: _Relay, sender: str, name: str) -> bytes:
    """The letterhead of a sender. Raises NotConfigured for an address that is none: the recipient is not to blame."""
    head = relay.heads.get((sender, name))
    if head is None:
        try:
            head = letterhead(sender, name)
        except AddressRefused:
            raise NotConfigured("The address that mail is sent from is no address.") from None
        if len(relay.heads) >= _MOST_HEADS:
            relay.heads.clear()
        relay.heads[sender, name] = head
    return head


def _relay(house: House) -> _Relay:
    relay: _Relay | None = house.kept.get(_Relay)
    if relay is None:
        server, key = house.settings.smtp, house.settings.dkim_key_file
        relay = _Relay(
            pool=None if server is None else BulkPool(server, most=house.settings.push_connections, mails=MAILS),
            signer=None if key is None else Signer.read(key, house.settings.dkim_selector),
        )
        house.kept[_Relay] = relay
    return relay


async def tidy(house: House, everything: bool) -> None:
    """Close connections that nobody used lately, or all of them."""
    relay = house.kept.get(_Relay)
    if relay is not None and relay.pool is not None:
        await (relay.pool.close() if everything else relay.pool.close_idle())


#: A slow relay gets nearly all the time that the lease of a try allows: for a connection, one mail, and the one before.
_SECONDS: Final = 450.0
#: As many tries for each connection as elsewhere: half of them for each of the two mails on it.
EMAIL: Final = PushChannel(
    send=send,
    at_once=lambda house: AT_ONCE * house.settings.push_connections,
    seconds=_SECONDS,
    begun=MOST_BEGUN // AT_ONCE,
    asks=True,
    tidy=tidy,
)
