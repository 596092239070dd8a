"""A recipient follows a link."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID

from hotline.campaigns import clicks, tokens
from hotline.campaigns import links as link_rules
from hotline.campaigns.render_errors import RenderError
from hotline.crm.commands.campaigns.link_clicks import Link, hold_link, note_click
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.errors import NotFound
from hotline.workflows.campaigns.links import secrets, unsubscribe_url
from hotline.workflows.house import House
from hotline.workflows.pushes.push_values import trigger_values_for, values_for


class LeadsNowhere(NotFound):
    """This link leads nowhere."""

    code = "leads_nowhere"


async def follow(house: House, token: str, who: clicks.Who = "person") -> str:
    """Where the link of a token leads, who followed it noted. Raises LeadsNowhere for a token that is not ours, and for
    a link that is gone. It never unsubscribes anybody."""
    read = tokens.read_click(secrets(house), token)
    if read is None:
        raise LeadsNowhere()
    async with house.unit(SYSTEM) as uow:
        link = await hold_link(uow, *read)
        url = None if link is None else await _address(house, uow, read[0], link)
        if link is None or url is None or urlsplit(url).scheme not in ("https", "http"):
            raise LeadsNowhere()
        await note_click(uow, *read, link, machine=who == "machine")
    return url


async def _address(house: House, uow: UnitOfWork, delivery_id: UUID, link: Link) -> str | None:
    """Where a link leads for its recipient; None when that is not known any more. The values are those of today: none
    of them was ever part of the link."""
    if not link_rules.is_filled(link.written):
        return link.written
    if link.person_id is None:
        return None
    names = link_rules.fields_of(link.written)
    own = (await values_for(house, {link.person_id: link.locale}, names, uow)).get(link.person_id)
    if own is None:
        return None
    causes = await trigger_values_for(house, {delivery_id: link.facts}, {delivery_id: link.locale}, names, uow)
    values = {**own, **causes.get(delivery_id, {}), "unsubscribe_url": unsubscribe_url(house, delivery_id)}
    try:
        return link_rules.filled(link.written, values)
    except (RenderError, ValueError):
        return None
