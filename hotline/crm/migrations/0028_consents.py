"""Consent: what was said, what holds now; suppressions of marketing alone; lists and exports that lie for a day."""

from typing import Any

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from hotline.crm.facts_marks import facts_marks
from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id

_CUSTOMER: Any = fields.ForeignKeyField(
    "crm.Customer", source_field="customer_id", to_field="id", related_name=False, on_delete=OnDelete.CASCADE
)


class Migration(migrations.Migration):
    dependencies = [("crm", "0027_deliveries")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.AddField(model_name="Suppression", name="purpose", field=fields.CharField(max_length=16, db_default="all")),
        ops.CreateModel(
            name="ConsentRecord",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("customer", _CUSTOMER),
                ("channel", fields.CharField(max_length=16)),
                ("purpose", fields.CharField(max_length=16)),
                ("action", fields.CharField(max_length=16)),
                ("source", fields.CharField(max_length=16)),
                ("source_id", fields.UUIDField(null=True)),
                ("call_id", fields.UUIDField(null=True)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "crm.User", source_field="user_id", to_field="id", related_name=False, null=True,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("at", fields.DatetimeField()),
                (
                    "key",
                    fields.ForeignKeyField(
                        "crm.PersonalKey", source_field="key_id", to_field="id", related_name=False, null=True,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("sealed", fields.BinaryField(null=True)),
            ],
            options={
                "table": "consent_record",
                "indexes": [
                    Index(fields=["customer_id", "at", "id"], name="consent_record_customer"),
                    Index(fields=["at", "id"], name="consent_record_latest"),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Consent",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("customer", _CUSTOMER),
                ("channel", fields.CharField(max_length=16)),
                ("purpose", fields.CharField(max_length=16)),
                ("state", fields.CharField(max_length=16)),
                ("since", fields.DatetimeField()),
                ("record_id", fields.UUIDField()),
            ],
            options={
                "table": "consent",
                "unique_together": (("customer", "channel", "purpose"),),
                "indexes": [Index(fields=["since", "id"], name="consent_latest")],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PushFile",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("kind", fields.CharField(max_length=16)),
                (
                    "created_by",
                    fields.ForeignKeyField(
                        "crm.User", source_field="created_by_id", to_field="id", related_name=False, null=True,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "key",
                    fields.ForeignKeyField(
                        "crm.PersonalKey", source_field="key_id", to_field="id", related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("name_cipher", fields.BinaryField(null=True)),
                ("format", fields.CharField(max_length=8)),
                ("language", fields.CharField(max_length=8)),
                ("chosen", fields.JSONField(db_default={})),
                ("path", fields.CharField(max_length=100, null=True)),
                ("bytes", fields.BigIntField(null=True)),
                ("rows", fields.BigIntField(null=True)),
                ("job_id", fields.UUIDField(null=True)),
                ("created_at", fields.DatetimeField(db_default=Now())),
                ("expires_at", fields.DatetimeField()),
                ("deleted_at", fields.DatetimeField(null=True)),
            ],
            options={
                "table": "push_file",
                "indexes": [
                    Index(fields=["created_by_id", "kind", "id"], name="push_file_creator"),
                    WhereIndex(fields=["expires_at"], name="push_file_live", where="deleted_at IS NULL"),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        *(ops.RunSQL(statement) for statement in facts_marks("consent")),
    ]  # fmt: skip
