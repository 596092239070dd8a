"""Taking a delivery changes its row in place: no index depends on what a claim changes, and pages have room for the
next version (PostgreSQL, "Heap-Only Tuples"). What that saves pays for the indexes by which deliveries are listed."""

from __future__ import annotations

from tortoise import migrations
from tortoise.migrations import operations as ops

from hotline.crm.models.indexes import WhereIndex

#: A row is written three times within seconds: a page holds the rows as released, and as claimed beside them.
ROOM = "ALTER TABLE delivery SET (fillfactor = 45)"


class Migration(migrations.Migration):
    dependencies = [("crm", "0032_steps_in_place")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.RemoveIndex(model_name="Delivery", name="delivery_sending"),
        ops.AddIndex(
            model_name="Delivery", index=WhereIndex(fields=["id"], name="delivery_sending", where="state = 'sending'")
        ),
        ops.AddIndex(
            model_name="Delivery",
            index=WhereIndex(fields=["customer_id", "id"], name="delivery_unsent", where="sent_at IS NULL"),
        ),
        ops.AddIndex(
            model_name="Delivery",
            index=WhereIndex(fields=["state", "id"], name="delivery_listed", where="state <> 'sending'"),
        ),
        ops.RunSQL(ROOM, reverse_sql="ALTER TABLE delivery SET (fillfactor = 80)"),
    ]
