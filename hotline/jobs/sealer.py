"""The audit sealer: chains and seals entries within a second of their commit, on whichever node comes first."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from hotline.crm.audit import BATCH
from hotline.errors import Unavailable
from hotline.workflows.house import House
from hotline.workflows.upkeep.audit import seal_audit

log = structlog.get_logger(__name__)

#: Seconds between two looks.
LOOK_SECONDS: Final = 0.5


async def run(house: House) -> None:
    """Seal until cancelled. A database that is away is waited for."""
    last = 0
    while True:
        try:
            made = await seal_audit(house)
        except Unavailable as error:
            log.warning("sealer.waiting", reason=error.code)
            made = None
        except Exception:
            log.exception("sealer.failed")
            made = None
        if made is None or made.position - last < BATCH:
            await asyncio.sleep(LOOK_SECONDS)
        last = made.position if made is not None else last
