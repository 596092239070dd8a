"""Prompts that people recorded, in place of the speech command's."""

from __future__ import annotations

from tortoise import fields
from tortoise.fields.db_defaults import Now
from tortoise.models import Model

from hotline.crm.models.user import User
from hotline.ids import new_id


class PromptRecording(Model):
    """The recording of one prompt in one language. ``sound`` is a WAV of 16 kHz, mono, as callers hear it; ``digest``
    names it in the prompt's address."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=150)
    language = fields.CharField(max_length=16)
    digest = fields.CharField(max_length=64)
    seconds = fields.FloatField()
    sound = fields.BinaryField()
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    created_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "prompt_recording"
        unique_together = (("name", "language"),)
