"""The outbox: events that commit together with the rows they tell of (``crm.outbox``)."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id


class OutboxEntry(Model):
    """One event. ``seq`` is null until the relay has numbered it, after its commit."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    type = fields.CharField(max_length=64)
    audience = ArrayField("text")
    data: Any = fields.JSONField()
    at = fields.DatetimeField()
    seq = fields.BigIntField(null=True)

    class Meta:
        table = "outbox"
        indexes = (
            Index(fields=("seq",), name="outbox_seq"),
            WhereIndex(fields=("id",), name="outbox_unnumbered", where="seq IS NULL"),
        )


class OutboxHead(Model):
    """One row, ``id`` 1: the last number given out. Locking it is what puts the numbers in order."""

    id = fields.IntField(primary_key=True, generated=False)
    seq = fields.BigIntField(db_default=0)

    class Meta:
        table = "outbox_head"
