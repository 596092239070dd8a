"""What the streams and the guard stand on, out of the house: outbox, bus, scene, and who a credential belongs to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

import structlog

from hotline.bus import Bus, Resync
from hotline.crm.database import Database
from hotline.crm.outbox import events_after, last_number
from hotline.crm.queries.stream import events_between
from hotline.errors import HotlineError
from hotline.events import TOPIC_EVENTS, TOPIC_NUMBERED, Event, decode
from hotline.web.context import SignedIn
from hotline.web.stream import Numbered
from hotline.workflows.house import House
from hotline.workflows.people.sign_in import identify_session, identify_token

log = structlog.get_logger(__name__)

_RETRY_SECONDS: Final = 1.0


class DatabaseOutbox:
    """The outbox table, as a hub reads it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def head(self) -> int:
        """The greatest number given out."""
        return await last_number(self._db)

    async def after(
        self, seq: int, *, until: int | None, marks: frozenset[str] | None, limit: int
    ) -> Sequence[Numbered]:
        """Events numbered above ``seq``; with ``marks`` only those up to ``until`` for one of them."""
        if marks is None or until is None:
            rows = await events_after(self._db, seq, limit=limit)
        else:
            rows = await events_between(self._db, seq, until, marks, limit=limit)
        return [Numbered(number, event) for number, event in rows]


async def nudges(bus: Bus) -> AsyncIterator[Sequence[Event]]:
    """The bus, as a hub listens to it; never ends. What cannot be read is left to the outbox."""
    while True:
        try:
            async with bus.subscribe(TOPIC_EVENTS, TOPIC_NUMBERED) as subscription:
                async for message in subscription:
                    if isinstance(message, Resync) or message.topic == TOPIC_NUMBERED:
                        yield ()
                    else:
                        yield _events(message.payload)
        except HotlineError as error:
            log.warning("stream.bus_lost", why=error.code)
        await asyncio.sleep(_RETRY_SECONDS)


def _events(payload: bytes) -> Sequence[Event]:
    try:
        return decode(payload)
    except (ValueError, KeyError, TypeError):
        log.warning("stream.nudge_unreadable")
        return ()


class HouseIdentify:
    """Credentials, looked up in the records."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def by_session(self, secret: str) -> SignedIn | None:
        """Who is signed in with this cookie."""
        found = await identify_session(self._house, secret)
        if found is None:
            return None
        return SignedIn(
            found.viewer,
            "session",
            found.id,
            found.login,
            found.csrf,
            confirmed_at=found.confirmed_at,
            must_enrol=found.must_enrol,
            second_factor=found.second_factor,
            preferences=found.preferences,
        )

    async def by_token(self, secret: str) -> SignedIn | None:
        """Whom this API token acts for."""
        found = await identify_token(self._house, secret)
        return None if found is None else SignedIn(found.viewer, "token", found.id, found.login)
