"""The company's own fields of customers and tickets."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.ids import new_id


class CustomField(Model):
    """One field. ``record`` is the kind of record that has it; ``type`` never changes once values may exist.

    ``options`` hold what belongs to the type: the choices, a currency, a least and a greatest value. Archived fields
    are offered no more; their values stay.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    record = fields.CharField(max_length=16)
    key = fields.CharField(max_length=64)
    names: Any = fields.JSONField()
    hints: Any = fields.JSONField(db_default={})
    type = fields.CharField(max_length=16)
    options: Any = fields.JSONField(db_default={})
    required = fields.BooleanField(db_default=False)
    private = fields.BooleanField(db_default=False)
    shown_in_pop = fields.BooleanField(db_default=False)
    position = fields.IntField(db_default=0)
    archived_at = fields.DatetimeField(null=True)
    version = fields.IntField(db_default=1)
    created_at = fields.DatetimeField(db_default=Now())
    updated_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "custom_field"
        unique_together = (("record", "key"),)
        indexes = (Index(fields=("key",), name="custom_field_key"),)
