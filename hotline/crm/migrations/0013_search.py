"""What searches and lists need."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from hotline.crm.models.indexes import WhereIndex


class Migration(migrations.Migration):
    dependencies = [("crm", "0012_imports")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        # What is there holds tokens of before; what comes holds those of now.
        ops.AddField(model_name="Customer", name="search_version", field=fields.SmallIntField(db_default=1)),
        ops.AlterField(model_name="Customer", name="search_version", field=fields.SmallIntField(db_default=2)),
        ops.AddIndex(
            model_name="Customer",
            index=WhereIndex(fields=["id"], name="customer_search_old", where="search_version < 2"),
        ),
        ops.AddIndex(model_name="CustomerTag", index=Index(fields=["tag_id", "customer_id"], name="customer_tag_tag")),
        ops.AddIndex(
            model_name="Ticket",
            index=WhereIndex(fields=["due_at", "id"], name="ticket_dated", where="due_at IS NOT NULL"),
        ),
        ops.AddIndex(
            model_name="Ticket",
            index=WhereIndex(fields=["updated_at", "id"], name="ticket_waiting", where="state = 'waiting'"),
        ),
        ops.AddIndex(
            model_name="Ticket",
            index=WhereIndex(fields=["category", "id"], name="ticket_category", where="category IS NOT NULL"),
        ),
        ops.AddIndex(model_name="Interaction", index=Index(fields=["at", "customer_id"], name="interaction_latest")),
    ]
