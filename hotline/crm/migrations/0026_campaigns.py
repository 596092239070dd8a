"""Campaigns, their manifests and approvals."""

from typing import Any

from tortoise import fields, migrations
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import Operation

from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id


def _user(name: str) -> tuple[str, Any]:
    return name, fields.ForeignKeyField(
        "crm.User",
        source_field=f"{name}_id",
        to_field="id",
        related_name=False,
        null=True,
        on_delete=OnDelete.RESTRICT,
    )


def _of(name: str, model: str) -> tuple[str, Any]:
    return name, fields.ForeignKeyField(
        f"crm.{model}",
        source_field=f"{name}_id",
        to_field="id",
        related_name=False,
        on_delete=OnDelete.RESTRICT,
    )


class Migration(migrations.Migration):
    dependencies = [("crm", "0025_templates")]  # noqa: RUF012

    initial = False

    operations: list[Operation] = [  # noqa: RUF012
        ops.CreateModel(
            name="Campaign",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("number", fields.BigIntField(unique=True)),
                ("name", fields.CharField(max_length=200)),
                ("kind", fields.CharField(max_length=16)),
                ("channel", fields.CharField(max_length=16)),
                ("purpose", fields.CharField(max_length=16)),
                ("sender_id", fields.UUIDField(null=True)),
                ("fallback_sender_ids", ArrayField(db_default=SqlDefault("'{}'::uuid[]"), element_type="UUID")),
                ("segment_id", fields.UUIDField(null=True)),
                ("variants", fields.JSONField(db_default=[])),
                ("schedule", fields.JSONField(db_default={})),
                ("limits", fields.JSONField(db_default={})),
                ("track_links", fields.BooleanField(db_default=False)),
                ("state", fields.CharField(max_length=16)),
                ("state_reason", fields.CharField(max_length=64, null=True)),
                ("state_at", fields.DatetimeField()),
                _user("state_by"),
                ("manifest_id", fields.UUIDField(null=True)),
                _user("author"),
                ("editor_ids", ArrayField(db_default=SqlDefault("'{}'::uuid[]"), element_type="UUID")),
                ("started_at", fields.DatetimeField(null=True)),
                ("completed_at", fields.DatetimeField(null=True)),
                ("version", fields.IntField(db_default=1)),
                ("created_at", fields.DatetimeField(db_default=Now())),
                ("updated_at", fields.DatetimeField(db_default=Now())),
            ],
            options={
                "table": "campaign",
                "indexes": [
                    WhereIndex(
                        fields=["state", "id"],
                        name="campaign_at_work",
                        where="state IN ('in_review', 'approved', 'scheduled', 'running', 'paused')",
                    ),
                    Index(fields=["segment_id"], name="campaign_of_segment"),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Manifest",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                _of("campaign", "Campaign"),
                ("number", fields.IntField()),
                ("content", fields.JSONField(db_default={})),
                ("sha256", fields.BinaryField(null=True)),
                ("recipients", fields.IntField(db_default=0)),
                ("recipients_sha256", fields.BinaryField(null=True)),
                ("excluded", fields.JSONField(db_default={})),
                ("needed", fields.SmallIntField(db_default=1)),
                _user("submitted_by"),
                ("submitted_at", fields.DatetimeField()),
                ("expires_at", fields.DatetimeField()),
                ("approved_at", fields.DatetimeField(null=True)),
                ("state", fields.CharField(max_length=16)),
                ("state_reason", fields.CharField(max_length=64, null=True)),
                ("state_at", fields.DatetimeField()),
            ],
            options={
                "table": "manifest",
                "unique_together": (("campaign", "number"),),
                "indexes": [
                    WhereIndex(
                        fields=["expires_at"],
                        name="manifest_expiring",
                        where="state IN ('submitted', 'approved')",
                    )
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Approval",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                _of("manifest", "Manifest"),
                _user("user"),
                ("verdict", fields.CharField(max_length=16)),
                ("reason", fields.TextField(db_default="")),
                ("at", fields.DatetimeField()),
                ("master", fields.CharField(max_length=16)),
                ("mac", fields.BinaryField()),
            ],
            options={
                "table": "approval",
                "unique_together": (("manifest", "user", "verdict"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
