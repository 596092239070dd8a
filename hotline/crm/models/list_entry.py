"""The company's own lists: what a field offers to choose from."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.models import Model


class ListEntry(Model):
    """An entry of a list. It is archived, never deleted: records name it by its key."""

    id = fields.BigIntField(primary_key=True)
    list = fields.CharField(max_length=40)
    key = fields.CharField(max_length=40)
    names: Any = fields.JSONField()
    position = fields.IntField(db_default=0)
    archived_at = fields.DatetimeField(null=True)
    version = fields.IntField(db_default=1)

    class Meta:
        table = "list_entry"
        unique_together = (("list", "key"),)
