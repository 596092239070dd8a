"""What of the first set-up was skipped."""

from __future__ import annotations

from hotline.crm.queries.company.setup import KEPT, Step
from hotline.crm.unit_of_work import UnitOfWork


async def keep_skipped(uow: UnitOfWork, step: Step, *, skipped: bool) -> None:
    """Keep that a step is skipped, or is not any more."""
    row = await uow.fetchrow(
        """INSERT INTO company_setting AS kept (name, value, version, updated_at) VALUES ($1, '{}'::jsonb, 0, $2)
           ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING value""",
        *(KEPT, uow.now),
    )
    before = set((row["value"] if row else {}).get("skipped", ()))
    after = before | {step} if skipped else before - {step}
    if after == before:
        return
    await uow.execute(
        "UPDATE company_setting SET value = $2, version = version + 1, updated_at = $3 WHERE name = $1",
        *(KEPT, {"skipped": sorted(after)}, uow.now),
    )
    uow.audit("setup:step_skipped" if skipped else "setup:step_resumed", None, step=step)
