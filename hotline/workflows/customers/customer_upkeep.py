"""What has to be done about customers' records from time to time: what was taken away goes for good, values that stand
readable from an earlier version are sealed."""

from __future__ import annotations

from typing import Final

from hotline.crm.commands.customers.custom_columns import seal_clear_values
from hotline.crm.viewer import SYSTEM
from hotline.workflows.customers.customer_files import keep_files
from hotline.workflows.house import House

#: Rows of one transaction, and most transactions of one round.
_BATCH: Final = 500
_ROUNDS: Final = 2_000


async def keep_customers(house: House) -> dict[str, int]:
    """One round; how many files went and how many records were sealed."""
    sealed = 0
    for _ in range(_ROUNDS):
        async with house.unit(SYSTEM) as uow:
            count = await seal_clear_values(uow, limit=_BATCH)
        sealed += count
        if count < _BATCH:
            break
    return {"customer_files": await keep_files(house), "customers_sealed": sealed}
