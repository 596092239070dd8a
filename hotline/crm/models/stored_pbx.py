"""PBXs that an administrator entered at the desk."""

from __future__ import annotations

from tortoise import fields
from tortoise.fields.db_defaults import Now
from tortoise.models import Model

from hotline.crm.models.key import PersonalKey
from hotline.ids import new_id


class StoredPbx(Model):
    """Address and secret of a PBX, sealed under a key of its own. One of the same name in ``HOTLINE_AMI_URLS`` stands
    for it."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=64, unique=True)
    key: fields.ForeignKeyRelation[PersonalKey] = fields.ForeignKeyField(
        "crm.PersonalKey", related_name=False, on_delete=fields.RESTRICT
    )
    address_cipher = fields.BinaryField()
    version = fields.IntField(db_default=1)
    created_at = fields.DatetimeField(db_default=Now())
    updated_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "stored_pbx"
