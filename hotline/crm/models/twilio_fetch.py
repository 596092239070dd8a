"""What is to be done at Twilio about a call's recording: each thing once, by whoever leases it."""

from __future__ import annotations

from tortoise import fields
from tortoise.fields.db_defaults import Now
from tortoise.models import Model

from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id


class TwilioFetch(Model):
    """One thing to do: store a ``recording``, store its ``transcript``, or delete either at Twilio
    (``delete_recording``, ``delete_transcript``). ``sid`` is that of what is fetched or deleted, ``recording_sid`` of
    the recording that it belongs to. ``state``: due, done, or failed for good, with ``error``."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    what = fields.CharField(max_length=20)
    sid = fields.CharField(max_length=34)
    recording_sid = fields.CharField(max_length=34)
    account_sid = fields.CharField(max_length=34)
    call_sid = fields.CharField(max_length=34)
    kind = fields.CharField(max_length=16)
    state = fields.CharField(max_length=8, db_default="due")
    due_at = fields.DatetimeField()
    lease_until = fields.DatetimeField(null=True)
    lease_token = fields.UUIDField(null=True)
    attempts = fields.IntField(db_default=0)
    error = fields.CharField(max_length=40, null=True)
    created_at = fields.DatetimeField(db_default=Now())
    done_at = fields.DatetimeField(null=True)

    class Meta:
        table = "twilio_fetch"
        unique_together = (("sid", "what"),)
        indexes = (WhereIndex(fields=("due_at",), name="twilio_fetch_due", where="state = 'due'"),)
