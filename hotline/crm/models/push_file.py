"""Files of campaigns that lie sealed for a day: lists of who wants nothing, and exports of who got what."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.indexes import WhereIndex
from hotline.crm.models.key import PersonalKey
from hotline.crm.models.user import User
from hotline.ids import new_id


class PushFile(Model):
    """A file of many people under a key of its own. ``kind``: ``suppressions``, a list that was brought, or
    ``deliveries``, an export. ``name_cipher`` is what it was called; ``chosen`` are ids and codes: of which campaign,
    how a list is read. It ends at ``expires_at``: then its key is destroyed."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    kind = fields.CharField(max_length=16)
    created_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    key: fields.ForeignKeyRelation[PersonalKey] = fields.ForeignKeyField(
        "crm.PersonalKey", related_name=False, on_delete=fields.RESTRICT
    )
    name_cipher = fields.BinaryField(null=True)
    format = fields.CharField(max_length=8)
    language = fields.CharField(max_length=8)
    chosen: Any = fields.JSONField(db_default={})
    path = fields.CharField(max_length=100, null=True)
    bytes = fields.BigIntField(null=True)
    rows = fields.BigIntField(null=True)
    job_id = fields.UUIDField(null=True)
    created_at = fields.DatetimeField(db_default=Now())
    expires_at = fields.DatetimeField()
    deleted_at = fields.DatetimeField(null=True)

    class Meta:
        table = "push_file"
        indexes = (
            Index(fields=("created_by_id", "kind", "id"), name="push_file_creator"),
            WhereIndex(fields=("expires_at",), name="push_file_live", where="deleted_at IS NULL"),
        )
