"""Prompts that people recorded, recordings of calls, and whether a call is being recorded."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import Operation

from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("crm", "0005_flows")]  # noqa: RUF012

    initial = False

    operations: list[Operation] = [  # noqa: RUF012
        ops.AddField(model_name="Call", name="recording", field=fields.CharField(max_length=8, null=True)),
        ops.CreateModel(
            name="PromptRecording",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("name", fields.CharField(max_length=150)),
                ("language", fields.CharField(max_length=16)),
                ("digest", fields.CharField(max_length=64)),
                ("seconds", fields.FloatField()),
                ("sound", fields.BinaryField()),
                (
                    "user",
                    fields.ForeignKeyField(
                        "crm.User",
                        source_field="user_id",
                        null=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("created_at", fields.DatetimeField(db_default=Now())),
            ],
            options={"table": "prompt_recording", "unique_together": (("name", "language"),), "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Recording",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                (
                    "call",
                    fields.ForeignKeyField(
                        "crm.Call",
                        source_field="call_id",
                        null=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("pbx", fields.CharField(max_length=64)),
                ("uniqueid", fields.CharField(max_length=150)),
                ("kind", fields.CharField(max_length=16)),
                ("seconds", fields.FloatField()),
                ("bytes", fields.BigIntField()),
                ("content_type", fields.CharField(max_length=32)),
                (
                    "key",
                    fields.ForeignKeyField(
                        "crm.PersonalKey",
                        source_field="key_id",
                        null=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("path", fields.CharField(max_length=100)),
                ("stored_at", fields.DatetimeField(db_default=Now())),
                ("delete_at", fields.DatetimeField(null=True)),
                ("deleted_at", fields.DatetimeField(null=True)),
                ("deleted_why", fields.CharField(max_length=16, null=True)),
                (
                    "deleted_by",
                    fields.ForeignKeyField(
                        "crm.User",
                        source_field="deleted_by_id",
                        null=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            options={"table": "recording", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.AddIndex(model_name="Recording", index=Index(fields=["call_id", "stored_at"], name="recording_call")),
        ops.AddIndex(
            model_name="Recording",
            index=WhereIndex(fields=["stored_at"], name="recording_kept", where="deleted_at IS NULL"),
        ),
        ops.AddIndex(
            model_name="Recording",
            index=WhereIndex(fields=["delete_at"], name="recording_due", where="deleted_at IS NULL"),
        ),
        ops.AddIndex(
            model_name="Recording",
            index=WhereIndex(
                fields=["pbx", "uniqueid"],
                name="recording_unlinked",
                where="call_id IS NULL AND deleted_at IS NULL",
            ),
        ),
    ]
