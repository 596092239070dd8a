"""A step of a caller's session changes its row in place: no index depends on what each step changes (PostgreSQL,
"Heap-Only Tuples"), and pages have room for the next version."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from hotline.crm.models.indexes import WhereIndex


class Migration(migrations.Migration):
    dependencies = [("crm", "0031_fewer_indexes")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.RemoveIndex(model_name="IvrSession", name="ivr_session_uncounted"),
        ops.AddField(model_name="IvrSession", name="uncounted", field=fields.BooleanField(db_default=True)),
        ops.AddIndex(
            model_name="IvrSession", index=WhereIndex(fields=["id"], name="ivr_session_to_count", where="uncounted")
        ),
        ops.RunSQL(
            "ALTER TABLE ivr_session SET (fillfactor = 70)", reverse_sql="ALTER TABLE ivr_session RESET (fillfactor)"
        ),
    ]
