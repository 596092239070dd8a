"""A recipient follows a link."""

from __future__ import annotations

from urllib.parse import urlsplit

from hotline.campaigns import tokens
from hotline.crm.commands.link_clicks import note_click
from hotline.crm.viewer import SYSTEM
from hotline.errors import NotFound
from hotline.workflows.campaigns.links import secrets
from hotline.workflows.house import House


async def follow(house: House, token: str, *, counts: bool = True) -> str:
    """Where the link of a token leads, the click noted. Raises NotFound for a token that is not ours, and for a link
    that is gone. It never unsubscribes anybody."""
    read = tokens.read_click(secrets(house), token)
    if read is None:
        raise NotFound("This link leads nowhere.")
    async with house.unit(SYSTEM) as uow:
        url = await note_click(uow, *read, counts=counts)
    if url is None or urlsplit(url).scheme not in ("https", "http"):
        raise NotFound("This link leads nowhere.")
    return url
