"""Replies that stand ready, with what they do beside answering; who may use them, and what they said before."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.team import Team
from hotline.crm.models.user import User
from hotline.ids import new_id


class Macro(Model):
    """A reply template. ``user``: somebody's own; ``team``: a team's; neither: everybody's.

    ``texts`` are by language, ``channels`` where it is offered (none: everywhere), ``actions`` a JSON object as
    ``hotline.conversations.macros.Actions``. ``template`` is the provider's id of an approved WhatsApp template
    (ContentSid), ``variables`` the placeholders for its {{1}}, {{2}} … Archived ones are offered no more.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=100)
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.CASCADE
    )
    team: fields.ForeignKeyNullableRelation[Team] = fields.ForeignKeyField(
        "crm.Team", related_name=False, null=True, on_delete=fields.CASCADE
    )
    texts: Any = fields.JSONField(db_default={})
    channels = ArrayField("text", db_default=SqlDefault("'{}'::text[]"))
    actions: Any = fields.JSONField(db_default={})
    template = fields.CharField(max_length=64, null=True)
    variables = ArrayField("text", db_default=SqlDefault("'{}'::text[]"))
    archived_at = fields.DatetimeField(null=True)
    used = fields.IntField(db_default=0)
    used_at = fields.DatetimeField(null=True)
    version = fields.IntField(db_default=1)
    created_at = fields.DatetimeField(db_default=Now())
    updated_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "macro"
        indexes = (Index(fields=("user_id", "team_id", "name"), name="macro_of"),)


class MacroVersion(Model):
    """A macro as it was from ``at`` on, and who wrote it so."""

    id = fields.BigIntField(primary_key=True)
    macro: fields.ForeignKeyRelation[Macro] = fields.ForeignKeyField(
        "crm.Macro", related_name=False, on_delete=fields.CASCADE
    )
    version = fields.IntField()
    name = fields.CharField(max_length=100)
    texts: Any = fields.JSONField()
    channels = ArrayField("text", db_default=SqlDefault("'{}'::text[]"))
    actions: Any = fields.JSONField(db_default={})
    template = fields.CharField(max_length=64, null=True)
    variables = ArrayField("text", db_default=SqlDefault("'{}'::text[]"))
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.SET_NULL
    )
    at = fields.DatetimeField()

    class Meta:
        table = "macro_version"
        unique_together = (("macro", "version"),)
