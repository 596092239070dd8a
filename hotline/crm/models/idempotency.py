"""Requests that must happen once, however often a program sends them (``crm.commands.upkeep.idempotency``)."""

from __future__ import annotations

from tortoise import fields
from tortoise.fields.db_defaults import Now
from tortoise.models import Model

from hotline.crm.models.user import User


class IdempotencyKey(Model):
    """A key that a user's program sent, and the record that came of it; claimed in the transaction of its effect."""

    id = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, on_delete=fields.CASCADE
    )
    key = fields.CharField(max_length=200)
    fingerprint = fields.BinaryField()
    subject_id = fields.UUIDField()
    created_at = fields.DatetimeField(db_default=Now(), db_index=True)

    class Meta:
        table = "idempotency_key"
        unique_together = (("user", "key"),)
