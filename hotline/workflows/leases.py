"""Taking, keeping and giving back leases, for the doors that need to be alone: a PBX has one reader."""

from __future__ import annotations

from datetime import timedelta

from hotline.crm import leases
from hotline.crm.leases import Lease, LeaseLost
from hotline.workflows.house import House

__all__ = ["Lease", "LeaseLost", "acquire_lease", "release_lease", "renew_lease"]


async def acquire_lease(house: House, name: str, duration: timedelta) -> Lease | None:
    """Take the lease ``name`` for this process; None while another process has it."""
    return await leases.acquire(house.db, name, house.settings.node, duration)


async def renew_lease(house: House, lease: Lease, duration: timedelta) -> Lease | None:
    """Hold it for ``duration`` from now; None when another process took it meanwhile: stop at once."""
    return await leases.renew(house.db, lease, duration)


async def release_lease(house: House, lease: Lease) -> None:
    """Give it back."""
    await leases.release(house.db, lease)
