"""What customers choose themselves by the links in what they get: ``/u/<token>``. Whoever holds the link is believed
as far as the link goes; nothing is asked of them, and nothing but their choices is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from hotline.campaigns import tokens
from hotline.campaigns.consent import ASKED, Channel, Purpose
from hotline.crm.commands.consent.consents import withdraw
from hotline.crm.commands.consent.opt_outs import let_go, opt_in, opt_out
from hotline.crm.queries.consent.preferences import Holder, addresses_of, holder_of_customer, holder_of_delivery
from hotline.crm.viewer import SYSTEM
from hotline.errors import NotFound
from hotline.workflows.campaigns.links import secrets
from hotline.workflows.house import House


class NoSuchLink(NotFound):
    """This link leads nowhere: it is incomplete, or what it belongs to is over."""

    code = "no_such_link"


@dataclass(frozen=True, slots=True)
class Target:
    """What a token stands for: one delivery, or a customer."""

    delivery_id: UUID | None = None
    customer_id: UUID | None = None


def read(house: House, token: str) -> Target | None:
    """What a token stands for; None for what nobody here has made. No record is looked at."""
    keys = secrets(house)
    delivery_id = tokens.read_unsubscribe(keys, token)
    if delivery_id is not None:
        return Target(delivery_id=delivery_id)
    customer_id = tokens.read_preferences(keys, token)
    return Target(customer_id=customer_id) if customer_id is not None else None


async def holder(house: House, target: Target) -> Holder:
    """What the page shows; reading changes nothing. Raises NoSuchLink."""
    found = None
    if target.delivery_id is not None:
        found = await holder_of_delivery(house.db, house.keyring, SYSTEM, target.delivery_id)
    elif target.customer_id is not None:
        found = await holder_of_customer(house.db, house.keyring, SYSTEM, target.customer_id)
    if found is None:
        raise NoSuchLink()
    return found


async def unsubscribe(house: House, target: Target, *, ip: str, wording: str = "") -> Holder:
    """No more marketing over the channel of the delivery, of a customer's own link over any (RFC 8058). Again changes
    nothing. Raises NoSuchLink."""
    whose = await holder(house, target)
    async with house.unit(SYSTEM) as uow:
        for channel in (whose.channel,) if whose.channel is not None else ASKED:
            await opt_out(
                uow, channel, whose.address_index, source="link", purpose="marketing", customer_id=whose.customer_id,
                delivery_id=whose.delivery_id, ip=ip, wording=wording,
            )  # fmt: skip
    return await holder(house, target)


async def stop_everything(house: House, target: Target, *, ip: str, wording: str) -> Holder:
    """Nothing at all goes any more, whatever the channel. Raises NoSuchLink."""
    whose = await holder(house, target)
    async with house.unit(SYSTEM) as uow:
        addresses = await addresses_of(uow, SYSTEM, whose.customer_id)
        for channel in ASKED:
            indexes: list[bytes | None] = list(addresses[channel])
            if channel == whose.channel and whose.address_index not in indexes:
                indexes.append(whose.address_index)
            for index in indexes or [None]:
                await opt_out(
                    uow, channel, index, source="link", customer_id=whose.customer_id,
                    delivery_id=whose.delivery_id if channel == whose.channel else None, ip=ip, wording=wording,
                )  # fmt: skip
    return await holder(house, target)


async def choose(
    house: House,
    target: Target,
    chosen: Mapping[tuple[Channel, Purpose], bool],
    wordings: Mapping[tuple[Channel, Purpose], str],
    *,
    ip: str,
) -> Holder:
    """Take over what they ticked and unticked; what is not in ``chosen`` stays as it is. ``wordings`` are the sentences
    that stood beside what they ticked. Raises NoSuchLink."""
    whose = await holder(house, target)
    now = {each.channel: each for each in whose.channels}
    async with house.unit(SYSTEM) as uow:
        addresses = await addresses_of(uow, SYSTEM, whose.customer_id)
        for (channel, purpose), wanted in sorted(chosen.items()):
            if channel not in now or getattr(now[channel], purpose) == wanted:
                continue
            wording = wordings.get((channel, purpose), "")
            if wanted:
                for index in addresses[channel]:
                    await let_go(uow, channel, index, source="link", purpose=purpose)
                await opt_in(
                    uow, channel, None, source="link", purpose=purpose, customer_id=whose.customer_id,
                    source_id=whose.delivery_id, ip=ip, wording=wording,
                )  # fmt: skip
            elif purpose == "marketing":
                await opt_out(
                    uow, channel, whose.address_index if channel == whose.channel else None, source="link",
                    purpose="marketing", customer_id=whose.customer_id,
                    delivery_id=whose.delivery_id if channel == whose.channel else None, ip=ip, wording=wording,
                )  # fmt: skip
            else:
                await withdraw(
                    uow, whose.customer_id, channel, purpose, source="link", source_id=whose.delivery_id, ip=ip,
                    wording=wording,
                )  # fmt: skip
    return await holder(house, target)
