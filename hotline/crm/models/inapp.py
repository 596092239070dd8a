"""What customers are shown inside the company's own app, and the devices that are told of it."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.customer import Customer
from hotline.ids import new_id


class InappMessage(Model):
    """A message in the app; its id is that of the delivery. ``sealed`` is a JSON object (title, body, link), under the
    customer's key, or under ``key`` where it came along by a merge."""

    id = fields.UUIDField(primary_key=True)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, on_delete=fields.CASCADE
    )
    campaign_id = fields.UUIDField()
    key: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "crm.PersonalKey", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    sealed = fields.BinaryField()
    at = fields.DatetimeField()
    expires_at = fields.DatetimeField(null=True)
    shown_at = fields.DatetimeField(null=True)
    read_at = fields.DatetimeField(null=True)
    dismissed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "inapp_message"
        indexes = (
            Index(fields=("customer_id", "at", "id"), name="inapp_message_customer"),
            Index(fields=("at",), name="inapp_message_age"),
        )


class PushSubscription(Model):
    """A browser or device of a customer that takes Web Push (RFC 8030). ``address_hash`` tells two of the same apart;
    ``sealed`` is a JSON object (endpoint, p256dh, auth), sealed as above. ``failures`` counts those in a row."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, on_delete=fields.CASCADE
    )
    key: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "crm.PersonalKey", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    address_hash = fields.BinaryField()
    sealed = fields.BinaryField()
    created_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)
    failures = fields.SmallIntField(db_default=0)

    class Meta:
        table = "push_subscription"
        unique_together = (("address_hash",),)
        indexes = (Index(fields=("customer_id", "created_at"), name="push_subscription_customer"),)
