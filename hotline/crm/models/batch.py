"""What a batch does to each customer: frozen when it is asked for, so that it does what its preview said."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.models import Model

from hotline.crm.models.background import BackgroundJob
from hotline.crm.models.customer import Customer


class BatchItem(Model):
    """One customer of a batch. ``outcome`` is None until its turn; ``before`` is what its undo writes back: codes."""

    id = fields.BigIntField(primary_key=True)
    job: fields.ForeignKeyRelation[BackgroundJob] = fields.ForeignKeyField(
        "crm.BackgroundJob", related_name=False, on_delete=fields.CASCADE
    )
    position = fields.IntField()
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    outcome = fields.CharField(max_length=16, null=True)
    before: Any = fields.JSONField(null=True)

    class Meta:
        table = "batch_item"
        unique_together = (("job", "position"),)
