"""Work in the background: imports, exports, batches, whatever takes longer than a request."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.indexes import WhereIndex
from hotline.crm.models.user import User
from hotline.ids import new_id


class BackgroundJob(Model):
    """One piece of work. ``params``, ``cursor`` and ``result`` hold ids, codes and counts, never personal data.

    ``acting`` is whose rights it works with: its starter's, or those of who had it undone. ``narrowed_to``: the
    permissions that it may use at most, null for all of theirs. ``lease_token`` grows with each claim, so that whoever
    lost the lease can write nothing more. ``tries`` counts claims since the last step.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    kind = fields.CharField(max_length=32)
    state = fields.CharField(max_length=16)
    undoing = fields.BooleanField(db_default=False)
    params: Any = fields.JSONField(db_default={})
    cursor: Any = fields.JSONField(null=True)
    done = fields.IntField(db_default=0)
    total = fields.IntField(null=True)
    failed = fields.IntField(db_default=0)
    rate = fields.FloatField(null=True)
    result: Any = fields.JSONField(db_default={})
    error = fields.CharField(max_length=64, null=True)
    created_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    acting: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    narrowed_to = ArrayField("text", null=True)
    created_at = fields.DatetimeField(db_default=Now())
    started_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)
    undo_until = fields.DatetimeField(null=True)
    lease_until = fields.DatetimeField(null=True)
    lease_token = fields.BigIntField(db_default=0)
    tries = fields.IntField(db_default=0)
    version = fields.IntField(db_default=1)
    updated_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "background_job"
        indexes = (
            WhereIndex(fields=("created_at",), name="background_job_open", where="state IN ('queued', 'running')"),
            Index(fields=("created_by_id", "id"), name="background_job_creator"),
            WhereIndex(fields=("ended_at",), name="background_job_ended", where="ended_at IS NOT NULL"),
        )
