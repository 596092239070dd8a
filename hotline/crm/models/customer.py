"""Customers, how to reach them, and what they are grouped by. Columns ending in ``_cipher`` hold personal data."""

from __future__ import annotations

from typing import Any, Final

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.contrib.postgres.indexes import GinIndex
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.indexes import WhereIndex
from hotline.crm.models.key import PersonalKey
from hotline.ids import new_id

#: Which tokens ``customer.search_tokens`` and ``contact_point.suffix_tokens`` hold. Rows with those of an older version
#: are renewed after the migration (``crm.commands.customers.search_tokens``).
SEARCH_VERSION: Final = 2


class Tier(Model):
    """A VIP level. ``rank`` sorts them, 1 being the highest; ``queue_priority`` is what the PBX's queue gets."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    key = fields.CharField(max_length=32, unique=True)
    names: Any = fields.JSONField()
    rank = fields.IntField()
    queue_priority = fields.IntField(db_default=0)

    class Meta:
        table = "tier"


class Customer(Model):
    """A person or an organisation. ``number`` is what people say, shown as C10001.

    ``custom`` holds the values of custom fields that are codes, numbers or days; what people write is in
    ``custom_cipher``, a sealed JSON object, there whenever ``custom`` is not empty. ``preferences`` are codes only.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    number = fields.BigIntField(unique=True, db_default=SqlDefault("nextval('customer_number_seq'::regclass)"))
    kind = fields.CharField(max_length=16)
    key: fields.ForeignKeyRelation[PersonalKey] = fields.ForeignKeyField(
        "crm.PersonalKey", related_name=False, on_delete=fields.RESTRICT
    )
    name_cipher = fields.BinaryField()
    locale = fields.CharField(max_length=16, null=True)
    tier: fields.ForeignKeyNullableRelation[Tier] = fields.ForeignKeyField(
        "crm.Tier", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    responsible: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    classification = fields.CharField(max_length=64, null=True)
    preferences: Any = fields.JSONField(db_default={})
    custom: Any = fields.JSONField(db_default={})
    custom_cipher = fields.BinaryField(null=True)
    search_tokens = ArrayField("bigint", db_default=SqlDefault("'{}'::bigint[]"))
    search_version = fields.SmallIntField(db_default=SEARCH_VERSION)
    version = fields.IntField(db_default=1)
    merged_into: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, null=True, on_delete=fields.RESTRICT, db_index=True
    )
    created_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    created_source = fields.CharField(max_length=16, null=True)
    erased_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(db_default=Now())
    updated_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "customer"
        indexes = (
            GinIndex(fields=("search_tokens",), name="customer_search"),
            Index(fields=("tier_id", "id"), name="customer_tier"),
            Index(fields=("responsible_id", "id"), name="customer_responsible"),
            WhereIndex(fields=("id",), name="customer_search_old", where=f"search_version < {SEARCH_VERSION}"),
            WhereIndex(
                fields=("classification", "id"), name="customer_classification", where="classification IS NOT NULL"
            ),
            WhereIndex(
                fields=("id",), name="customer_unsealed", where="custom_cipher IS NULL AND custom <> '{}'::jsonb"
            ),
        )


class ContactPoint(Model):
    """A way to reach a customer, normalised before it is stored. ``value_index`` finds it without decrypting."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, on_delete=fields.CASCADE
    )
    kind = fields.CharField(max_length=16)
    value_cipher = fields.BinaryField()
    value_index = fields.BinaryField()
    suffix_tokens = ArrayField("bigint", db_default=SqlDefault("'{}'::bigint[]"))
    label = fields.CharField(max_length=100, db_default="")
    country = fields.CharField(max_length=2, null=True)
    position = fields.IntField(db_default=0)
    created_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "contact_point"
        indexes = (
            Index(fields=("value_index",), name="contact_point_value"),
            GinIndex(fields=("suffix_tokens",), name="contact_point_suffix"),
        )
        unique_together = (("customer", "kind", "value_index"),)


class Address(Model):
    """A postal address; the text is one encrypted block."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    label = fields.CharField(max_length=100, db_default="")
    cipher = fields.BinaryField()
    country = fields.CharField(max_length=2, null=True)
    position = fields.IntField(db_default=0)
    created_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "address"


class Tag(Model):
    """A word that customers are grouped by. It is unique by ``lower(name)``, an index that the schema's steps make."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=64, unique=True)

    class Meta:
        table = "tag"


class CustomerTag(Model):
    """A tag on a customer."""

    id = fields.BigIntField(primary_key=True)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, on_delete=fields.CASCADE
    )
    tag: fields.ForeignKeyRelation[Tag] = fields.ForeignKeyField(
        "crm.Tag", related_name=False, on_delete=fields.CASCADE
    )

    class Meta:
        table = "customer_tag"
        unique_together = (("customer", "tag"),)
        indexes = (Index(fields=("tag_id", "customer_id"), name="customer_tag_tag"),)
