"""Callers of Twilio who wait for an agent, and the agents who ring for them."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("crm", "0018_twilio_voice")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.CreateModel(
            name="TwilioLeg",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("call_id", fields.UUIDField(db_index=True)),
                ("role", fields.CharField(max_length=12)),
                ("call_sid", fields.CharField(null=True, unique=True, max_length=64)),
                ("account_sid", fields.CharField(max_length=64, db_default="")),
                ("waiting_id", fields.UUIDField(null=True)),
                ("command_id", fields.UUIDField(null=True)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "crm.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        null=True,
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("interface", fields.CharField(max_length=200, db_default="")),
                ("queue", fields.CharField(max_length=100, null=True)),
                ("state", fields.CharField(max_length=12, db_default="sending")),
                ("created_at", fields.DatetimeField(db_default=Now())),
                ("ring_until", fields.DatetimeField(null=True)),
                ("answered_at", fields.DatetimeField(null=True)),
                ("accepted_at", fields.DatetimeField(null=True)),
                ("answered_by", fields.CharField(max_length=24, null=True)),
                ("ended_at", fields.DatetimeField(null=True)),
                ("end_reason", fields.CharField(max_length=24, null=True)),
                ("retract_at", fields.DatetimeField(null=True)),
                ("retracted_at", fields.DatetimeField(null=True)),
                ("checked_at", fields.DatetimeField(db_default=Now())),
            ],
            options={
                "table": "twilio_leg",
                "pk_attr": "id",
                "indexes": [
                    WhereIndex(fields=["checked_at"], name="twilio_leg_open", where="ended_at IS NULL"),
                    WhereIndex(fields=["waiting_id"], name="twilio_leg_waiting", where="waiting_id IS NOT NULL"),
                    WhereIndex(fields=["command_id"], name="twilio_leg_command", where="command_id IS NOT NULL"),
                    Index(fields=["user_id", "created_at"], name="twilio_leg_user"),
                ],
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TwilioWaiting",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                (
                    "call",
                    fields.ForeignKeyField(
                        "crm.Call",
                        source_field="call_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("call_sid", fields.CharField(max_length=64)),
                ("account_sid", fields.CharField(max_length=64, db_default="")),
                ("route", fields.CharField(max_length=8)),
                ("step", fields.IntField()),
                ("queue", fields.CharField(max_length=100)),
                ("priority", fields.IntField(db_default=0)),
                ("language", fields.CharField(max_length=16, null=True)),
                ("announce", fields.BooleanField(db_default=False)),
                ("record", fields.BooleanField(db_default=False)),
                ("state", fields.CharField(max_length=8, db_default="waiting")),
                ("how", fields.CharField(max_length=12, null=True)),
                ("joined_at", fields.DatetimeField(db_default=Now())),
                ("until", fields.DatetimeField()),
                ("leg_id", fields.UUIDField(null=True)),
                ("taken_at", fields.DatetimeField(null=True)),
                ("bridged_at", fields.DatetimeField(null=True)),
                ("left_at", fields.DatetimeField(null=True)),
            ],
            options={
                "table": "twilio_waiting",
                "pk_attr": "id",
                "unique_together": (("call_sid", "step"),),
                "indexes": [
                    WhereIndex(fields=["queue", "joined_at"], name="twilio_waiting_open", where="left_at IS NULL"),
                ],
            },
            bases=["Model"],
        ),
    ]
