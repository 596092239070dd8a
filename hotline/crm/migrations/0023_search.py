"""Indexes for whom a viewer sees, and for the unsettled tickets of who was found."""

from tortoise import migrations
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
    ]
