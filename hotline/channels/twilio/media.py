"""Fetching the files that webhooks name whole: pictures of messages. What may be fetched is decided in one place,
``hotline.channels.outgoing_urls``."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import ClientSession

from hotline.channels.outgoing_urls import Trust, outgoing


@dataclass(frozen=True, slots=True)
class Media:
    """A file. ``content_type`` is what its host says it is: to be checked against the bytes."""

    data: bytes = field(repr=False)
    content_type: str


async def fetch(
    session: ClientSession,
    url: str,
    limit: int,
    *,
    credentials: tuple[str, str],
    api_url: str = "",
    seconds: float = 30.0,
) -> Media:
    """The file at ``url``, at most ``limit`` bytes, within ``seconds``. ``session`` serves Twilio's own hosts.

    Raises MediaRefused for what shall not be fetched and what is not there, TemporarilyRefused when its host is away.
    """
    async with outgoing(session, url, limit, trust=Trust(credentials, api_url), seconds=seconds) as answer:
        data = bytearray()
        async for piece in answer.pieces():
            data += piece
        return Media(bytes(data), answer.kind)
