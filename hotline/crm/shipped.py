"""Rows that come with every version: the built-in roles, the tiers, categories to begin with. Written again by every
migration."""

from __future__ import annotations

from typing import Any, Final

import asyncpg

from hotline.crm.shipped_lists import SHIPPED_LISTS
from hotline.crm.viewer import SHIPPED_ROLES
from hotline.ids import new_id

#: key, names, rank (1 is the highest), priority in the PBX's queue. What the company changed later stays.
SHIPPED_TIERS: Final[tuple[tuple[str, dict[str, str], int, int], ...]] = (
    ("platinum", {"en": "Platinum", "zh": "白金"}, 1, 30),
    ("gold", {"en": "Gold", "zh": "黄金"}, 2, 20),
    ("silver", {"en": "Silver", "zh": "白银"}, 3, 10),
    ("standard", {"en": "Standard", "zh": "标准"}, 4, 0),
)

#: slug, names. Only for a database that has no category yet: the tree is the company's own.
SHIPPED_CATEGORIES: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("billing", {"en": "Billing", "zh": "账单"}),
    ("billing/invoice", {"en": "Invoice", "zh": "发票"}),
    ("billing/payment", {"en": "Payment", "zh": "付款"}),
    ("billing/refund", {"en": "Refund", "zh": "退款"}),
    ("product", {"en": "Product", "zh": "产品"}),
    ("product/fault", {"en": "Fault", "zh": "故障"}),
    ("product/question", {"en": "Question", "zh": "咨询"}),
    ("delivery", {"en": "Delivery", "zh": "配送"}),
    ("delivery/late", {"en": "Late", "zh": "延误"}),
    ("delivery/damaged", {"en": "Damaged", "zh": "损坏"}),
    ("account", {"en": "Account", "zh": "账户"}),
    ("other", {"en": "Other", "zh": "其他"}),
)


async def write(connection: asyncpg.Connection) -> None:
    """Write the shipped rows; the permissions of built-in roles follow the version, tiers are only added."""
    roles: list[tuple[Any, ...]] = [(name, list(permissions)) for name, permissions in SHIPPED_ROLES.items()]
    await connection.executemany(
        """INSERT INTO role (name, permissions, built_in) VALUES ($1, $2, true)
           ON CONFLICT (name) DO UPDATE SET permissions = excluded.permissions, built_in = true""",
        roles,
    )
    await connection.executemany(
        """INSERT INTO tier (id, key, names, rank, queue_priority) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (key) DO NOTHING""",
        [(new_id(), *tier) for tier in SHIPPED_TIERS],
    )
    if not await connection.fetchval("SELECT EXISTS (SELECT 1 FROM category)"):
        await connection.executemany(
            "INSERT INTO category (slug, parent, names, position) VALUES ($1, $2, $3, $4)",
            [(slug, slug.rpartition("/")[0] or None, names, at) for at, (slug, names) in enumerate(SHIPPED_CATEGORIES)],
        )
    await connection.executemany(
        """INSERT INTO list_entry (list, key, names, position) VALUES ($1, $2, $3, $4)
           ON CONFLICT (list, key) DO NOTHING""",
        [
            (name, key, names, at)
            for name, entries in SHIPPED_LISTS.items()
            for at, (key, names) in enumerate(entries.items())
        ],
    )
    await connection.execute("INSERT INTO outbox_head (id, seq) VALUES (1, 0) ON CONFLICT (id) DO NOTHING")
