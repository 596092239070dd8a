"""Conversations, their messages and files; who wants no more messages."""

from tortoise import fields, migrations
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import Operation

from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("crm", "0016_webhooks")]  # noqa: RUF012

    initial = False

    operations: list[Operation] = [  # noqa: RUF012
        # Before the table whose column takes its numbers from it.
        ops.RunSQL("CREATE SEQUENCE conversation_number_seq AS bigint START WITH 10001"),
        ops.CreateModel(
            name="Conversation",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                (
                    "number",
                    fields.BigIntField(
                        unique=True, db_default=SqlDefault("nextval('conversation_number_seq'::regclass)")
                    ),
                ),
                ("channel", fields.CharField(max_length=16)),
                ("sender_id", fields.UUIDField(null=True)),
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
                ("candidate_ids", ArrayField(db_default=SqlDefault("'{}'::uuid[]"), element_type="UUID")),
                (
                    "key",
                    fields.ForeignKeyField(
                        "crm.PersonalKey",
                        source_field="key_id",
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("address_index", fields.BinaryField(null=True)),
                ("address_cipher", fields.BinaryField(null=True)),
                ("name_cipher", fields.BinaryField(null=True)),
                ("country", fields.CharField(null=True, max_length=2)),
                ("language", fields.CharField(null=True, max_length=16)),
                ("state", fields.CharField(max_length=8)),
                ("subject_cipher", fields.BinaryField(null=True)),
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
                ("claimed_at", fields.DatetimeField(null=True)),
                ("queue", fields.CharField(null=True, max_length=100)),
                ("ticket_id", fields.UUIDField(null=True)),
                ("follows_id", fields.UUIDField(null=True)),
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
                ("last_in_at", fields.DatetimeField(null=True)),
                ("last_out_at", fields.DatetimeField(null=True)),
                ("last_at", fields.DatetimeField()),
                ("unanswered_since", fields.DatetimeField(null=True)),
                ("auto_answered_at", fields.DatetimeField(null=True)),
                ("waiting_until", fields.DatetimeField(null=True)),
                ("closed_at", fields.DatetimeField(null=True)),
                ("version", fields.IntField(db_default=1)),
                ("created_at", fields.DatetimeField(db_default=Now())),
                ("updated_at", fields.DatetimeField(db_default=Now())),
            ],
            options={
                "table": "conversation",
                "indexes": [
                    WhereIndex(
                        fields=["address_index", "channel"],
                        name="conversation_address",
                        where="address_index IS NOT NULL",
                    ),
                    Index(fields=["customer_id", "last_at"], name="conversation_customer"),
                    WhereIndex(fields=["ticket_id"], name="conversation_ticket", where="ticket_id IS NOT NULL"),
                    Index(fields=["last_at", "id"], name="conversation_latest"),
                    WhereIndex(fields=["last_at", "id"], name="conversation_open", where="state <> 'closed'"),
                    WhereIndex(
                        fields=["unanswered_since", "id"],
                        name="conversation_unanswered",
                        where="unanswered_since IS NOT NULL",
                    ),
                    Index(fields=["assignee_id", "last_at", "id"], name="conversation_assignee"),
                    Index(fields=["assignee_id", "customer_id"], name="conversation_owner"),
                    WhereIndex(fields=["queue", "customer_id"], name="conversation_queue", where="queue IS NOT NULL"),
                    WhereIndex(
                        fields=["created_by_id", "customer_id"],
                        name="conversation_maker",
                        where="created_by_id IS NOT NULL",
                    ),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Message",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                (
                    "conversation",
                    fields.ForeignKeyField(
                        "crm.Conversation",
                        source_field="conversation_id",
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("direction", fields.CharField(max_length=3)),
                ("kind", fields.CharField(max_length=8)),
                ("state", fields.CharField(null=True, max_length=20)),
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
                ("body_cipher", fields.BinaryField(null=True)),
                ("html_cipher", fields.BinaryField(null=True)),
                ("sealed", fields.BinaryField(null=True)),
                ("provider_account", fields.CharField(null=True, max_length=64)),
                ("provider_id", fields.CharField(null=True, max_length=255)),
                ("in_reply_to", fields.UUIDField(null=True)),
                ("template", fields.CharField(null=True, max_length=64)),
                ("encoding", fields.CharField(null=True, max_length=8)),
                ("segments", fields.SmallIntField(null=True)),
                ("error_code", fields.CharField(null=True, max_length=32)),
                ("send_at", fields.DatetimeField(null=True)),
                ("attempts", fields.SmallIntField(db_default=0)),
                ("leased_until", fields.DatetimeField(null=True)),
                ("sent_at", fields.DatetimeField(null=True)),
                ("delivered_at", fields.DatetimeField(null=True)),
                ("read_at", fields.DatetimeField(null=True)),
                ("created_at", fields.DatetimeField(db_default=Now())),
            ],
            options={
                "table": "message",
                "unique_together": (("provider_account", "provider_id"),),
                "indexes": [
                    Index(fields=["conversation_id", "at", "id"], name="message_conversation"),
                    WhereIndex(fields=["send_at", "id"], name="message_due", where="state = 'queued'"),
                    WhereIndex(fields=["leased_until", "id"], name="message_sending", where="state = 'sending'"),
                    WhereIndex(fields=["at", "id"], name="message_unknown", where="state = 'unknown'"),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CatchUp",
            fields=[
                ("name", fields.CharField(primary_key=True, max_length=100)),
                ("until", fields.DatetimeField()),
                ("listed_at", fields.DatetimeField()),
                ("found", fields.JSONField(db_default={})),
            ],
            options={"table": "catch_up", "pk_attr": "name"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="MessageAttempt",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                (
                    "message",
                    fields.ForeignKeyField(
                        "crm.Message",
                        source_field="message_id",
                        db_index=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("attempt", fields.SmallIntField()),
                ("node", fields.CharField(max_length=100)),
                ("started_at", fields.DatetimeField()),
                ("ended_at", fields.DatetimeField(null=True)),
                ("outcome", fields.CharField(null=True, max_length=20)),
                ("error_code", fields.CharField(null=True, max_length=32)),
            ],
            options={"table": "message_attempt", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="MessageFile",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                (
                    "conversation",
                    fields.ForeignKeyField(
                        "crm.Conversation",
                        source_field="conversation_id",
                        db_index=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "message",
                    fields.ForeignKeyField(
                        "crm.Message",
                        source_field="message_id",
                        db_index=True,
                        null=True,
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
                        null=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("position", fields.SmallIntField(db_default=0)),
                ("state", fields.CharField(max_length=8)),
                ("reason", fields.CharField(null=True, max_length=16)),
                (
                    "key",
                    fields.ForeignKeyField(
                        "crm.PersonalKey",
                        source_field="key_id",
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("name_cipher", fields.BinaryField(null=True)),
                ("source_cipher", fields.BinaryField(null=True)),
                ("media_type", fields.CharField(max_length=100)),
                ("content_id", fields.CharField(null=True, max_length=255)),
                ("bytes", fields.BigIntField(null=True)),
                ("sha256", fields.BinaryField(null=True)),
                ("path", fields.CharField(null=True, unique=True, max_length=100)),
                ("attempts", fields.SmallIntField(db_default=0)),
                ("fetch_at", fields.DatetimeField(null=True)),
                ("at", fields.DatetimeField()),
                ("deleted_at", fields.DatetimeField(null=True)),
            ],
            options={
                "table": "message_file",
                "indexes": [WhereIndex(fields=["fetch_at", "id"], name="message_file_due", where="state = 'waiting'")],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SenderPause",
            fields=[
                ("sender_id", fields.UUIDField(primary_key=True, default=None)),
                ("code", fields.CharField(max_length=32)),
                ("at", fields.DatetimeField()),
                ("until", fields.DatetimeField(null=True)),
            ],
            options={"table": "sender_pause", "pk_attr": "sender_id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Suppression",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("channel", fields.CharField(max_length=16)),
                ("address_index", fields.BinaryField()),
                ("reason", fields.CharField(max_length=16)),
                ("source", fields.CharField(max_length=16)),
                ("source_id", fields.UUIDField(null=True)),
                ("code", fields.CharField(null=True, max_length=32)),
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
                ("at", fields.DatetimeField()),
                ("lifted_at", fields.DatetimeField(null=True)),
                ("lifted_by", fields.CharField(null=True, max_length=16)),
            ],
            options={
                "table": "suppression",
                "unique_together": (("channel", "address_index", "reason"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TriageCorrection",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("ticket_id", fields.UUIDField()),
                ("message_id", fields.UUIDField(null=True)),
                ("from_kind", fields.CharField(max_length=24)),
                ("to_kind", fields.CharField(max_length=24)),
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
                ("at", fields.DatetimeField()),
            ],
            options={
                "table": "triage_correction",
                "indexes": [Index(fields=["at", "id"], name="triage_correction_at")],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
