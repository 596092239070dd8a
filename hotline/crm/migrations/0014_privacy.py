"""Erasure, reports, retention."""

from tortoise import fields, migrations
from tortoise.fields.db_defaults import Now
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import Operation

from hotline.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("crm", "0013_search")]  # noqa: RUF012

    initial = False

    operations: list[Operation] = [  # noqa: RUF012
        ops.AddField(model_name="Customer", name="erased_at", field=fields.DatetimeField(null=True)),
        ops.CreateModel(
            name="Erasure",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("customer_id", fields.UUIDField(unique=True)),
                ("with_id", fields.UUIDField()),
                ("user_id", fields.UUIDField(null=True)),
                ("reason", fields.CharField(max_length=32)),
                ("counts", fields.JSONField(db_default={})),
                ("at", fields.DatetimeField(db_default=Now())),
            ],
            options={"table": "erasure", "app": "crm", "pk_attr": "id"},
            bases=["Model"],
        ),
    ]
