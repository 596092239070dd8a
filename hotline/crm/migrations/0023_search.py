"""Indexes for whom a viewer sees, and the unsettled tickets of whom was found; tables of the search for duplicates."""

from tortoise import fields, migrations
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from hotline.crm.models.indexes import WhereIndex


class Migration(migrations.Migration):
    dependencies = [("crm", "0022_mended")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.AddIndex(model_name="Call", index=Index(fields=["id", "customer_id"], name="call_with_customer")),
        ops.AddIndex(
            model_name="Ticket",
            index=WhereIndex(
                fields=["customer_id", "opened_at"],
                name="ticket_unsettled",
                where="state IN ('new', 'open', 'waiting')",
            ),
        ),
        ops.CreateModel(
            name="DuplicateBlocks",
            fields=[
                ("id", fields.UUIDField(primary_key=True)),
                ("blocks", ArrayField(element_type="bigint")),
            ],
            options={"table": "duplicate_blocks", "app": "crm", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="DuplicateCandidate",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("low_id", fields.UUIDField()),
                ("high_id", fields.UUIDField()),
            ],
            options={
                "table": "duplicate_candidate",
                "app": "crm",
                "unique_together": (("low_id", "high_id"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
