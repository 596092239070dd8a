"""Users, their roles, and how they prove who they are. The table is ``users``: ``user`` is a function in PostgreSQL."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.models import Model

from hotline.ids import new_id


class Role(Model):
    """A named set of permissions; ``name`` is its key, ``names`` are what people read, by language. The built-in ones
    are written by every migration, but for ``require_totp``, which is the company's."""

    name = fields.CharField(max_length=64, primary_key=True)
    permissions = ArrayField("text", db_default=SqlDefault("'{}'::text[]"))
    built_in = fields.BooleanField(db_default=False)
    names: Any = fields.JSONField(db_default={})
    require_totp = fields.BooleanField(db_default=False)
    version = fields.IntField(db_default=1)
    updated_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "role"


class User(Model):
    """Who signs in. ``interfaces`` are the exact names by which PBXs know their phones; ``queues`` are theirs."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    login = fields.CharField(max_length=150, unique=True)
    name = fields.CharField(max_length=200)
    role: fields.ForeignKeyRelation[Role] = fields.ForeignKeyField(
        "crm.Role", related_name=False, on_delete=fields.RESTRICT, source_field="role"
    )
    locale = fields.CharField(max_length=16, db_default="en")
    password_hash = fields.TextField(null=True)
    extension = fields.CharField(max_length=32, null=True)
    interfaces = ArrayField("text", db_default=SqlDefault("'{}'::text[]"))
    queues = ArrayField("text", db_default=SqlDefault("'{}'::text[]"))
    disabled_at = fields.DatetimeField(null=True)
    failed_sign_ins = fields.IntField(db_default=0)
    locked_until = fields.DatetimeField(null=True)
    preferences: Any = fields.JSONField(db_default={})
    version = fields.IntField(db_default=1)
    created_at = fields.DatetimeField(db_default=Now())
    updated_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "users"


class Session(Model):
    """A sign-in of a browser. Only the hash of its token is kept."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    token_hash = fields.BinaryField()
    csrf_token = fields.CharField(max_length=64)
    created_at = fields.DatetimeField(db_default=Now())
    seen_at = fields.DatetimeField(db_default=Now())
    expires_at = fields.DatetimeField()
    revoked_at = fields.DatetimeField(null=True)
    user_agent = fields.CharField(max_length=300, db_default="")

    class Meta:
        table = "session"
        unique_together = (("token_hash",),)


class ApiToken(Model):
    """A token for the API, acting for a user. ``scopes`` is ``{all}`` or a list of permissions."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    name = fields.CharField(max_length=100)
    token_hash = fields.BinaryField()
    scopes = ArrayField("text", db_default=SqlDefault("'{}'::text[]"))
    created_at = fields.DatetimeField(db_default=Now())
    used_at = fields.DatetimeField(null=True)
    expires_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "api_token"
        unique_together = (("token_hash",),)
