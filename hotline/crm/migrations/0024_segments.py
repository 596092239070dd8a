"""Segments, the facts that their rules ask with the marks of what changed, and audiences."""

from typing import Any

from tortoise import fields, migrations
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from hotline.crm.facts_marks import FIRST
from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id


def _reference(to: str, column: str, on_delete: OnDelete, *, null: bool = False, index: bool = False) -> Any:
    return fields.ForeignKeyField(  # type: ignore[call-overload]  # the overloads want null as a literal
        to, source_field=column, to_field="id", related_name=False, null=null, on_delete=on_delete, db_index=index
    )


def _serial() -> Any:
    return fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)


class Migration(migrations.Migration):
    dependencies = [("crm", "0023_search")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.AddIndex(model_name="Suppression", index=Index(fields=["address_index"], name="suppression_address")),
        ops.CreateModel(
            name="Segment",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("name", fields.CharField(max_length=100)),
                ("description", fields.CharField(max_length=500, db_default="")),
                ("version", fields.IntField(db_default=1)),
                ("created_by", _reference("crm.User", "created_by_id", OnDelete.RESTRICT, null=True)),
                ("archived_at", fields.DatetimeField(null=True)),
                ("created_at", fields.DatetimeField(db_default=Now())),
                ("updated_at", fields.DatetimeField(db_default=Now())),
            ],
            options={
                "table": "segment",
                "indexes": [WhereIndex(fields=["name"], name="segment_kept", where="archived_at IS NULL")],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SegmentVersion",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("segment", _reference("crm.Segment", "segment_id", OnDelete.RESTRICT)),
                ("number", fields.IntField()),
                ("rules", fields.JSONField()),
                ("included", fields.IntField(db_default=0)),
                ("excluded", fields.IntField(db_default=0)),
                ("sha256", fields.BinaryField()),
                ("user", _reference("crm.User", "user_id", OnDelete.RESTRICT, null=True)),
                ("at", fields.DatetimeField()),
            ],
            options={"table": "segment_version", "unique_together": (("segment", "number"),), "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SegmentMember",
            fields=[
                ("id", _serial()),
                ("segment", _reference("crm.Segment", "segment_id", OnDelete.CASCADE)),
                ("customer", _reference("crm.Customer", "customer_id", OnDelete.CASCADE, index=True)),
                ("side", fields.CharField(max_length=8)),
                ("added", fields.IntField()),
                ("removed", fields.IntField(null=True)),
            ],
            options={
                "table": "segment_member",
                "indexes": [Index(fields=["segment_id", "side", "customer_id"], name="segment_member_list")],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CustomerFacts",
            fields=[
                ("customer_id", fields.UUIDField(primary_key=True)),
                ("kind", fields.CharField(max_length=16)),
                ("locale", fields.CharField(max_length=16, null=True)),
                ("tier_id", fields.UUIDField(null=True)),
                ("classification", fields.CharField(max_length=64, null=True)),
                ("responsible_id", fields.UUIDField(null=True)),
                ("source", fields.CharField(max_length=16, null=True)),
                ("created_at", fields.DatetimeField()),
                ("countries", ArrayField(element_type="text", db_default=SqlDefault("'{}'::text[]"))),
                ("tags", ArrayField(element_type="uuid", db_default=SqlDefault("'{}'::uuid[]"))),
                ("reach", fields.IntField(db_default=0)),
                ("unblocked", fields.IntField(db_default=0)),
                ("granted", fields.IntField(db_default=0)),
                ("withdrawn", fields.IntField(db_default=0)),
                ("tickets", fields.IntField(db_default=0)),
                ("open_tickets", fields.IntField(db_default=0)),
                ("complaints", fields.IntField(db_default=0)),
                ("last_ticket_at", fields.DatetimeField(null=True)),
                ("last_resolved_at", fields.DatetimeField(null=True)),
                ("calls", fields.IntField(db_default=0)),
                ("last_call_at", fields.DatetimeField(null=True)),
                ("last_message_at", fields.DatetimeField(null=True)),
                ("last_contact_at", fields.DatetimeField(null=True)),
                ("purchases", fields.IntField(db_default=0)),
                ("first_purchase_at", fields.DatetimeField(null=True)),
                ("last_purchase_at", fields.DatetimeField(null=True)),
                ("spent", fields.JSONField(null=True)),
                ("survey", fields.JSONField(null=True)),
                ("survey_at", fields.DatetimeField(null=True)),
            ],
            options={"table": "customer_facts", "pk_attr": "customer_id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CustomerFactsDue",
            fields=[("id", _serial()), ("customer_id", fields.UUIDField())],
            options={"table": "customer_facts_due", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Recipient",
            fields=[
                ("id", _serial()),
                ("manifest_id", fields.UUIDField()),
                ("position", fields.IntField()),
                ("customer_id", fields.UUIDField(db_index=True)),
                ("contact_point_id", fields.UUIDField(null=True)),
            ],
            options={
                "table": "recipient",
                "unique_together": (("manifest_id", "position"), ("manifest_id", "customer_id")),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        *(ops.RunSQL(statement) for statement in FIRST),
    ]
