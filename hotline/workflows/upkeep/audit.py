"""Sealing and verifying the audit trail."""

from __future__ import annotations

import asyncio

import structlog

from hotline.crm import audit
from hotline.crm.audit import Report, Seal
from hotline.crm.campaign_audit import verify_campaigns
from hotline.crm.viewer import Viewer
from hotline.workflows.house import House

log = structlog.get_logger(__name__)


async def seal_audit(house: House) -> Seal | None:
    """Chain and seal what has committed; None when nothing was new or another node does it."""
    folder = house.settings.data_dir
    kept = await asyncio.to_thread(audit.kept_head, folder)
    made = await audit.seal(house.db, house.keyring, house.clock())
    if made is None:
        return None
    if kept is not None and await audit.contradicts(house.db, kept):
        # Never overwritten by itself: it is the only witness. Who restored a backup on purpose removes the file.
        log.error("audit.trail_was_cut", position=kept[0], file=str(folder / audit.HEAD_FILE))
    else:
        await asyncio.to_thread(audit.keep_head, folder, made)
    return made


async def verify_audit(house: House, viewer: Viewer) -> Report:
    """Walk the whole trail, against the head that this machine kept, then hold what campaigns were approved by against
    it. Raises Forbidden without ``audit.read``."""
    viewer.require("audit.read")
    kept = await asyncio.to_thread(audit.kept_head, house.settings.data_dir)
    async with house.db.snapshot() as snapshot:
        report = await audit.verify(snapshot, house.keyring, [] if kept is None else [kept])
        await verify_campaigns(snapshot, house.keyring, report)
        return report
