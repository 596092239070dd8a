"""In-app messages and the devices that are told of them by Web Push."""

from typing import Any

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from hotline.ids import new_id

_CUSTOMER: Any = fields.ForeignKeyField(
    "crm.Customer", source_field="customer_id", to_field="id", related_name=False, on_delete=OnDelete.CASCADE
)
_KEY: Any = fields.ForeignKeyField(
    "crm.PersonalKey", source_field="key_id", to_field="id", related_name=False, null=True, on_delete=OnDelete.RESTRICT
)


class Migration(migrations.Migration):
    dependencies = [("crm", "0029_push_modes")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.CreateModel(
            name="InappMessage",
            fields=[
                ("id", fields.UUIDField(primary_key=True)),
                ("customer", _CUSTOMER),
                ("campaign_id", fields.UUIDField()),
                ("key", _KEY),
                ("sealed", fields.BinaryField()),
                ("at", fields.DatetimeField()),
                ("expires_at", fields.DatetimeField(null=True)),
                ("shown_at", fields.DatetimeField(null=True)),
                ("read_at", fields.DatetimeField(null=True)),
                ("dismissed_at", fields.DatetimeField(null=True)),
            ],
            options={
                "table": "inapp_message",
                "indexes": [
                    Index(fields=["customer_id", "at", "id"], name="inapp_message_customer"),
                    Index(fields=["at"], name="inapp_message_age"),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PushSubscription",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("customer", _CUSTOMER),
                ("key", _KEY),
                ("address_hash", fields.BinaryField()),
                ("sealed", fields.BinaryField()),
                ("created_at", fields.DatetimeField()),
                ("used_at", fields.DatetimeField(null=True)),
                ("failures", fields.SmallIntField(db_default=0)),
            ],
            options={
                "table": "push_subscription",
                "unique_together": (("address_hash",),),
                "indexes": [Index(fields=["customer_id", "created_at"], name="push_subscription_customer")],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
