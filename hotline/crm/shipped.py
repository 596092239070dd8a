"""Rows that come with every version: the built-in roles and the tiers. Written again by every migration."""

from __future__ import annotations

from typing import Any, Final

import asyncpg

from hotline.crm.viewer import SHIPPED_ROLES
from hotline.ids import new_id

#: key, names, rank (1 is the highest), priority in the PBX's queue. What the company changed later stays.
SHIPPED_TIERS: Final[tuple[tuple[str, dict[str, str], int, int], ...]] = (
    ("platinum", {"en": "Platinum", "zh": "白金"}, 1, 30),
    ("gold", {"en": "Gold", "zh": "黄金"}, 2, 20),
    ("silver", {"en": "Silver", "zh": "白银"}, 3, 10),
    ("standard", {"en": "Standard", "zh": "标准"}, 4, 0),
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
    await connection.execute("INSERT INTO outbox_head (id, seq) VALUES (1, 0) ON CONFLICT (id) DO NOTHING")
