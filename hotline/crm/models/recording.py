"""Recordings: voicemails and recorded calls, whose sound lies encrypted in a file of the data folder."""

from __future__ import annotations

from tortoise import fields
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.call import Call
from hotline.crm.models.indexes import WhereIndex
from hotline.crm.models.key import PersonalKey
from hotline.crm.models.user import User
from hotline.ids import new_id


class Recording(Model):
    """One voicemail or recorded call. ``id`` is the upload's; ``path`` is the file below the folder of recordings,
    sealed by ``key``, as is what was said in it. A deleted one keeps its row, so that an upload that comes again stores
    nothing."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    call: fields.ForeignKeyNullableRelation[Call] = fields.ForeignKeyField(
        "crm.Call", related_name=False, null=True, on_delete=fields.SET_NULL
    )
    pbx = fields.CharField(max_length=64)
    uniqueid = fields.CharField(max_length=150)
    kind = fields.CharField(max_length=16)
    seconds = fields.FloatField()
    bytes = fields.BigIntField()
    content_type = fields.CharField(max_length=32)
    key: fields.ForeignKeyNullableRelation[PersonalKey] = fields.ForeignKeyField(
        "crm.PersonalKey", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    path = fields.CharField(max_length=100)
    transcript_cipher = fields.BinaryField(null=True)
    stored_at = fields.DatetimeField(db_default=Now())
    delete_at = fields.DatetimeField(null=True)
    deleted_at = fields.DatetimeField(null=True)
    deleted_why = fields.CharField(max_length=16, null=True)
    deleted_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )

    class Meta:
        table = "recording"
        indexes = (
            Index(fields=("call_id", "stored_at"), name="recording_call"),
            WhereIndex(fields=("stored_at",), name="recording_kept", where="deleted_at IS NULL"),
            WhereIndex(fields=("delete_at",), name="recording_due", where="deleted_at IS NULL"),
            WhereIndex(
                fields=("pbx", "uniqueid"), name="recording_unlinked", where="call_id IS NULL AND deleted_at IS NULL"
            ),
        )
