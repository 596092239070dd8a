"""The company's own lists; since when a queue's member is as they are."""

from tortoise import fields, migrations
from tortoise.fields.db_defaults import Now
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("crm", "0014_privacy")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.CreateModel(
            name="ListEntry",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("list", fields.CharField(max_length=40)),
                ("key", fields.CharField(max_length=40)),
                ("names", fields.JSONField()),
                ("position", fields.IntField(db_default=0)),
                ("archived_at", fields.DatetimeField(null=True)),
                ("version", fields.IntField(db_default=1)),
            ],
            options={"table": "list_entry", "pk_attr": "id", "unique_together": (("list", "key"),)},
            bases=["Model"],
        ),
        ops.AddField(model_name="QueueMember", name="since", field=fields.DatetimeField(db_default=Now())),
    ]
