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
        ops.CreateModel(
            name="DuplicatePair",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                (
                    "low",
                    fields.ForeignKeyField(
                        "crm.Customer",
                        source_field="low_id",
                        null=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "high",
                    fields.ForeignKeyField(
                        "crm.Customer",
                        source_field="high_id",
                        null=False,
                        db_index=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("score", fields.SmallIntField()),
                ("reasons", ArrayField("text")),
                ("state", fields.CharField(max_length=16)),
                ("found_at", fields.DatetimeField(db_default=Now())),
                (
                    "dismissed_by",
                    fields.ForeignKeyField(
                        "crm.User",
                        source_field="dismissed_by_id",
                        null=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("dismissed_at", fields.DatetimeField(null=True)),
            ],
            options={"table": "duplicate_pair", "unique_together": (("low", "high"),), "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.AddIndex(
            model_name="DuplicatePair",
            index=WhereIndex(fields=["score", "id"], name="duplicate_pair_open", where="state = 'open'"),
        ),
        ops.CreateModel(
            name="Merge",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                (
                    "kept",
                    fields.ForeignKeyField(
                        "crm.Customer",
                        source_field="kept_id",
                        null=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "gone",
                    fields.ForeignKeyField(
                        "crm.Customer",
                        source_field="gone_id",
                        null=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "by",
                    fields.ForeignKeyField(
                        "crm.User",
                        source_field="by_id",
                        null=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("at", fields.DatetimeField()),
                ("undo_until", fields.DatetimeField()),
                ("undone_at", fields.DatetimeField(null=True)),
                (
                    "undone_by",
                    fields.ForeignKeyField(
                        "crm.User",
                        source_field="undone_by_id",
                        null=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("moved", fields.JSONField(db_default={})),
                ("version", fields.IntField()),
            ],
            options={"table": "merge", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.AddIndex(model_name="Merge", index=Index(fields=["kept_id", "id"], name="merge_kept")),
        ops.AddIndex(model_name="Merge", index=Index(fields=["gone_id", "id"], name="merge_gone")),
        ops.CreateModel(
            name="MergeField",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                (
                    "merge",
                    fields.ForeignKeyField(
                        "crm.Merge",
                        source_field="merge_id",
                        null=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("field", fields.CharField(max_length=200)),
                ("before_cipher", fields.BinaryField()),
                ("after_cipher", fields.BinaryField()),
            ],
            options={"table": "merge_field", "unique_together": (("merge", "field"),), "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="MergeItem",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                (
                    "merge",
                    fields.ForeignKeyField(
                        "crm.Merge",
                        source_field="merge_id",
                        null=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("kind", fields.CharField(max_length=16)),
                ("row_id", fields.UUIDField()),
                ("from_id", fields.UUIDField(null=True)),
            ],
            options={"table": "merge_item", "unique_together": (("merge", "kind", "row_id"),), "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.AddIndex(model_name="MergeItem", index=Index(fields=["row_id", "kind"], name="merge_item_row")),
        ops.CreateModel(
            name="BatchItem",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                (
                    "job",
                    fields.ForeignKeyField(
                        "crm.BackgroundJob",
                        source_field="job_id",
                        null=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("position", fields.IntField()),
                (
                    "customer",
                    fields.ForeignKeyField(
                        "crm.Customer",
                        source_field="customer_id",
                        null=False,
                        db_index=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("outcome", fields.CharField(max_length=16, null=True)),
                ("before", fields.JSONField(null=True)),
            ],
            options={"table": "batch_item", "unique_together": (("job", "position"),), "pk_attr": "id"},
            bases=["Model"],
        ),
    ]
