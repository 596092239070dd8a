"""How fast campaigns may leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hotline.crm.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class KeptRate:
    """A rate: of a ``channel``, a ``sender`` (its id) or a ``destination`` (a mail domain, a country)."""

    kind: str
    name: str
    per_second: float
    burst: int


async def replace_rates(uow: UnitOfWork, rates: Sequence[KeptRate]) -> None:
    """Keep these rates, and no others."""
    await uow.execute("DELETE FROM push_rate")
    await uow.execute(
        """INSERT INTO push_rate (kind, name, per_second, burst, updated_at)
           SELECT kind, name, per_second, burst, $5
           FROM unnest($1::text[], $2::text[], $3::numeric[], $4::int[]) AS t (kind, name, per_second, burst)""",
        [each.kind for each in rates], [each.name for each in rates], [each.per_second for each in rates],
        [each.burst for each in rates], uow.now,
    )  # fmt: skip
    uow.audit("push_rates:changed", None, rates=len(rates))
