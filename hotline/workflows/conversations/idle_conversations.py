"""Conversations that everybody has forgotten are closed: answered, and nothing was written for days."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from hotline.crm import company
from hotline.crm.commands.conversations.conversations import lock_idle, save_conversation
from hotline.crm.viewer import SYSTEM
from hotline.workflows.company.company import get as company_section
from hotline.workflows.house import House

BATCH: Final = 100


async def close_idle(house: House) -> int:
    """Close what was answered and has been silent for as many days as the company waits; answers how many."""
    days = (await company_section(house, company.Messages)).close_after_days
    async with house.unit(SYSTEM) as uow:
        idle = await lock_idle(uow, uow.now - timedelta(days=days), most=BATCH)
        for record in idle:
            record.set(state="closed")
            await save_conversation(uow, record)
            uow.audit("conversation:closed", record.id, why="idle")
    return len(idle)
