"""Whether somebody may send themselves a test now."""

from __future__ import annotations

from datetime import datetime

from hotline.crm.database import Reader
from hotline.crm.keys import Keyring
from hotline.crm.viewer import Viewer

#: What the audit trail says of each.
ACTION = "template:tested"


async def count_tests(db: Reader, viewer: Viewer, since: datetime) -> int | None:
    """How many tests the viewer has sent since then; None while everything outbound is stopped."""
    viewer.require("templates.read")
    row = await db.fetchrow(
        """SELECT (SELECT count(*) FROM audit_entry WHERE actor_id = $1 AND at >= $2 AND action = $3) AS sent,
               EXISTS (SELECT 1 FROM outbound_stop WHERE stopped_at IS NOT NULL) AS stopped""",
        *(viewer.user_id, since, ACTION),
    )
    return None if row is None or row["stopped"] else int(row["sent"])


async def is_customers(db: Reader, keyring: Keyring, viewer: Viewer, kind: str, address: str) -> bool:
    """Whether an address is one of a customer's: whoever enters it as their own must not write to them by it."""
    viewer.require("templates.read")
    found: bool = await db.fetchval(
        "SELECT EXISTS (SELECT 1 FROM contact_point WHERE value_index = $1)", keyring.contact_index(kind, address)
    )
    return found
