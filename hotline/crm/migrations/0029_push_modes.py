"""The times that campaigns run, and how far the release of their deliveries is."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("crm", "0028_consents")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.CreateModel(
            name="CampaignRun",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("campaign_id", fields.UUIDField()),
                ("manifest_id", fields.UUIDField()),
                ("occurrence", fields.IntField(db_default=0)),
                ("audience_id", fields.UUIDField(null=True)),
                ("state", fields.CharField(max_length=16)),
                ("reason", fields.CharField(null=True, max_length=32)),
                ("planned_at", fields.DatetimeField()),
                ("began_at", fields.DatetimeField(null=True)),
                ("base_at", fields.DatetimeField(null=True)),
                ("base_position", fields.IntField(db_default=0)),
                ("recipients", fields.IntField(db_default=0)),
                ("next_position", fields.IntField(db_default=0)),
                ("canary_done_at", fields.DatetimeField(null=True)),
                ("warned_at", fields.DatetimeField(null=True)),
                ("figures", fields.JSONField(db_default={})),
                ("baseline", fields.JSONField(db_default={})),
                ("counted_at", fields.DatetimeField(null=True)),
                ("ticked_at", fields.DatetimeField(null=True)),
                ("ended_at", fields.DatetimeField(null=True)),
            ],
            options={
                "table": "campaign_run",
                "unique_together": (("manifest_id", "occurrence"),),
                "indexes": [
                    Index(fields=["campaign_id", "planned_at"], name="campaign_run_planned"),
                    WhereIndex(
                        fields=["campaign_id", "planned_at"], name="campaign_run_open", where="ended_at IS NULL"
                    ),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.AddIndex(
            model_name="Ticket",
            index=WhereIndex(fields=["closed_at", "id"], name="ticket_closed", where="closed_at IS NOT NULL"),
        ),
    ]
