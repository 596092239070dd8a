"""The SLA timers: on every node, a look each second at what has become due, and at the rules as they are now."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Final
from uuid import UUID

import structlog

from hotline.crm.queries.tickets.sla import look
from hotline.crm.viewer import SYSTEM
from hotline.errors import HotlineError, Unavailable
from hotline.workflows.company import company
from hotline.workflows.company.calendars import refresh_rules, rules_of, sign_rules
from hotline.workflows.house import House
from hotline.workflows.tickets.timers import forget_rules, tell_due

log = structlog.get_logger(__name__)

#: Seconds between two looks: how late a deadline is told at most, when nothing is in the way.
LOOK_SECONDS: Final = 1.0
#: Most tickets of one look; when there are more, the next one follows at once.
BATCH: Final = 100
#: Seconds that a ticket rests whose clocks could not be told.
REST_SECONDS: Final = 60.0
#: Seconds between two readings of what other nodes changed in the company's settings.
COMPANY_SECONDS: Final = 3.0
FORGET_SECONDS: Final = 600.0
#: Seconds until the next attempt while the database is away.
RETRY_SECONDS: Final = 2.0


class Timers:
    """One node's looks."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._resting: dict[UUID, float] = {}
        self._signed = False
        self._company = self._forgot = float("-inf")

    async def once(self) -> bool:
        """Tell what is due; whether more is known to wait."""
        await self._keep_up()
        self._resting = {ticket: until for ticket, until in self._resting.items() if until > monotonic()}
        # A ticket that fails over and over must not be in the way of the others.
        seen = await look(self._house.db, SYSTEM, self._house.clock(), BATCH, list(self._resting)[:1_000])
        if seen.version != (await rules_of(self._house)).version:
            await refresh_rules(self._house)
        told = await self._tell(seen.due)
        told += await self._tell([ticket for ticket in seen.behind if ticket not in seen.due])
        return told > 0 and max(len(seen.due), len(seen.behind)) >= BATCH // 2

    async def _keep_up(self) -> None:
        if not self._signed:
            await sign_rules(self._house)
            self._signed = True
        if monotonic() - self._company > COMPANY_SECONDS:
            await company.refresh(self._house)
            self._company = monotonic()
        if monotonic() - self._forgot > FORGET_SECONDS:
            await forget_rules(self._house)
            self._forgot = monotonic()

    async def _tell(self, tickets: Sequence[UUID]) -> int:
        told = 0
        for ticket in tickets:
            try:
                told += await tell_due(self._house, ticket)
            except Unavailable:
                raise
            except HotlineError as error:
                log.warning("sla.not_told", ticket_id=str(ticket), reason=error.code)
                self._resting[ticket] = monotonic() + REST_SECONDS
            except Exception:
                log.exception("sla.failed", ticket_id=str(ticket))
                self._resting[ticket] = monotonic() + REST_SECONDS
        return told


async def run(house: House) -> None:
    """Look until cancelled. A database that is away is waited for; what became due meanwhile is told afterwards."""
    timers = Timers(house)
    while True:
        pause = LOOK_SECONDS
        try:
            if await timers.once():
                pause = 0.0
        except Unavailable as error:
            log.warning("sla.waiting", reason=error.code)
            pause = RETRY_SECONDS
        except Exception:
            log.exception("sla.look_failed")
        await asyncio.sleep(pause)
