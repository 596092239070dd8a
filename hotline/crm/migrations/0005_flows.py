"""IVR flows by version, sessions of callers, and the ways that they took."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import Operation

from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("crm", "0004_deadlines")]  # noqa: RUF012

    initial = False

    operations: list[Operation] = [  # noqa: RUF012
        ops.CreateModel(
            name="FlowVersion",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("flow", fields.CharField(max_length=64)),
                ("version", fields.IntField()),
                ("digest", fields.CharField(max_length=64)),
                ("sources", fields.JSONField()),
                ("created_at", fields.DatetimeField(db_default=Now())),
            ],
            options={
                "table": "flow_version",
                "unique_together": (("flow", "version"), ("flow", "digest")),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="FlowCount",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("flow", fields.CharField(max_length=64)),
                ("version", fields.IntField()),
                ("node", fields.CharField(max_length=64)),
                ("way", fields.CharField(max_length=64)),
                ("day", fields.DateField()),
                ("times", fields.IntField(db_default=0)),
            ],
            options={
                "table": "flow_count",
                "unique_together": (("flow", "version", "node", "way", "day"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="IvrSession",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("pbx", fields.CharField(max_length=64)),
                ("uniqueid", fields.CharField(max_length=150)),
                (
                    "call",
                    fields.ForeignKeyField(
                        "crm.Call",
                        source_field="call_id",
                        null=True,
                        db_index=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("flow", fields.CharField(max_length=64)),
                ("digest", fields.CharField(max_length=64)),
                ("version", fields.IntField(db_default=0)),
                ("state", fields.CharField(max_length=16)),
                ("session", fields.JSONField()),
                ("facts", fields.JSONField()),
                ("sealed", fields.BinaryField(null=True)),
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
                ("steps", fields.IntField(db_default=0)),
                ("counted", fields.IntField(db_default=0)),
                ("started_at", fields.DatetimeField(db_default=Now())),
                ("updated_at", fields.DatetimeField(db_default=Now())),
                ("ended_at", fields.DatetimeField(null=True)),
            ],
            options={"table": "ivr_session", "unique_together": (("pbx", "uniqueid"),), "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.AddIndex(
            model_name="IvrSession",
            index=WhereIndex(fields=["id"], name="ivr_session_uncounted", where="counted < steps"),
        ),
        ops.AddIndex(model_name="IvrSession", index=Index(fields=["started_at"], name="ivr_session_started")),
    ]
