"""Teams, grants for a time, what roles demand; indexes that find the records of a person and of a queue."""

from tortoise import fields, migrations
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import Operation

from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id

# What customers.read and customers.read_numbers alone gave before: every customer, all contact points and addresses.
TOKENS_AS_BEFORE = """
UPDATE api_token SET scopes = scopes || '{customers.read_all}'::text[] WHERE 'customers.read' = ANY (scopes);
UPDATE api_token SET scopes = scopes || '{customers.read_emails,customers.read_addresses}'::text[]
WHERE 'customers.read_numbers' = ANY (scopes);
"""


class Migration(migrations.Migration):
    dependencies = [("crm", "0007_telephony")]  # noqa: RUF012

    initial = False

    operations: list[Operation] = [  # noqa: RUF012
        ops.AddField(model_name="Role", name="names", field=fields.JSONField(db_default={})),
        ops.AddField(model_name="Role", name="require_totp", field=fields.BooleanField(db_default=False)),
        ops.AddField(model_name="Role", name="version", field=fields.IntField(db_default=1)),
        ops.AddField(model_name="Role", name="updated_at", field=fields.DatetimeField(db_default=Now())),
        ops.CreateModel(
            name="Team",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("name", fields.CharField(max_length=100)),
                ("queues", ArrayField(db_default=SqlDefault("'{}'::text[]"), element_type="TEXT")),
                ("version", fields.IntField(db_default=1)),
                ("created_at", fields.DatetimeField(db_default=Now())),
                ("updated_at", fields.DatetimeField(db_default=Now())),
            ],
            options={"table": "team", "unique_together": (("name",),), "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TeamMember",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                (
                    "team",
                    fields.ForeignKeyField(
                        "crm.Team",
                        source_field="team_id",
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
                        db_index=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
            ],
            options={"table": "team_member", "unique_together": (("team", "user"),), "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="RoleGrant",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "crm.User",
                        source_field="user_id",
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "role",
                    fields.ForeignKeyField(
                        "crm.Role",
                        source_field="role",
                        null=True,
                        to_field="name",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("permissions", ArrayField(db_default=SqlDefault("'{}'::text[]"), element_type="TEXT")),
                ("reason", fields.CharField(max_length=300)),
                (
                    "granted_by",
                    fields.ForeignKeyField(
                        "crm.User",
                        source_field="granted_by_id",
                        null=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("granted_at", fields.DatetimeField(db_default=Now())),
                ("expires_at", fields.DatetimeField()),
                ("revoked_at", fields.DatetimeField(null=True)),
                (
                    "revoked_by",
                    fields.ForeignKeyField(
                        "crm.User",
                        source_field="revoked_by_id",
                        null=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            options={
                "table": "role_grant",
                "indexes": [Index(fields=["user_id", "expires_at"], name="role_grant_user")],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.AddIndex(model_name="Call", index=Index(fields=["user_id", "customer_id"], name="call_owner")),
        ops.AddIndex(
            model_name="Call",
            index=WhereIndex(fields=["queue", "customer_id"], name="call_queue", where="queue IS NOT NULL"),
        ),
        ops.AddIndex(model_name="Leg", index=Index(fields=["user_id", "call_id"], name="leg_user_call")),
        ops.AddIndex(model_name="Customer", index=Index(fields=["responsible_id", "id"], name="customer_responsible")),
        ops.AddIndex(model_name="Ticket", index=Index(fields=["assignee_id", "customer_id"], name="ticket_owner")),
        ops.AddIndex(
            model_name="Ticket",
            index=WhereIndex(
                fields=["created_by_id", "customer_id"], name="ticket_maker", where="created_by_id IS NOT NULL"
            ),
        ),
        ops.AddIndex(
            model_name="Ticket",
            index=WhereIndex(fields=["queue", "customer_id"], name="ticket_queue", where="queue IS NOT NULL"),
        ),
        ops.RunSQL(TOKENS_AS_BEFORE),
    ]
