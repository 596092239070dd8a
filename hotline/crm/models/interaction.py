"""Interactions: the lines of a customer's timeline."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.call import Call
from hotline.crm.models.customer import Customer
from hotline.crm.models.key import PersonalKey
from hotline.crm.models.user import User
from hotline.ids import new_id


class Interaction(Model):
    """One line of the timeline. ``data`` holds codes only; what a person wrote is in ``note_cipher``, under the
    customer's key, or under ``note_key`` while no customer is known."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    customer: fields.ForeignKeyNullableRelation[Customer] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, null=True, on_delete=fields.CASCADE
    )
    kind = fields.CharField(max_length=16)
    call: fields.ForeignKeyNullableRelation[Call] = fields.ForeignKeyField(
        "crm.Call", related_name=False, null=True, on_delete=fields.CASCADE, db_index=True
    )
    ticket_id = fields.UUIDField(null=True)
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    direction = fields.CharField(max_length=3, null=True)
    at = fields.DatetimeField()
    data: Any = fields.JSONField(db_default={})
    note_cipher = fields.BinaryField(null=True)
    note_key: fields.ForeignKeyNullableRelation[PersonalKey] = fields.ForeignKeyField(
        "crm.PersonalKey", related_name=False, null=True, on_delete=fields.RESTRICT
    )

    class Meta:
        table = "interaction"
        unique_together = (("ticket_id",),)
        indexes = (
            Index(fields=("customer_id", "at"), name="interaction_customer"),
            # Who was spoken with last, whoever it was.
            Index(fields=("at", "customer_id"), name="interaction_latest"),
        )
