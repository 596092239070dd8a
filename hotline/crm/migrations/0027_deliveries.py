"""Deliveries of campaigns, their attempts, the rates and the stop."""

from tortoise import fields, migrations
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import Operation

from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id

#: A partitioned table cannot be made out of a plain one: a new one takes its name.
PARTITION_ATTEMPTS = (
    "ALTER TABLE delivery_attempt RENAME TO delivery_attempt_plain",
    "CREATE TABLE delivery_attempt (LIKE delivery_attempt_plain INCLUDING DEFAULTS) PARTITION BY RANGE (started_at)",
    "DROP TABLE delivery_attempt_plain",
    # A primary key of a partitioned table holds the partition key.
    "ALTER TABLE delivery_attempt ADD CONSTRAINT delivery_attempt_pkey PRIMARY KEY (delivery_id, attempt, started_at)",
    "CREATE TABLE delivery_attempt_default PARTITION OF delivery_attempt DEFAULT",
)
#: Each row changes a few times within seconds: room for its next version in the same page, and swept often.
HOT_ROWS = "ALTER TABLE delivery SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02)"


class Migration(migrations.Migration):
    dependencies = [("crm", "0026_campaigns")]  # noqa: RUF012

    initial = False

    operations: list[Operation] = [  # noqa: RUF012
        ops.CreateModel(
            name="Delivery",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("campaign_id", fields.UUIDField()),
                ("manifest_id", fields.UUIDField()),
                ("occurrence", fields.IntField(db_default=0)),
                ("customer_id", fields.UUIDField()),
                ("contact_point_id", fields.UUIDField(null=True)),
                ("channel", fields.CharField(max_length=16)),
                ("variant", fields.SmallIntField(db_default=0)),
                ("locale", fields.CharField(null=True, max_length=16)),
                ("state", fields.CharField(max_length=20)),
                ("due_at", fields.DatetimeField()),
                ("expires_at", fields.DatetimeField(null=True)),
                ("lease", fields.UUIDField(null=True)),
                ("leased_by", fields.CharField(null=True, max_length=100)),
                ("leased_until", fields.DatetimeField(null=True)),
                ("attempts", fields.SmallIntField(db_default=0)),
                ("sender_id", fields.UUIDField(null=True)),
                ("provider_id", fields.CharField(null=True, max_length=255)),
                ("account_sid", fields.CharField(null=True, max_length=64)),
                ("error_code", fields.CharField(null=True, max_length=32)),
                ("reason", fields.CharField(null=True, max_length=100)),
                ("facts", fields.JSONField(null=True)),
                ("segments", fields.SmallIntField(null=True)),
                ("cost_minor", fields.BigIntField(null=True)),
                ("cost_currency", fields.CharField(null=True, max_length=3)),
                ("released_at", fields.DatetimeField(db_default=Now())),
                ("sent_at", fields.DatetimeField(null=True)),
                ("delivered_at", fields.DatetimeField(null=True)),
                ("read_at", fields.DatetimeField(null=True)),
                ("clicked_at", fields.DatetimeField(null=True)),
                ("opted_out_at", fields.DatetimeField(null=True)),
                ("updated_at", fields.DatetimeField(db_default=Now())),
            ],
            options={
                "table": "delivery",
                "unique_together": (("campaign_id", "occurrence", "customer_id"),),
                "indexes": [
                    Index(fields=["campaign_id", "state"], name="delivery_state"),
                    WhereIndex(fields=["campaign_id", "due_at", "id"], name="delivery_due", where="state = 'queued'"),
                    WhereIndex(fields=["leased_until"], name="delivery_sending", where="state = 'sending'"),
                    WhereIndex(
                        fields=["customer_id", "sent_at"], name="delivery_customer", where="sent_at IS NOT NULL"
                    ),
                    WhereIndex(
                        fields=["account_sid", "provider_id"],
                        name="delivery_provider",
                        where="account_sid IS NOT NULL",
                    ),
                    WhereIndex(
                        fields=["campaign_id", "updated_at", "id"], name="delivery_unknown", where="state = 'unknown'"
                    ),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.RunSQL(HOT_ROWS),
        ops.CreateModel(
            name="DeliveryAttempt",
            fields=[
                ("delivery_id", fields.UUIDField(primary_key=True, default=None)),
                ("attempt", fields.SmallIntField()),
                ("started_at", fields.DatetimeField()),
                ("node", fields.CharField(max_length=100)),
                ("sender_id", fields.UUIDField(null=True)),
                ("ended_at", fields.DatetimeField(null=True)),
                ("outcome", fields.CharField(null=True, max_length=32)),
                ("error_code", fields.CharField(null=True, max_length=32)),
            ],
            options={"table": "delivery_attempt", "pk_attr": "delivery_id"},
            bases=["Model"],
        ),
        ops.RunSQL(PARTITION_ATTEMPTS),
        ops.CreateModel(
            name="OutboundStop",
            fields=[
                ("id", fields.IntField(primary_key=True, generated=False)),
                ("stopped_at", fields.DatetimeField(null=True)),
                ("user_id", fields.UUIDField(null=True)),
                ("reason", fields.CharField(db_default="", max_length=500)),
                ("epoch", fields.BigIntField(db_default=0)),
            ],
            options={"table": "outbound_stop", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.RunSQL("INSERT INTO outbound_stop (id) VALUES (1)"),
        ops.CreateModel(
            name="PushRate",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("kind", fields.CharField(max_length=16)),
                ("name", fields.CharField(max_length=255)),
                ("per_second", fields.DecimalField(max_digits=12, decimal_places=3)),
                ("burst", fields.IntField()),
                ("updated_at", fields.DatetimeField(db_default=Now())),
            ],
            options={"table": "push_rate", "unique_together": (("kind", "name"),), "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="DispatchNode",
            fields=[
                ("node", fields.CharField(primary_key=True, max_length=100)),
                ("started_at", fields.DatetimeField()),
                ("seen_at", fields.DatetimeField()),
            ],
            options={"table": "dispatch_node", "pk_attr": "node"},
            bases=["Model"],
        ),
    ]
