"""Keys of personal data (DESIGN §3): a key per person, wrapped by the master key; erasing a person destroys theirs."""

from __future__ import annotations

from tortoise import fields
from tortoise.fields.db_defaults import Now
from tortoise.models import Model

from hotline.ids import new_id


class PersonalKey(Model):
    """One person's key. ``wrapped`` is null once destroyed; ``master`` names the master key that wraps it."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    wrapped = fields.BinaryField(null=True)
    master = fields.CharField(max_length=16)
    created_at = fields.DatetimeField(db_default=Now())
    destroyed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "personal_key"


class SharedKey(Model):
    """A key of the installation, wrapped by the master key: ``index`` keys the blind index, so that a new master
    key needs no new index."""

    name = fields.CharField(max_length=32, primary_key=True)
    wrapped = fields.BinaryField()
    master = fields.CharField(max_length=16)
    created_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "shared_key"
