"""Tickets with their history, categories and saved lists; the wrap-up of calls."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import UniqueConstraint

from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("crm", "0002_indexes_and_partitions")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        # Before the table whose column takes its numbers from it.
        ops.RunSQL("CREATE SEQUENCE ticket_number_seq AS bigint START WITH 10001"),
        ops.CreateModel(
            name="Category",
            fields=[
                ("slug", fields.CharField(primary_key=True, max_length=200)),
                ("parent", fields.CharField(null=True, max_length=200)),
                ("kind", fields.CharField(null=True, max_length=24)),
                ("names", fields.JSONField()),
                ("position", fields.IntField(db_default=0)),
                ("archived", fields.BooleanField(db_default=False)),
            ],
            options={"table": "category", "pk_attr": "slug"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Ticket",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                (
                    "number",
                    fields.BigIntField(unique=True, db_default=SqlDefault("nextval('ticket_number_seq'::regclass)")),
                ),
                ("kind", fields.CharField(max_length=24)),
                ("kind_by", fields.CharField(max_length=8)),
                ("state", fields.CharField(max_length=16)),
                ("provisional", fields.BooleanField(db_default=False)),
                ("priority", fields.CharField(db_default="normal", max_length=8)),
                ("subject_cipher", fields.BinaryField(null=True)),
                ("description_cipher", fields.BinaryField(null=True)),
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
                ("category", fields.CharField(null=True, max_length=200)),
                (
                    "customer",
                    fields.ForeignKeyField(
                        "crm.Customer",
                        source_field="customer_id",
                        null=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "assignee",
                    fields.ForeignKeyField(
                        "crm.User",
                        source_field="assignee_id",
                        null=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("assigned_by", fields.CharField(null=True, max_length=8)),
                ("queue", fields.CharField(null=True, max_length=100)),
                ("tier", fields.CharField(null=True, max_length=32)),
                ("service", fields.CharField(null=True, max_length=100)),
                ("source", fields.CharField(max_length=8)),
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
                (
                    "created_by",
                    fields.ForeignKeyField(
                        "crm.User",
                        source_field="created_by_id",
                        null=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("follows_id", fields.UUIDField(null=True)),
                ("touched", fields.BooleanField(db_default=False)),
                ("escalated", fields.IntField(db_default=0)),
                ("first_response_due", fields.DatetimeField(null=True)),
                ("first_response_at", fields.DatetimeField(null=True)),
                ("resolution_due", fields.DatetimeField(null=True)),
                ("due_at", fields.DatetimeField(null=True)),
                ("waiting_since", fields.DatetimeField(null=True)),
                ("resolved_at", fields.DatetimeField(null=True)),
                ("closed_at", fields.DatetimeField(null=True)),
                ("callback_due", fields.DatetimeField(null=True)),
                ("callback_call_id", fields.UUIDField(null=True)),
                ("callback_done_at", fields.DatetimeField(null=True)),
                ("disposition", fields.CharField(null=True, max_length=24)),
                ("discarded_as", fields.CharField(null=True, max_length=16)),
                ("opened_at", fields.DatetimeField()),
                ("version", fields.IntField(db_default=1)),
                ("created_at", fields.DatetimeField(db_default=Now())),
                ("updated_at", fields.DatetimeField(db_default=Now())),
            ],
            options={
                "table": "ticket",
                "unique_together": (("call",),),
                "indexes": [
                    WhereIndex(fields=["due_at", "id"], name="ticket_due", where="state IN ('new', 'open', 'waiting')"),
                    WhereIndex(
                        fields=["assignee_id", "due_at", "id"],
                        name="ticket_assignee",
                        where="state IN ('new', 'open', 'waiting')",
                    ),
                    WhereIndex(
                        fields=["callback_due", "id"],
                        name="ticket_callback",
                        where="callback_due IS NOT NULL AND callback_done_at IS NULL",
                    ),
                    WhereIndex(fields=["resolved_at", "id"], name="ticket_resolved", where="resolved_at IS NOT NULL"),
                    Index(fields=["customer_id", "created_at"], name="ticket_customer"),
                    Index(fields=["updated_at", "id"], name="ticket_updated"),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TicketEntry",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                (
                    "ticket",
                    fields.ForeignKeyField(
                        "crm.Ticket",
                        source_field="ticket_id",
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("at", fields.DatetimeField()),
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
                ("kind", fields.CharField(max_length=16)),
                ("call_id", fields.UUIDField(null=True)),
                ("data", fields.JSONField(db_default={})),
                ("note_cipher", fields.BinaryField(null=True)),
            ],
            options={
                "table": "ticket_entry",
                "indexes": [Index(fields=["ticket_id", "at", "id"], name="ticket_entry_ticket")],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TicketView",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "crm.User",
                        source_field="user_id",
                        null=True,
                        db_index=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("name", fields.CharField(max_length=100)),
                ("filters", fields.JSONField(db_default={})),
                ("sort", fields.CharField(db_default="deadline", max_length=16)),
                ("position", fields.IntField(db_default=0)),
                ("created_at", fields.DatetimeField(db_default=Now())),
            ],
            options={"table": "ticket_view", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="WrapUp",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                (
                    "call",
                    fields.ForeignKeyField(
                        "crm.Call",
                        source_field="call_id",
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "crm.User",
                        source_field="user_id",
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("pbx", fields.CharField(null=True, max_length=64)),
                ("started_at", fields.DatetimeField(null=True)),
                ("until", fields.DatetimeField(null=True)),
                ("done_at", fields.DatetimeField(null=True)),
                ("disposition", fields.CharField(null=True, max_length=24)),
                ("created_at", fields.DatetimeField(db_default=Now())),
            ],
            options={
                "table": "wrap_up",
                "unique_together": (("call", "user"),),
                "indexes": [
                    WhereIndex(
                        fields=["until"], name="wrap_up_running", where="done_at IS NULL AND started_at IS NOT NULL"
                    ),
                    WhereIndex(fields=["user_id"], name="wrap_up_open", where="done_at IS NULL"),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Call",
            name="ticket_at",
            field=fields.DatetimeField(null=True),
        ),
        ops.AddField(
            model_name="Call",
            name="ticket_by",
            field=fields.CharField(null=True, max_length=8),
        ),
        ops.AddIndex(
            model_name="Call",
            index=WhereIndex(fields=["ticket_id"], name="call_ticket", where="ticket_id IS NOT NULL"),
        ),
        ops.AddField(
            model_name="Interaction",
            name="ticket_id",
            field=fields.UUIDField(null=True),
        ),
        ops.AddConstraint(
            model_name="Interaction",
            constraint=UniqueConstraint(fields=("ticket_id",), name=None),
        ),
    ]
