"""The audit trail: who did what to which record, chained and sealed (``crm.audit``)."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id


class AuditEntry(Model):
    """One deed. ``position`` and ``hash`` are null until the sealer has chained the entry."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    at = fields.DatetimeField()
    actor_kind = fields.CharField(max_length=16)
    actor_id = fields.UUIDField(null=True)
    action = fields.CharField(max_length=64)
    subject_id = fields.UUIDField(null=True)
    data: Any = fields.JSONField(db_default={})
    position = fields.BigIntField(null=True, unique=True)
    hash = fields.BinaryField(null=True)

    class Meta:
        table = "audit_entry"
        indexes = (
            Index(fields=("subject_id", "at"), name="audit_entry_subject"),
            Index(fields=("actor_id", "at"), name="audit_entry_actor"),
            WhereIndex(fields=("id",), name="audit_entry_unsealed", where="position IS NULL"),
        )


class AuditSeal(Model):
    """A head of the chain: the hash at ``position``, signed by the master key ``master``."""

    position = fields.BigIntField(primary_key=True, generated=False)
    hash = fields.BinaryField()
    at = fields.DatetimeField()
    master = fields.CharField(max_length=16)
    mac = fields.BinaryField()

    class Meta:
        table = "audit_seal"
