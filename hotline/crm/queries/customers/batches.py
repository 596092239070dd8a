"""What a batch would do, before it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from hotline.crm.commands.customers.batches import Change
from hotline.crm.database import Reader
from hotline.crm.keys import Keyring
from hotline.crm.queries.customers.customer_views import SELECT, CustomerView, customer_view
from hotline.crm.scopes import Arguments, Bind, all_of
from hotline.crm.viewer import Viewer

#: Customers that a preview shows.
SAMPLE: Final = 10


@dataclass(frozen=True, slots=True)
class BatchPreview:
    """``count`` customers are chosen; ``changing`` of them would change, the others are so already."""

    count: int
    changing: int
    sample: Sequence[CustomerView]


async def preview_batch(
    db: Reader, keyring: Keyring, viewer: Viewer, conditions: Sequence[str], bind: Arguments, change: Change | None
) -> BatchPreview:
    """Count whom the ``conditions`` on ``customer c`` choose and who would change, and show the newest of them.

    Without a ``change`` (an export) nobody changes.
    """
    arguments = list(bind.values)
    chosen = all_of(*conditions)
    rows = await db.fetch(f"{SELECT} WHERE {chosen} ORDER BY c.id DESC LIMIT {SAMPLE}", *arguments)
    differs = _differs(change, bind)
    counted = await db.fetchrow(
        f"SELECT count(*) AS chosen, count(*) FILTER (WHERE {differs}) AS changing FROM customer c WHERE {chosen}",  # noqa: S608
        *bind.values,
    )
    shown = [customer_view(keyring, viewer, row) for row in rows]
    return BatchPreview(counted["chosen"], counted["changing"], shown) if counted else BatchPreview(0, 0, shown)


def only(ids: Sequence[UUID], bind: Bind) -> str:
    """The condition on ``customer c`` that they are among these."""
    return f"c.id = ANY({bind(list(ids))}::uuid[])"


def _differs(change: Change | None, bind: Arguments) -> str:
    if change is None:
        return "false"
    if change.action == "classify":
        return f"c.classification IS DISTINCT FROM {bind(change.value)}::text"
    if change.action == "transfer":
        return f"c.responsible_id::text IS DISTINCT FROM {bind(change.value)}::text"
    tags: Any = list(change.tag_ids)
    held = f"(SELECT count(*) FROM customer_tag t WHERE t.customer_id = c.id AND t.tag_id = ANY({bind(tags)}::uuid[]))"  # noqa: S608
    return f"{held} < {bind(len(tags))}::int" if change.action == "tag" else f"{held} > 0"
