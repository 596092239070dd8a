"""What customers agreed to, and what they took back: every word of it as it was said, and what holds now."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.customer import Customer
from hotline.crm.models.user import User
from hotline.ids import new_id


class ConsentRecord(Model):
    """One time that somebody agreed or took it back; written once, never changed but for ``undone_at``: when the import
    that said so was undone, since when it counts no more. ``action``: ``granted`` or
    ``withdrawn``; ``at`` is when they said so. ``sealed`` is a JSON object, under the customer's key, or ``key_id``
    where it came along by a merge: ``wording`` as it was shown or said, ``proof``, ``ip``. ``source_id`` is what it was
    said by: a message, a delivery, an import, a merge."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, on_delete=fields.CASCADE
    )
    channel = fields.CharField(max_length=16)
    purpose = fields.CharField(max_length=16)
    action = fields.CharField(max_length=16)
    source = fields.CharField(max_length=16)
    source_id = fields.UUIDField(null=True)
    call_id = fields.UUIDField(null=True)
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    at = fields.DatetimeField()
    key: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "crm.PersonalKey", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    sealed = fields.BinaryField(null=True)
    undone_at = fields.DatetimeField(null=True)

    class Meta:
        table = "consent_record"
        indexes = (
            Index(fields=("customer_id", "at", "id"), name="consent_record_customer"),
            Index(fields=("at", "id"), name="consent_record_latest"),
        )


class Consent(Model):
    """What holds now for a customer, a channel and a purpose: the last record's word. No row: nothing was ever said."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, on_delete=fields.CASCADE
    )
    channel = fields.CharField(max_length=16)
    purpose = fields.CharField(max_length=16)
    state = fields.CharField(max_length=16)
    since = fields.DatetimeField()
    record_id = fields.UUIDField()

    class Meta:
        table = "consent"
        unique_together = (("customer", "channel", "purpose"),)
        indexes = (Index(fields=("since", "id"), name="consent_latest"),)
