"""What programs follow of links is told apart from people's clicks; what an import said of consent can be undone."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("crm", "0033_delivery_indexes")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.AddField(model_name="Delivery", name="scanned_at", field=fields.DatetimeField(null=True)),
        ops.AddField(model_name="LinkClick", name="machine", field=fields.BooleanField(db_default=False)),
        ops.AddField(model_name="ConsentRecord", name="undone_at", field=fields.DatetimeField(null=True)),
    ]
