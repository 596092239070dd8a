"""Indexes for search and for what is open, and the outbox in monthly partitions, with the rows that it had."""

from tortoise import migrations
from tortoise.contrib.postgres.indexes import GinIndex
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from hotline.crm.models.indexes import WhereIndex

#: A partitioned table cannot be made out of a plain one: a new one takes its name and its rows.
PARTITION_OUTBOX = (
    "ALTER TABLE outbox RENAME TO outbox_plain",
    "ALTER TABLE outbox_plain RENAME CONSTRAINT outbox_pkey TO outbox_plain_pkey",
    "CREATE TABLE outbox (LIKE outbox_plain INCLUDING DEFAULTS) PARTITION BY RANGE (at)",
    # A primary key of a partitioned table holds the partition key.
    "ALTER TABLE outbox ADD CONSTRAINT outbox_pkey PRIMARY KEY (id, at)",
    "CREATE TABLE outbox_default PARTITION OF outbox DEFAULT",
    "INSERT INTO outbox SELECT * FROM outbox_plain",
    "DROP TABLE outbox_plain",
)


class Migration(migrations.Migration):
    dependencies = [("crm", "0001_initial")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.RunSQL(PARTITION_OUTBOX),
        ops.AddIndex(
            model_name="AuditEntry",
            index=Index(fields=["subject_id", "at"], name="audit_entry_subject"),
        ),
        ops.AddIndex(
            model_name="AuditEntry",
            index=Index(fields=["actor_id", "at"], name="audit_entry_actor"),
        ),
        ops.AddIndex(
            model_name="AuditEntry",
            index=WhereIndex(fields=["id"], name="audit_entry_unsealed", where="position IS NULL"),
        ),
        ops.AddIndex(
            model_name="Call",
            index=Index(fields=["caller_index"], name="call_caller"),
        ),
        ops.AddIndex(
            model_name="Call",
            index=Index(fields=["customer_id", "offered_at"], name="call_customer"),
        ),
        ops.AddIndex(
            model_name="Call",
            index=Index(fields=["user_id", "offered_at"], name="call_user"),
        ),
        ops.AddIndex(
            model_name="Call",
            index=WhereIndex(
                fields=["pbx", "offered_at"],
                name="call_open",
                where="ended_at IS NULL AND merged_into_id IS NULL",
            ),
        ),
        ops.AddIndex(
            model_name="Call",
            index=WhereIndex(fields=["merged_into_id"], name="call_merged", where="merged_into_id IS NOT NULL"),
        ),
        ops.AddIndex(
            model_name="ContactPoint",
            index=Index(fields=["value_index"], name="contact_point_value"),
        ),
        ops.AddIndex(
            model_name="ContactPoint",
            index=GinIndex(fields=["suffix_tokens"], name="contact_point_suffix"),
        ),
        ops.AddIndex(
            model_name="Customer",
            index=GinIndex(fields=["search_tokens"], name="customer_search"),
        ),
        ops.AddIndex(
            model_name="Interaction",
            index=Index(fields=["customer_id", "at"], name="interaction_customer"),
        ),
        ops.AddIndex(
            model_name="Leg",
            index=Index(fields=["user_id", "rang_at"], name="leg_user"),
        ),
        ops.AddIndex(
            model_name="Leg",
            index=WhereIndex(fields=["user_id"], name="leg_open", where="ended_at IS NULL"),
        ),
        ops.AddIndex(
            model_name="OutboxEntry",
            index=Index(fields=["seq"], name="outbox_seq"),
        ),
        ops.AddIndex(
            model_name="OutboxEntry",
            index=WhereIndex(fields=["id"], name="outbox_unnumbered", where="seq IS NULL"),
        ),
        ops.AddIndex(
            model_name="PbxCommand",
            index=WhereIndex(fields=["pbx", "created_at"], name="pbx_command_open", where="finished_at IS NULL"),
        ),
        ops.AddIndex(
            model_name="PbxCommand",
            index=Index(fields=["created_at"], name="pbx_command_created"),
        ),
    ]
