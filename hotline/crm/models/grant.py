"""Grants: rights that somebody has for a time, beside those of their role."""

from __future__ import annotations

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.user import Role, User
from hotline.ids import new_id


class RoleGrant(Model):
    """Some ``permissions``, or those of a whole ``role``, until ``expires_at``. Ended ones stay: they say who could
    see what, and when."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, on_delete=fields.CASCADE
    )
    role: fields.ForeignKeyNullableRelation[Role] = fields.ForeignKeyField(
        "crm.Role", related_name=False, null=True, on_delete=fields.RESTRICT, source_field="role"
    )
    permissions = ArrayField("text", db_default=SqlDefault("'{}'::text[]"))
    reason = fields.CharField(max_length=300)
    granted_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    granted_at = fields.DatetimeField(db_default=Now())
    expires_at = fields.DatetimeField()
    revoked_at = fields.DatetimeField(null=True)
    revoked_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )

    class Meta:
        table = "role_grant"
        indexes = (Index(fields=("user_id", "expires_at"), name="role_grant_user"),)
