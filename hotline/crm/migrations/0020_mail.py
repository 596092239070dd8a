"""How addresses of mail fared, and how far mailboxes were read."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import Operation

from hotline.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("crm", "0019_twilio_agents")]  # noqa: RUF012

    initial = False

    operations: list[Operation] = [  # noqa: RUF012
        ops.CreateModel(
            name="MailAddress",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("address_index", fields.BinaryField()),
                ("hard_bounces", fields.IntField(db_default=0)),
                ("soft_bounces", fields.IntField(db_default=0)),
                ("bounced_at", fields.DatetimeField(null=True)),
                ("status", fields.CharField(max_length=16, null=True)),
            ],
            options={"table": "mail_address", "unique_together": (("address_index",),), "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Mailbox",
            fields=[
                ("id", fields.CharField(max_length=64, primary_key=True)),
                ("uid_validity", fields.BigIntField()),
                ("uid", fields.BigIntField(db_default=0)),
                ("passed", fields.IntField(db_default=0)),
                ("at", fields.DatetimeField()),
            ],
            options={"table": "mailbox", "pk_attr": "id"},
            bases=["Model"],
        ),
    ]
