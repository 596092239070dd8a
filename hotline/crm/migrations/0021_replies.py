"""Replies and macros that agents use; until when a conversation waits."""

from tortoise import fields, migrations
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import Operation

from hotline.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("crm", "0020_mail")]  # noqa: RUF012

    initial = False

    operations: list[Operation] = [  # noqa: RUF012
        ops.CreateModel(
            name="Macro",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("name", fields.CharField(max_length=100)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "crm.User", source_field="user_id", to_field="id", related_name=False, null=True,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "team",
                    fields.ForeignKeyField(
                        "crm.Team", source_field="team_id", to_field="id", related_name=False, null=True,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("texts", fields.JSONField(db_default={})),
                ("channels", ArrayField(db_default=SqlDefault("'{}'::text[]"), element_type="TEXT")),
                ("actions", fields.JSONField(db_default={})),
                ("template", fields.CharField(max_length=64, null=True)),
                ("variables", ArrayField(db_default=SqlDefault("'{}'::text[]"), element_type="TEXT")),
                ("archived_at", fields.DatetimeField(null=True)),
                ("used", fields.IntField(db_default=0)),
                ("used_at", fields.DatetimeField(null=True)),
                ("version", fields.IntField(db_default=1)),
                ("created_at", fields.DatetimeField(db_default=Now())),
                ("updated_at", fields.DatetimeField(db_default=Now())),
            ],
            options={
                "table": "macro",
                "indexes": [Index(fields=["user_id", "team_id", "name"], name="macro_of")],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="MacroVersion",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                (
                    "macro",
                    fields.ForeignKeyField(
                        "crm.Macro", source_field="macro_id", to_field="id", related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("version", fields.IntField()),
                ("name", fields.CharField(max_length=100)),
                ("texts", fields.JSONField()),
                ("channels", ArrayField(db_default=SqlDefault("'{}'::text[]"), element_type="TEXT")),
                ("actions", fields.JSONField(db_default={})),
                ("template", fields.CharField(max_length=64, null=True)),
                ("variables", ArrayField(db_default=SqlDefault("'{}'::text[]"), element_type="TEXT")),
                (
                    "user",
                    fields.ForeignKeyField(
                        "crm.User", source_field="user_id", to_field="id", related_name=False, null=True,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("at", fields.DatetimeField()),
            ],
            options={"table": "macro_version", "unique_together": (("macro", "version"),), "pk_attr": "id"},
            bases=["Model"],
        ),
    ]  # fmt: skip
