"""What hotline knows of each PBX, and what it asked them to do."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.call import Call
from hotline.crm.models.indexes import WhereIndex
from hotline.crm.models.key import PersonalKey
from hotline.crm.models.user import User
from hotline.ids import new_id


class PbxCommand(Model):
    """One request to a PBX, executed once by the holder of its lease. ``id`` is the ChannelId of an originate."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    pbx = fields.CharField(max_length=64)
    action = fields.CharField(max_length=24)
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    call: fields.ForeignKeyNullableRelation[Call] = fields.ForeignKeyField(
        "crm.Call", related_name=False, null=True, on_delete=fields.SET_NULL
    )
    to_cipher = fields.BinaryField(null=True)
    key: fields.ForeignKeyNullableRelation[PersonalKey] = fields.ForeignKeyField(
        "crm.PersonalKey", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    data: Any = fields.JSONField(db_default={})
    state = fields.CharField(max_length=16, db_default="pending")
    error_code = fields.CharField(max_length=64, null=True)
    error_text = fields.TextField(null=True)
    lease_token = fields.BigIntField(null=True)
    expires_at = fields.DatetimeField()
    created_at = fields.DatetimeField(db_default=Now())
    sent_at = fields.DatetimeField(null=True)
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "pbx_command"
        indexes = (
            WhereIndex(fields=("pbx", "created_at"), name="pbx_command_open", where="finished_at IS NULL"),
            Index(fields=("created_at",), name="pbx_command_created"),
        )


class QueueMember(Model):
    """A mirror of the PBX's queue members. ``status`` is Asterisk's device state number; ``since``: when they signed
    in, paused or took calls again last, whatever they talked in between."""

    id = fields.BigIntField(primary_key=True)
    pbx = fields.CharField(max_length=64)
    queue = fields.CharField(max_length=100)
    interface = fields.CharField(max_length=200)
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.SET_NULL, db_index=True
    )
    member_name = fields.TextField(db_default="")
    state_interface = fields.TextField(db_default="")
    paused = fields.BooleanField(db_default=False)
    pause_reason = fields.TextField(db_default="")
    status = fields.IntField(db_default=0)
    in_call = fields.BooleanField(db_default=False)
    calls_taken = fields.IntField(db_default=0)
    updated_at = fields.DatetimeField(db_default=Now())
    since = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "queue_member"
        unique_together = (("pbx", "queue", "interface"),)


class PbxState(Model):
    """The connection to one PBX as its lease holder sees it."""

    pbx = fields.CharField(max_length=64, primary_key=True)
    connected = fields.BooleanField(db_default=False)
    version = fields.TextField(db_default="")
    since = fields.DatetimeField(db_default=Now())
    lag_ms = fields.FloatField(null=True)
    error = fields.TextField(db_default="")
    node = fields.TextField(db_default="")
    updated_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "pbx_state"
