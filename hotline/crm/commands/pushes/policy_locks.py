"""Deciding about the same people one after the other, where what one campaign sends counts for another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from hotline.campaigns.policy import SendRules
from hotline.crm.unit_of_work import UnitOfWork

#: Keeps the locks of people apart from the other advisory locks.
_LOCKS: Final = 0x63617073


async def one_at_a_time(uow: UnitOfWork, rules: SendRules, customer_ids: Iterable[UUID]) -> None:
    """Let nobody else decide about these people until this unit ends: two campaigns that send to somebody at the same
    moment would each see that the other has not sent yet. Nothing to do without caps.

    Call it before ``policy_facts.load``, in the unit that commits the tries.
    """
    if not rules.caps:
        return
    # In one order everywhere, else two units could wait for each other.
    await uow.execute(
        """SELECT pg_advisory_xact_lock($1, key) FROM (
               SELECT DISTINCT hashtext(id::text) AS key FROM unnest($2::uuid[]) AS a (id) ORDER BY key
           ) AS keys""",
        _LOCKS,
        list(customer_ids),
    )
