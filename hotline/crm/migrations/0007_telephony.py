"""Who dialled a call, since when a phone holds it; customers of a tier in their order."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from hotline.crm.models.indexes import WhereIndex


class Migration(migrations.Migration):
    dependencies = [("crm", "0006_recordings")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.AddField(
            model_name="Call",
            name="dialler",
            field=fields.ForeignKeyField(
                "crm.User", source_field="dialler_id", related_name=False, null=True, on_delete=fields.RESTRICT
            ),
        ),
        ops.AddIndex(
            model_name="Call",
            index=WhereIndex(fields=["dialler_id", "offered_at"], name="call_dialler", where="dialler_id IS NOT NULL"),
        ),
        ops.AddField(model_name="Leg", name="held_since", field=fields.DatetimeField(null=True)),
        ops.AddIndex(model_name="Customer", index=Index(fields=["tier_id", "id"], name="customer_tier")),
    ]
