"""Calls: the conversation, its legs, and the names that PBXs have for it."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.customer import Customer
from hotline.crm.models.indexes import WhereIndex
from hotline.crm.models.key import PersonalKey
from hotline.crm.models.user import User
from hotline.ids import new_id


class Call(Model):
    """One conversation. The caller's number is encrypted under the customer's key when exactly one customer has it,
    else under a key of its own. ``candidate_ids`` are all customers who shared the number when the call arrived.
    ``user`` has or had the call, ``dialler`` dialled it on the way out. ``ticket_by`` says how it came to its ticket:
    ``opened`` it, joined it by ``rule`` or ``hand``, or is a ``callback``."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    pbx = fields.CharField(max_length=64)
    direction = fields.CharField(max_length=3)
    state = fields.CharField(max_length=16)
    disposition = fields.CharField(max_length=16, null=True)
    caller_cipher = fields.BinaryField(null=True)
    caller_key: fields.ForeignKeyNullableRelation[PersonalKey] = fields.ForeignKeyField(
        "crm.PersonalKey", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    caller_index = fields.BinaryField(null=True)
    caller_name_cipher = fields.BinaryField(null=True)
    caller_withheld = fields.BooleanField(db_default=False)
    caller_country = fields.CharField(max_length=2, null=True)
    dialled = fields.TextField(null=True)
    queue = fields.CharField(max_length=100, null=True)
    customer: fields.ForeignKeyNullableRelation[Customer] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    candidate_ids = ArrayField("uuid", db_default=SqlDefault("'{}'::uuid[]"))
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    dialler: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    offered_at = fields.DatetimeField()
    queued_at = fields.DatetimeField(null=True)
    answered_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)
    end_seen = fields.BooleanField(db_default=True)
    cause = fields.IntField(null=True)
    transfers: Any = fields.JSONField(db_default=[])
    gaps: Any = fields.JSONField(db_default=[])
    ivr: Any = fields.JSONField(null=True)
    ticket_id = fields.UUIDField(null=True)
    recording = fields.CharField(max_length=8, null=True)  # on, paused
    ticket_by = fields.CharField(max_length=8, null=True)
    ticket_at = fields.DatetimeField(null=True)
    merged_into: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "crm.Call", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    version = fields.IntField(db_default=1)
    created_at = fields.DatetimeField(db_default=Now())
    updated_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "call"
        indexes = (
            WhereIndex(fields=("ticket_id",), name="call_ticket", where="ticket_id IS NOT NULL"),
            Index(fields=("caller_index",), name="call_caller"),
            Index(fields=("customer_id", "offered_at"), name="call_customer"),
            Index(fields=("user_id", "offered_at"), name="call_user"),
            WhereIndex(fields=("dialler_id", "offered_at"), name="call_dialler", where="dialler_id IS NOT NULL"),
            WhereIndex(
                fields=("pbx", "offered_at"),
                name="call_open",
                where="ended_at IS NULL AND merged_into_id IS NULL",
            ),
            Index(fields=("user_id", "customer_id"), name="call_owner"),
            # Whose call rang at somebody's phone, without reading the call.
            Index(fields=("id", "customer_id"), name="call_with_customer"),
            WhereIndex(fields=("queue", "customer_id"), name="call_queue", where="queue IS NOT NULL"),
            WhereIndex(fields=("merged_into_id",), name="call_merged", where="merged_into_id IS NOT NULL"),
        )


class Leg(Model):
    """One ring attempt and what came of it. ``id`` is the ring's id of the story; ``held_since`` stands while this
    phone keeps the other side on hold."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    call: fields.ForeignKeyRelation[Call] = fields.ForeignKeyField(
        "crm.Call", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    pbx = fields.CharField(max_length=64)
    uniqueid = fields.CharField(max_length=150)
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    interface = fields.TextField()
    interfaces = ArrayField("text", db_default=SqlDefault("'{}'::text[]"))
    kind = fields.CharField(max_length=16)
    queue = fields.CharField(max_length=100, null=True)
    rang_at = fields.DatetimeField()
    answered_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)
    end_reason = fields.CharField(max_length=24, null=True)
    held_since = fields.DatetimeField(null=True)

    class Meta:
        table = "leg"
        indexes = (
            Index(fields=("user_id", "rang_at"), name="leg_user"),
            Index(fields=("user_id", "call_id"), name="leg_user_call"),
            WhereIndex(fields=("user_id",), name="leg_open", where="ended_at IS NULL"),
        )


class CallAlias(Model):
    """A name that a PBX has for a call; the unique constraint is what makes two readers of one PBX write one call."""

    id = fields.BigIntField(primary_key=True)
    pbx = fields.CharField(max_length=64)
    kind = fields.CharField(max_length=16)
    value = fields.CharField(max_length=150)
    call: fields.ForeignKeyRelation[Call] = fields.ForeignKeyField(
        "crm.Call", related_name=False, on_delete=fields.CASCADE, db_index=True
    )

    class Meta:
        table = "call_alias"
        unique_together = (("pbx", "kind", "value"),)
