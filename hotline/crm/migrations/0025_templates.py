"""Templates of what campaigns send, and the links in them."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import Operation

from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("crm", "0024_segments")]  # noqa: RUF012

    initial = False

    operations: list[Operation] = [  # noqa: RUF012
        ops.CreateModel(
            name="Template",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("name", fields.CharField(max_length=100)),
                ("channel", fields.CharField(max_length=16)),
                ("current", fields.IntField(db_default=1)),
                ("archived_at", fields.DatetimeField(null=True)),
                (
                    "created_by",
                    fields.ForeignKeyField(
                        "crm.User",
                        source_field="created_by_id",
                        to_field="id",
                        related_name=False,
                        null=True,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("version", fields.IntField(db_default=1)),
                ("created_at", fields.DatetimeField(db_default=Now())),
                ("updated_at", fields.DatetimeField(db_default=Now())),
            ],
            options={"table": "template", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TemplateVersion",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                (
                    "template",
                    fields.ForeignKeyField(
                        "crm.Template",
                        source_field="template_id",
                        to_field="id",
                        related_name=False,
                        null=True,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("number", fields.IntField()),
                ("channel", fields.CharField(max_length=16)),
                ("content", fields.JSONField()),
                ("sha256", fields.BinaryField()),
                ("user_id", fields.UUIDField(null=True)),
                ("at", fields.DatetimeField()),
            ],
            options={
                "table": "template_version",
                "unique_together": (("template", "number"),),
                "indexes": [
                    WhereIndex(fields=["sha256"], name="template_version_anonymous", where="template_id IS NULL")
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TrackedLink",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("manifest_id", fields.UUIDField()),
                ("n", fields.SmallIntField()),
                ("url", fields.TextField()),
            ],
            options={"table": "tracked_link", "unique_together": (("manifest_id", "n"),), "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="LinkClick",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("delivery_id", fields.UUIDField()),
                ("manifest_id", fields.UUIDField()),
                ("n", fields.SmallIntField()),
                ("at", fields.DatetimeField()),
            ],
            options={
                "table": "link_click",
                "unique_together": (("delivery_id", "n"),),
                "indexes": [Index(fields=["manifest_id", "n"], name="link_click_link")],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
