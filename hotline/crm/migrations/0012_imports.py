"""Imports and exports."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import Operation

from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("crm", "0011_background_jobs")]  # noqa: RUF012

    initial = False

    operations: list[Operation] = [  # noqa: RUF012
        ops.CreateModel(
            name="CustomerImport",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                (
                    "created_by",
                    fields.ForeignKeyField(
                        "crm.User",
                        source_field="created_by_id",
                        to_field="id",
                        related_name=False,
                        null=True,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "key",
                    fields.ForeignKeyField(
                        "crm.PersonalKey",
                        source_field="key_id",
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("name_cipher", fields.BinaryField()),
                ("sample_cipher", fields.BinaryField()),
                ("format", fields.CharField(max_length=8)),
                ("bytes", fields.BigIntField()),
                ("path", fields.CharField(max_length=100)),
                ("reading", fields.JSONField(db_default={})),
                ("mapping", fields.JSONField(db_default=[])),
                ("options", fields.JSONField(db_default={})),
                ("rows_estimated", fields.BigIntField(null=True)),
                ("check_job_id", fields.UUIDField(null=True)),
                ("job_id", fields.UUIDField(null=True)),
                ("created_at", fields.DatetimeField(db_default=Now())),
                ("file_deleted_at", fields.DatetimeField(null=True)),
                ("version", fields.IntField(db_default=1)),
            ],
            options={"table": "customer_import", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.AddIndex(
            model_name="CustomerImport", index=Index(fields=["created_by_id", "id"], name="customer_import_creator")
        ),
        ops.AddIndex(
            model_name="CustomerImport",
            index=WhereIndex(fields=["created_at"], name="customer_import_files", where="file_deleted_at IS NULL"),
        ),
        ops.CreateModel(
            name="ImportRefusal",
            fields=[
                ("id", fields.BigIntField(primary_key=True)),
                (
                    "customer_import",
                    fields.ForeignKeyField(
                        "crm.CustomerImport",
                        source_field="customer_import_id",
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("job_id", fields.UUIDField()),
                ("block_id", fields.UUIDField()),
                ("rows", fields.IntField()),
                ("cipher", fields.BinaryField()),
                ("created_at", fields.DatetimeField(db_default=Now())),
            ],
            options={"table": "import_refusal", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.AddIndex(model_name="ImportRefusal", index=Index(fields=["job_id", "id"], name="import_refusal_job")),
        ops.AddIndex(model_name="ImportRefusal", index=Index(fields=["created_at"], name="import_refusal_age")),
        ops.CreateModel(
            name="ImportEffect",
            fields=[
                ("id", fields.BigIntField(primary_key=True)),
                (
                    "customer_import",
                    fields.ForeignKeyField(
                        "crm.CustomerImport",
                        source_field="customer_import_id",
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "customer",
                    fields.ForeignKeyField(
                        "crm.Customer",
                        source_field="customer_id",
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                        db_index=True,
                    ),
                ),
                ("kind", fields.CharField(max_length=8)),
                ("version", fields.IntField()),
            ],
            options={"table": "import_effect", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.AddIndex(
            model_name="ImportEffect", index=Index(fields=["customer_import_id", "id"], name="import_effect_import")
        ),
        ops.CreateModel(
            name="ImportMapping",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("name", fields.CharField(max_length=100, unique=True)),
                ("columns", fields.JSONField(db_default={})),
                ("reading", fields.JSONField(db_default={})),
                ("options", fields.JSONField(db_default={})),
                (
                    "created_by",
                    fields.ForeignKeyField(
                        "crm.User",
                        source_field="created_by_id",
                        to_field="id",
                        related_name=False,
                        null=True,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("updated_at", fields.DatetimeField(db_default=Now())),
                ("version", fields.IntField(db_default=1)),
            ],
            options={"table": "import_mapping", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CustomerExport",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                (
                    "created_by",
                    fields.ForeignKeyField(
                        "crm.User",
                        source_field="created_by_id",
                        to_field="id",
                        related_name=False,
                        null=True,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "key",
                    fields.ForeignKeyField(
                        "crm.PersonalKey",
                        source_field="key_id",
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("format", fields.CharField(max_length=8)),
                ("language", fields.CharField(max_length=8)),
                ("fields_", fields.JSONField(source_field="fields", db_default=[])),
                ("filter_cipher", fields.BinaryField()),
                ("path", fields.CharField(max_length=100, null=True)),
                ("bytes", fields.BigIntField(null=True)),
                ("rows", fields.BigIntField(null=True)),
                ("job_id", fields.UUIDField(null=True)),
                ("created_at", fields.DatetimeField(db_default=Now())),
                ("expires_at", fields.DatetimeField()),
                ("deleted_at", fields.DatetimeField(null=True)),
            ],
            options={"table": "customer_export", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.AddIndex(
            model_name="CustomerExport", index=Index(fields=["created_by_id", "id"], name="customer_export_creator")
        ),
        ops.AddIndex(
            model_name="CustomerExport",
            index=WhereIndex(fields=["expires_at"], name="customer_export_live", where="deleted_at IS NULL"),
        ),
    ]
