"""Customers in full: contacts, fields, files, purchases, relations, history."""

from typing import Any

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import Operation

from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id


def _to(model: str, column: str, *, on_delete: OnDelete = OnDelete.RESTRICT, null: bool = True) -> Any:
    """A reference to the ``id`` of another table."""
    reference: Any = fields.ForeignKeyField
    return reference(
        f"crm.{model}", source_field=column, null=null, to_field="id", related_name=False, on_delete=on_delete
    )


class Migration(migrations.Migration):
    dependencies = [("crm", "0009_users")]  # noqa: RUF012

    initial = False

    operations: list[Operation] = [  # noqa: RUF012
        ops.AddField(model_name="Customer", name="classification", field=fields.CharField(max_length=64, null=True)),
        ops.AddField(model_name="Customer", name="preferences", field=fields.JSONField(db_default={})),
        ops.AddField(model_name="Customer", name="custom_cipher", field=fields.BinaryField(null=True)),
        ops.AddField(model_name="Customer", name="created_by", field=_to("User", "created_by_id")),
        ops.AddField(model_name="Customer", name="created_source", field=fields.CharField(max_length=16, null=True)),
        ops.AddIndex(
            model_name="Customer",
            index=WhereIndex(
                fields=["classification", "id"], name="customer_classification", where="classification IS NOT NULL"
            ),
        ),
        ops.AddIndex(
            model_name="Customer",
            index=WhereIndex(
                fields=["id"],
                name="customer_unsealed",
                where="custom_cipher IS NULL AND custom <> '{}'::jsonb",
            ),
        ),
        ops.AddField(model_name="Ticket", name="custom", field=fields.JSONField(db_default={})),
        ops.AddField(model_name="Ticket", name="custom_cipher", field=fields.BinaryField(null=True)),
        ops.CreateModel(
            name="CustomField",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("record", fields.CharField(max_length=16)),
                ("key", fields.CharField(max_length=64)),
                ("names", fields.JSONField()),
                ("hints", fields.JSONField(db_default={})),
                ("type", fields.CharField(max_length=16)),
                ("options", fields.JSONField(db_default={})),
                ("required", fields.BooleanField(db_default=False)),
                ("private", fields.BooleanField(db_default=False)),
                ("shown_in_pop", fields.BooleanField(db_default=False)),
                ("position", fields.IntField(db_default=0)),
                ("archived_at", fields.DatetimeField(null=True)),
                ("version", fields.IntField(db_default=1)),
                ("created_at", fields.DatetimeField(db_default=Now())),
                ("updated_at", fields.DatetimeField(db_default=Now())),
            ],
            options={"table": "custom_field", "unique_together": (("record", "key"),), "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.AddIndex(model_name="CustomField", index=Index(fields=["key"], name="custom_field_key")),
        ops.CreateModel(
            name="CustomerChange",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("customer", _to("Customer", "customer_id", on_delete=OnDelete.CASCADE, null=False)),
                ("version", fields.IntField()),
                ("at", fields.DatetimeField()),
                ("user", _to("User", "user_id")),
                ("field", fields.CharField(max_length=200)),
                ("from_cipher", fields.BinaryField(null=True)),
                ("to_cipher", fields.BinaryField(null=True)),
                ("source", fields.CharField(max_length=16)),
                ("source_id", fields.UUIDField(null=True)),
                ("key", _to("PersonalKey", "key_id")),
            ],
            options={"table": "customer_change", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.AddIndex(
            model_name="CustomerChange",
            index=Index(fields=["customer_id", "version", "id"], name="customer_change_customer"),
        ),
        ops.CreateModel(
            name="CustomerRelation",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("from_customer", _to("Customer", "from_customer_id", on_delete=OnDelete.CASCADE, null=False)),
                ("to_customer", _to("Customer", "to_customer_id", on_delete=OnDelete.CASCADE, null=False)),
                ("kind", fields.CharField(max_length=64)),
                ("role", fields.CharField(max_length=64, null=True)),
                ("weight", fields.SmallIntField(null=True)),
                ("note_cipher", fields.BinaryField(null=True)),
                ("key", _to("PersonalKey", "key_id")),
                ("created_by", _to("User", "created_by_id")),
                ("created_at", fields.DatetimeField(db_default=Now())),
                ("deleted_at", fields.DatetimeField(null=True)),
                ("version", fields.IntField(db_default=1)),
            ],
            options={"table": "customer_relation", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.AddIndex(
            model_name="CustomerRelation",
            index=Index(fields=["from_customer_id", "id"], name="customer_relation_from"),
        ),
        ops.AddIndex(
            model_name="CustomerRelation", index=Index(fields=["to_customer_id", "id"], name="customer_relation_to")
        ),
        ops.AddIndex(
            model_name="CustomerRelation",
            index=WhereIndex(fields=["deleted_at"], name="customer_relation_deleted", where="deleted_at IS NOT NULL"),
        ),
        ops.CreateModel(
            name="Purchase",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("customer", _to("Customer", "customer_id", on_delete=OnDelete.CASCADE, null=False)),
                ("kind", fields.CharField(max_length=16)),
                ("at", fields.DatetimeField()),
                ("ends_at", fields.DatetimeField(null=True)),
                ("external_id", fields.CharField(max_length=100, null=True, unique=True)),
                ("reference_cipher", fields.BinaryField(null=True)),
                ("title_cipher", fields.BinaryField()),
                ("quantity", fields.DecimalField(max_digits=14, decimal_places=3, null=True)),
                ("amount", fields.BigIntField(null=True)),
                ("currency", fields.CharField(max_length=3, null=True)),
                ("state", fields.CharField(max_length=64, null=True)),
                ("source", fields.CharField(max_length=16)),
                ("key", _to("PersonalKey", "key_id")),
                ("created_by", _to("User", "created_by_id")),
                ("created_at", fields.DatetimeField(db_default=Now())),
                ("updated_at", fields.DatetimeField(db_default=Now())),
                ("deleted_at", fields.DatetimeField(null=True)),
                ("version", fields.IntField(db_default=1)),
            ],
            options={"table": "purchase", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.AddIndex(model_name="Purchase", index=Index(fields=["customer_id", "at", "id"], name="purchase_customer")),
        ops.AddIndex(
            model_name="Purchase",
            index=WhereIndex(fields=["deleted_at"], name="purchase_deleted", where="deleted_at IS NOT NULL"),
        ),
        ops.CreateModel(
            name="CustomerFile",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("customer", _to("Customer", "customer_id", on_delete=OnDelete.CASCADE, null=False)),
                ("key", _to("PersonalKey", "key_id", null=False)),
                ("name_cipher", fields.BinaryField()),
                ("media_type", fields.CharField(max_length=100)),
                ("bytes", fields.BigIntField()),
                ("sha256", fields.BinaryField()),
                ("path", fields.CharField(max_length=100, unique=True)),
                ("uploaded_by", _to("User", "uploaded_by_id")),
                ("at", fields.DatetimeField()),
                ("deleted_at", fields.DatetimeField(null=True)),
            ],
            options={"table": "customer_file", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.AddIndex(
            model_name="CustomerFile", index=Index(fields=["customer_id", "at", "id"], name="customer_file_customer")
        ),
        ops.AddIndex(
            model_name="CustomerFile",
            index=WhereIndex(fields=["deleted_at"], name="customer_file_deleted", where="deleted_at IS NOT NULL"),
        ),
    ]
