"""Consent that people and programs write down for customers: what was agreed to, how, when, and what proves it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final, cast
from uuid import UUID

from hotline.campaigns.consent import ASKED, PURPOSES, STATES, Channel, Purpose, State
from hotline.crm.commands.consent.consents import LONGEST_PROOF, LONGEST_WORDING, Said, Source, say
from hotline.crm.queries.consent.consents import ConsentRecordView, get_consent_record
from hotline.crm.queries.customers.customers import require_customer
from hotline.crm.viewer import Viewer
from hotline.customers.text import many_lines
from hotline.errors import Conflict, Invalid, NotFound
from hotline.workflows.house import House

#: How somebody may have said it; what a link, a STOP or a provider says, these write down themselves.
HOW: Final[tuple[Source, ...]] = ("form", "call", "message", "agent", "api")
#: A clock that is a little fast is no lie.
_AHEAD: Final = timedelta(minutes=5)


class SaidAlready(Conflict):
    """This was taken back already: there is nothing to write down."""

    code = "said_already"


@dataclass(frozen=True, slots=True)
class NewConsent:
    """What is to be written down. ``source``: how it was said, empty: by whoever writes it down."""

    customer_id: UUID
    channel: str
    purpose: str
    action: str
    wording: str = field(default="", repr=False)
    source: str = ""
    proof: str = field(default="", repr=False)
    ip: str = field(default="", repr=False)
    call_id: UUID | None = None
    at: datetime | None = None


async def record(house: House, viewer: Viewer, new: NewConsent) -> ConsentRecordView:
    """Write it down. Consent without the words that were agreed to is none: ``wording`` must be there.

    Raises Forbidden, NotFound for a customer whom the viewer does not see, Invalid, and SaidAlready.
    """
    viewer.require("consents.write")
    channel, purpose, action, source = _checked(viewer, new)
    wording = many_lines(new.wording, "wording", LONGEST_WORDING, needed=action == "granted")
    proof = many_lines(new.proof, "proof", LONGEST_PROOF)
    async with house.unit(viewer) as uow:
        customer_id = await require_customer(uow, viewer, new.customer_id)
        if new.at is not None and new.at > uow.now + _AHEAD:
            raise Invalid("at: this is not yet.")
        record_id = uow.new_id()
        said = Said(
            customer_id, channel, purpose, action, source, new.at or uow.now, call_id=new.call_id, wording=wording,
            proof=proof, ip=new.ip, id=record_id,
        )  # fmt: skip
        await say(uow, [said])
        try:
            return await get_consent_record(uow, uow.keyring, viewer, record_id)
        except NotFound:
            raise SaidAlready() from None


def _checked(viewer: Viewer, new: NewConsent) -> tuple[Channel, Purpose, State, Source]:
    known: tuple[tuple[str, str, tuple[str, ...]], ...] = (
        ("channel", new.channel, ASKED),
        ("purpose", new.purpose, PURPOSES),
        ("action", new.action, STATES),
        ("source", new.source, ("", *HOW)),
    )
    for name, value, some in known:
        if value not in some:
            raise Invalid(f"{name}: one of {', '.join(each for each in some if each)}")
    if new.ip:
        try:
            ip_address(new.ip)
        except ValueError:
            raise Invalid("ip: not an address of the internet.") from None
    source = new.source or ("api" if viewer.kind == "token" else "agent")
    return cast(Channel, new.channel), cast(Purpose, new.purpose), cast(State, new.action), cast(Source, source)


async def whose(house: House, viewer: Viewer, customer_id: UUID) -> UUID:
    """The customer whose page a link is for, for whoever may write down what they say. Raises Forbidden, NotFound."""
    viewer.require("consents.write")
    return await require_customer(house.db, viewer, customer_id)
