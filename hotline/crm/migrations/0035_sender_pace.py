"""Each of the company's senders keeps to its pace in conversations, too, and campaigns know what these have used.

What came of a try is noted in its row in place: pages have room for the next version (PostgreSQL, "Heap-Only Tuples").
"""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("crm", "0034_machine_clicks")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.CreateModel(
            name="SenderPace",
            fields=[
                ("sender_id", fields.UUIDField(primary_key=True, default=None)),
                ("tokens", fields.FloatField(null=True)),
                ("at", fields.DatetimeField()),
                ("spent", fields.BigIntField()),
            ],
            options={"table": "sender_pace", "pk_attr": "sender_id"},
            bases=["Model"],
        ),
        ops.RunSQL(
            "ALTER TABLE message_attempt SET (fillfactor = 60)",
            reverse_sql="ALTER TABLE message_attempt RESET (fillfactor)",
        ),
    ]
