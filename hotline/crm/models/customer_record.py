"""What belongs to a customer beside the record itself: its history, relations, purchases and files.

``key`` is the personal key of what is sealed in a row; None: the customer's own. It is set where a row came from
another customer by a merge, so that nothing has to be sealed anew, and can go back.
"""

from __future__ import annotations

from tortoise import fields
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.customer import Customer
from hotline.crm.models.indexes import WhereIndex
from hotline.crm.models.key import PersonalKey
from hotline.crm.models.user import User
from hotline.ids import new_id


class CustomerChange(Model):
    """One field of a customer that changed, from what and to what. ``version`` is the one that the change made."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, on_delete=fields.CASCADE
    )
    version = fields.IntField()
    at = fields.DatetimeField()
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    field = fields.CharField(max_length=200)
    from_cipher = fields.BinaryField(null=True)
    to_cipher = fields.BinaryField(null=True)
    source = fields.CharField(max_length=16)
    source_id = fields.UUIDField(null=True)
    key: fields.ForeignKeyNullableRelation[PersonalKey] = fields.ForeignKeyField(
        "crm.PersonalKey", related_name=False, null=True, on_delete=fields.RESTRICT
    )

    class Meta:
        table = "customer_change"
        indexes = (Index(fields=("customer_id", "version", "id"), name="customer_change_customer"),)


class CustomerRelation(Model):
    """``to_customer`` is ``kind`` of ``from_customer``: a contact of an organisation, its parent, a spouse.

    ``weight`` (0 to 100) says how much they decide, ``role`` is a key of the list of roles.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    from_customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, on_delete=fields.CASCADE
    )
    to_customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, on_delete=fields.CASCADE
    )
    kind = fields.CharField(max_length=64)
    role = fields.CharField(max_length=64, null=True)
    weight = fields.SmallIntField(null=True)
    note_cipher = fields.BinaryField(null=True)
    key: fields.ForeignKeyNullableRelation[PersonalKey] = fields.ForeignKeyField(
        "crm.PersonalKey", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    created_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    created_at = fields.DatetimeField(db_default=Now())
    deleted_at = fields.DatetimeField(null=True)
    version = fields.IntField(db_default=1)

    class Meta:
        table = "customer_relation"
        indexes = (
            Index(fields=("from_customer_id", "id"), name="customer_relation_from"),
            Index(fields=("to_customer_id", "id"), name="customer_relation_to"),
            WhereIndex(fields=("deleted_at",), name="customer_relation_deleted", where="deleted_at IS NOT NULL"),
        )


class Purchase(Model):
    """A product or service that a customer bought. ``amount`` is in the currency's minor units.

    ``external_id`` is the id in the system that it came from, so that it is taken over once.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, on_delete=fields.CASCADE
    )
    kind = fields.CharField(max_length=16)
    at = fields.DatetimeField()
    ends_at = fields.DatetimeField(null=True)
    external_id = fields.CharField(max_length=100, null=True, unique=True)
    reference_cipher = fields.BinaryField(null=True)
    title_cipher = fields.BinaryField()
    quantity = fields.DecimalField(max_digits=14, decimal_places=3, null=True)
    amount = fields.BigIntField(null=True)
    currency = fields.CharField(max_length=3, null=True)
    state = fields.CharField(max_length=64, null=True)
    source = fields.CharField(max_length=16)
    key: fields.ForeignKeyNullableRelation[PersonalKey] = fields.ForeignKeyField(
        "crm.PersonalKey", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    created_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    created_at = fields.DatetimeField(db_default=Now())
    updated_at = fields.DatetimeField(db_default=Now())
    deleted_at = fields.DatetimeField(null=True)
    version = fields.IntField(db_default=1)

    class Meta:
        table = "purchase"
        indexes = (
            Index(fields=("customer_id", "at", "id"), name="purchase_customer"),
            WhereIndex(fields=("deleted_at",), name="purchase_deleted", where="deleted_at IS NOT NULL"),
        )


class CustomerFile(Model):
    """A file of a customer, sealed by a key of its own. ``path`` is below the folder of files; ``media_type`` is what
    its content says, never what its sender said."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, on_delete=fields.CASCADE
    )
    key: fields.ForeignKeyRelation[PersonalKey] = fields.ForeignKeyField(
        "crm.PersonalKey", related_name=False, on_delete=fields.RESTRICT
    )
    name_cipher = fields.BinaryField()
    media_type = fields.CharField(max_length=100)
    bytes = fields.BigIntField()
    sha256 = fields.BinaryField()
    path = fields.CharField(max_length=100, unique=True)
    uploaded_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    at = fields.DatetimeField()
    deleted_at = fields.DatetimeField(null=True)

    class Meta:
        table = "customer_file"
        indexes = (
            Index(fields=("customer_id", "at", "id"), name="customer_file_customer"),
            WhereIndex(fields=("deleted_at",), name="customer_file_deleted", where="deleted_at IS NOT NULL"),
        )
