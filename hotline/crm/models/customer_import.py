"""Tables that were imported, what they changed, and tables that were exported.

What a file holds is sealed under a key of the import or export itself, and ends with it.
"""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.customer import Customer
from hotline.crm.models.indexes import WhereIndex
from hotline.crm.models.key import PersonalKey
from hotline.crm.models.user import User
from hotline.ids import new_id


class CustomerImport(Model):
    """A file that somebody brought. ``sample_cipher`` holds its headings and first cells, ``path`` where it lies until
    ``file_deleted_at``; ``reading``, ``mapping`` and ``options`` are codes and numbers of columns."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    created_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    key: fields.ForeignKeyRelation[PersonalKey] = fields.ForeignKeyField(
        "crm.PersonalKey", related_name=False, on_delete=fields.RESTRICT
    )
    name_cipher = fields.BinaryField()
    sample_cipher = fields.BinaryField()
    format = fields.CharField(max_length=8)
    bytes = fields.BigIntField()
    path = fields.CharField(max_length=100)
    reading: Any = fields.JSONField(db_default={})
    mapping: Any = fields.JSONField(db_default=[])
    options: Any = fields.JSONField(db_default={})
    rows_estimated = fields.BigIntField(null=True)
    check_job_id = fields.UUIDField(null=True)
    job_id = fields.UUIDField(null=True)
    created_at = fields.DatetimeField(db_default=Now())
    file_deleted_at = fields.DatetimeField(null=True)
    version = fields.IntField(db_default=1)

    class Meta:
        table = "customer_import"
        indexes = (
            Index(fields=("created_by_id", "id"), name="customer_import_creator"),
            WhereIndex(fields=("created_at",), name="customer_import_files", where="file_deleted_at IS NULL"),
        )


class ImportRefusal(Model):
    """Rows of one step that were refused: numbers, reasons and cells, one sealed block."""

    id = fields.BigIntField(primary_key=True)
    customer_import: fields.ForeignKeyRelation[CustomerImport] = fields.ForeignKeyField(
        "crm.CustomerImport", related_name=False, on_delete=fields.CASCADE
    )
    job_id = fields.UUIDField()
    block_id = fields.UUIDField()
    rows = fields.IntField()
    cipher = fields.BinaryField()
    created_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "import_refusal"
        indexes = (
            Index(fields=("job_id", "id"), name="import_refusal_job"),
            Index(fields=("created_at",), name="import_refusal_age"),
        )


class ImportEffect(Model):
    """A customer whom an import created or changed; ``version`` is theirs after it. What it overwrote is in their
    history."""

    id = fields.BigIntField(primary_key=True)
    customer_import: fields.ForeignKeyRelation[CustomerImport] = fields.ForeignKeyField(
        "crm.CustomerImport", related_name=False, on_delete=fields.CASCADE
    )
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    kind = fields.CharField(max_length=8)
    version = fields.IntField()

    class Meta:
        table = "import_effect"
        indexes = (Index(fields=("customer_import_id", "id"), name="import_effect_import"),)


class ImportMapping(Model):
    """A mapping that was saved by name: headings, folded, and what their columns are."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=100, unique=True)
    columns: Any = fields.JSONField(db_default={})
    reading: Any = fields.JSONField(db_default={})
    options: Any = fields.JSONField(db_default={})
    created_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    updated_at = fields.DatetimeField(db_default=Now())
    version = fields.IntField(db_default=1)

    class Meta:
        table = "import_mapping"


class CustomerExport(Model):
    """A file of customers that somebody asked for; it lies sealed until ``expires_at``. The filter holds what was
    searched for, so it is sealed, too."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    created_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    key: fields.ForeignKeyRelation[PersonalKey] = fields.ForeignKeyField(
        "crm.PersonalKey", related_name=False, on_delete=fields.RESTRICT
    )
    format = fields.CharField(max_length=8)
    language = fields.CharField(max_length=8)
    fields_: Any = fields.JSONField(source_field="fields", db_default=[])
    filter_cipher = fields.BinaryField()
    path = fields.CharField(max_length=100, null=True)
    bytes = fields.BigIntField(null=True)
    rows = fields.BigIntField(null=True)
    job_id = fields.UUIDField(null=True)
    created_at = fields.DatetimeField(db_default=Now())
    expires_at = fields.DatetimeField()
    deleted_at = fields.DatetimeField(null=True)

    class Meta:
        table = "customer_export"
        indexes = (
            Index(fields=("created_by_id", "id"), name="customer_export_creator"),
            WhereIndex(fields=("expires_at",), name="customer_export_live", where="deleted_at IS NULL"),
        )
