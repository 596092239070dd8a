"""Without the indexes that are the beginning of another one: each costs every import a part of its time."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("crm", "0030_push_channels")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.AlterField(
            model_name="Customer",
            name="tier",
            field=fields.ForeignKeyField(
                "crm.Tier",
                source_field="tier_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name=False,
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        ops.AlterField(
            model_name="Customer",
            name="responsible",
            field=fields.ForeignKeyField(
                "crm.User",
                source_field="responsible_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name=False,
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        ops.AlterField(
            model_name="CustomerTag",
            name="tag",
            field=fields.ForeignKeyField(
                "crm.Tag",
                source_field="tag_id",
                db_constraint=True,
                to_field="id",
                related_name=False,
                on_delete=OnDelete.CASCADE,
            ),
        ),
    ]
