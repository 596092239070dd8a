"""Leases: one holder at a time, until a moment on the database's clock, with a fencing token that only grows.

Whoever holds a lease passes its token along with what it does, and ``check`` refuses a token that is no longer the
newest: a holder that slept through its end cannot do harm when it wakes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hotline.crm.database import Database, Reader
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict

#: No lease is made for so long.
FARTHEST: Final = timedelta(minutes=30)


class LeaseLost(Conflict):
    """Another node holds this lease now."""

    code = "lease_lost"


@dataclass(frozen=True, slots=True)
class Lease:
    """``until`` is the database's clock: compare it with nothing but the database's clock."""

    name: str
    holder: str
    token: int
    until: datetime


async def acquire(db: Database, name: str, holder: str, duration: timedelta) -> Lease | None:
    """Take the lease when it is free, ran out, or is the same holder's already; None while another one has it. One that
    ends farther away than any was made for is of a clock that was put back."""
    row = await db.fetchrow(
        """INSERT INTO lease AS held (name, holder, token, until) VALUES ($1, $2, 1, clock_timestamp() + $3)
           ON CONFLICT (name) DO UPDATE
           SET holder = excluded.holder, token = held.token + 1, until = clock_timestamp() + $3
           WHERE held.until <= clock_timestamp() OR held.holder = excluded.holder
              OR held.until > clock_timestamp() + $4::interval
           RETURNING token, until""",
        name,
        holder,
        duration,
        FARTHEST,
    )
    return None if row is None else Lease(name, holder, row["token"], row["until"])


async def renew(db: Database, lease: Lease, duration: timedelta) -> Lease | None:
    """Hold it for ``duration`` from now; None when somebody else took it meanwhile."""
    until = await db.fetchval(
        """UPDATE lease SET until = clock_timestamp() + $3
           WHERE name = $1 AND token = $2 AND until > '-infinity' RETURNING until""",
        lease.name,
        lease.token,
        duration,
    )
    return None if until is None else Lease(lease.name, lease.holder, lease.token, until)


async def release(db: Database, lease: Lease) -> None:
    """Give it back, so that the next one need not wait. The row stays: its token must go on growing."""
    await db.execute(
        "UPDATE lease SET until = '-infinity', holder = '' WHERE name = $1 AND token = $2", lease.name, lease.token
    )


async def holder_of(db: Reader, name: str) -> str | None:
    """Who holds the lease now."""
    holder: str | None = await db.fetchval(
        "SELECT holder FROM lease WHERE name = $1 AND until > clock_timestamp()", name
    )
    return holder


async def check(uow: UnitOfWork, lease: Lease) -> None:
    """Raise LeaseLost unless ``lease`` is still the newest, and keep others from taking it before this unit commits."""
    found = await uow.fetchval(
        """SELECT true FROM lease
           WHERE name = $1 AND token = $2 AND until > clock_timestamp() FOR SHARE""",
        lease.name,
        lease.token,
    )
    if not found:
        raise LeaseLost()
