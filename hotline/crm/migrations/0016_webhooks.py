"""What Twilio told us once, and the company's own numbers and senders."""

from tortoise import fields, migrations
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import Operation

from hotline.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("crm", "0015_lists")]  # noqa: RUF012

    initial = False

    operations: list[Operation] = [  # noqa: RUF012
        ops.CreateModel(
            name="WebhookClaim",
            fields=[
                ("key", fields.CharField(max_length=200, primary_key=True)),
                ("reply_cipher", fields.BinaryField(null=True)),
                ("at", fields.DatetimeField(db_default=Now(), db_index=True)),
            ],
            options={"table": "webhook_claim", "pk_attr": "key"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Sender",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("channel", fields.CharField(max_length=16)),
                ("address", fields.CharField(max_length=254)),
                ("name", fields.CharField(max_length=100, db_default="")),
                ("account_sid", fields.CharField(max_length=34, null=True)),
                ("provider_sid", fields.CharField(max_length=64, null=True)),
                ("service_sid", fields.CharField(max_length=34, null=True)),
                ("country", fields.CharField(max_length=2, null=True)),
                ("capabilities", ArrayField("text", db_default=SqlDefault("'{}'::text[]"))),
                ("flow", fields.CharField(max_length=64, null=True)),
                ("queue", fields.CharField(max_length=80, null=True)),
                ("position", fields.IntField(db_default=0)),
                ("enabled", fields.BooleanField(db_default=True)),
                ("version", fields.IntField(db_default=1)),
                ("created_at", fields.DatetimeField(db_default=Now())),
                ("updated_at", fields.DatetimeField(db_default=Now())),
            ],
            options={"table": "sender", "unique_together": (("channel", "address"),), "pk_attr": "id"},
            bases=["Model"],
        ),
    ]
