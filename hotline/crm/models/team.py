"""Teams: people who work together, and the queues whose calls and tickets are theirs."""

from __future__ import annotations

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.models import Model

from hotline.crm.models.user import User
from hotline.ids import new_id


class Team(Model):
    """Whoever may see their teams' records sees those of its members and those of its ``queues``."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=100)
    queues = ArrayField("text", db_default=SqlDefault("'{}'::text[]"))
    version = fields.IntField(db_default=1)
    created_at = fields.DatetimeField(db_default=Now())
    updated_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "team"
        unique_together = (("name",),)


class TeamMember(Model):
    """Who is in which team; one may be in several."""

    id = fields.BigIntField(primary_key=True)
    team: fields.ForeignKeyRelation[Team] = fields.ForeignKeyField(
        "crm.Team", related_name=False, on_delete=fields.CASCADE
    )
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, on_delete=fields.CASCADE, db_index=True
    )

    class Meta:
        table = "team_member"
        unique_together = (("team", "user"),)
