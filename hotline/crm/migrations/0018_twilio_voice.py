"""Recordings that lie at Twilio and are to be fetched, and what voicemails say."""

from tortoise import fields, migrations
from tortoise.fields.db_defaults import Now
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import Operation

from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("crm", "0017_conversations")]  # noqa: RUF012

    initial = False

    operations: list[Operation] = [  # noqa: RUF012
        ops.AddField(
            model_name="Recording",
            name="transcript_cipher",
            field=fields.BinaryField(null=True),
        ),
        ops.CreateModel(
            name="TwilioFetch",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("what", fields.CharField(max_length=20)),
                ("sid", fields.CharField(max_length=34)),
                ("recording_sid", fields.CharField(max_length=34)),
                ("account_sid", fields.CharField(max_length=34)),
                ("call_sid", fields.CharField(max_length=34)),
                ("kind", fields.CharField(max_length=16)),
                ("state", fields.CharField(max_length=8, db_default="due")),
                ("due_at", fields.DatetimeField()),
                ("lease_until", fields.DatetimeField(null=True)),
                ("lease_token", fields.UUIDField(null=True)),
                ("attempts", fields.IntField(db_default=0)),
                ("error", fields.CharField(max_length=40, null=True)),
                ("created_at", fields.DatetimeField(db_default=Now())),
                ("done_at", fields.DatetimeField(null=True)),
            ],
            options={"table": "twilio_fetch", "unique_together": (("sid", "what"),), "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.AddIndex(
            model_name="TwilioFetch",
            index=WhereIndex(fields=["due_at"], name="twilio_fetch_due", where="state = 'due'"),
        ),
    ]
