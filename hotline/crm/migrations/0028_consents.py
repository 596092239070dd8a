"""Consent: what was said, what holds now; suppressions of marketing alone."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from hotline.crm.facts_marks import facts_marks
from hotline.ids import new_id

_CUSTOMER = fields.ForeignKeyField(
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
        *(ops.RunSQL(statement) for statement in facts_marks("consent")),
    ]  # fmt: skip
