"""Who was erased: ids, a moment and a code of the reason, nothing of the person."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.fields.db_defaults import Now
from tortoise.models import Model

from hotline.ids import new_id


class Erasure(Model):
    """One customer who was erased. ``with_id`` is the customer who was asked for: those merged into them went along.

    ``counts`` says how many rows of each kind it reached. The rows stay: after a restore they are erased again.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    customer_id = fields.UUIDField(unique=True)
    with_id = fields.UUIDField()
    user_id = fields.UUIDField(null=True)
    reason = fields.CharField(max_length=32)
    counts: Any = fields.JSONField(db_default={})
    at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "erasure"
