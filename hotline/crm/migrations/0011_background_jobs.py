"""Work in the background, duplicates, merging, batches."""

from tortoise import fields, migrations
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import Operation

from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("crm", "0010_customers")]  # noqa: RUF012

    initial = False

    operations: list[Operation] = [  # noqa: RUF012
        ops.CreateModel(
            name="BackgroundJob",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("kind", fields.CharField(max_length=32)),
                ("state", fields.CharField(max_length=16)),
                ("undoing", fields.BooleanField(db_default=False)),
                ("params", fields.JSONField(db_default={})),
                ("cursor", fields.JSONField(null=True)),
                ("done", fields.IntField(db_default=0)),
                ("total", fields.IntField(null=True)),
                ("failed", fields.IntField(db_default=0)),
                ("rate", fields.FloatField(null=True)),
                ("result", fields.JSONField(db_default={})),
                ("error", fields.CharField(max_length=64, null=True)),
                (
                    "created_by",
                    fields.ForeignKeyField(
                        "crm.User",
                        source_field="created_by_id",
                        null=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "acting",
                    fields.ForeignKeyField(
                        "crm.User",
                        source_field="acting_id",
                        null=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("narrowed_to", ArrayField("text", null=True)),
                ("created_at", fields.DatetimeField(db_default=Now())),
                ("started_at", fields.DatetimeField(null=True)),
                ("ended_at", fields.DatetimeField(null=True)),
                ("undo_until", fields.DatetimeField(null=True)),
                ("lease_until", fields.DatetimeField(null=True)),
                ("lease_token", fields.BigIntField(db_default=0)),
                ("tries", fields.IntField(db_default=0)),
                ("version", fields.IntField(db_default=1)),
                ("updated_at", fields.DatetimeField(db_default=Now())),
            ],
            options={"table": "background_job", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.AddIndex(
            model_name="BackgroundJob",
            index=WhereIndex(fields=["created_at"], name="background_job_open", where="state IN ('queued', 'running')"),
        ),
        ops.AddIndex(
            model_name="BackgroundJob", index=Index(fields=["created_by_id", "id"], name="background_job_creator")
        ),
        ops.AddIndex(
            model_name="BackgroundJob",
            index=WhereIndex(fields=["ended_at"], name="background_job_ended", where="ended_at IS NOT NULL"),
        ),
    ]
