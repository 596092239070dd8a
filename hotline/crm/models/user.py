"""Users, their roles, and how they prove who they are. The table is ``users``: ``user`` is a function in PostgreSQL."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.models import Model

from hotline.crm.models.key import PersonalKey
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
    """Who signs in. ``interfaces`` are the exact names by which PBXs know their phones; ``queues`` are theirs.

    Email, phone and the secrets of the second factor are sealed under ``key``, a personal key of the user's own.
    ``skills``: ``[{"key", "level"}]``; ``working_hours``: ``{"calendar"}`` or ``{"weekly", "timezone"}``. ``totp_step``
    is the last step of 30 seconds whose code was used: none is used twice (RFC 6238 §5.2).
    """

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
    title = fields.CharField(max_length=100, null=True)
    key: fields.ForeignKeyNullableRelation[PersonalKey] = fields.ForeignKeyField(
        "crm.PersonalKey", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    email_cipher = fields.BinaryField(null=True)
    phone_cipher = fields.BinaryField(null=True)
    skills: Any = fields.JSONField(db_default=[])
    working_hours: Any = fields.JSONField(null=True)
    left_at = fields.DatetimeField(null=True)
    totp_cipher = fields.BinaryField(null=True)
    totp_pending_cipher = fields.BinaryField(null=True)
    totp_since = fields.DatetimeField(null=True)
    totp_step = fields.BigIntField(db_default=0)
    version = fields.IntField(db_default=1)
    created_at = fields.DatetimeField(db_default=Now())
    updated_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "users"


class Session(Model):
    """A sign-in of a browser. Only the hash of its token is kept.

    ``confirmed_at`` is when the person last proved who they are; ``second_factor``: with a code, too. ``network`` is
    the part of the address that names the network, not the person.
    """

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
    network = fields.CharField(max_length=64, db_default="")
    confirmed_at = fields.DatetimeField(null=True)
    second_factor = fields.BooleanField(db_default=False)

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
