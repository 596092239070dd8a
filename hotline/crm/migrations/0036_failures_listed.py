"""Deliveries that failed, or were held back, are listed by why, and all by when they were due, without a walk through
all of them. Who got their message is in neither of the first two, and the third holds ranges of pages, no rows."""

from __future__ import annotations

from tortoise import migrations
from tortoise.contrib.postgres.indexes import BrinIndex
from tortoise.migrations import operations as ops

from hotline.crm.models.indexes import WhereIndex


class Migration(migrations.Migration):
    dependencies = [("crm", "0035_sender_pace")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.AddIndex(
            model_name="Delivery",
            index=WhereIndex(fields=["reason", "id"], name="delivery_reason", where="reason IS NOT NULL"),
        ),
        ops.AddIndex(
            model_name="Delivery",
            index=WhereIndex(fields=["error_code", "id"], name="delivery_error", where="error_code IS NOT NULL"),
        ),
        ops.AddIndex(model_name="Delivery", index=BrinIndex(fields=["due_at"], name="delivery_due_at")),
    ]
