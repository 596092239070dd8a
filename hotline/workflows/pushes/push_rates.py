"""How fast campaigns may leave: set by whoever sets the house up, kept by every process that sends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hotline.crm.commands.pushes import push_rates as commands
from hotline.crm.commands.pushes.push_rates import KeptRate
from hotline.crm.queries.pushes.push_campaigns import push_rates
from hotline.crm.viewer import Viewer
from hotline.errors import Invalid
from hotline.workflows.house import House

KINDS: Final = ("channel", "sender", "destination")
MOST: Final = 1_000
__all__ = ["KINDS", "MOST", "KeptRate", "list_rates", "set_rates"]


async def list_rates(house: House, viewer: Viewer) -> list[KeptRate]:
    """Every rate. Raises Forbidden."""
    viewer.require("settings.read")
    found = await push_rates(house.db, viewer)
    return [
        KeptRate(kind, name, rate.per_second, rate.burst)
        for kind in KINDS
        for name, rate in sorted(getattr(found, kind).items())
    ]


async def set_rates(house: House, viewer: Viewer, rates: Sequence[KeptRate]) -> list[KeptRate]:
    """Keep these rates and no others; within seconds on every node. Raises Forbidden, Invalid."""
    viewer.require("settings.write")
    named = {(each.kind, each.name): each for each in rates}
    if len(named) < len(rates):
        raise Invalid("rates: one is there twice")
    async with house.unit(viewer) as uow:
        await commands.replace_rates(uow, list(named.values()))
    return await list_rates(house, viewer)
