"""Calls that come and go by Twilio: the legs that hotline knows of, and the callers who wait for an agent."""

from __future__ import annotations

from tortoise import fields
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.call import Call
from hotline.crm.models.indexes import WhereIndex
from hotline.crm.models.user import User
from hotline.ids import new_id


class TwilioLeg(Model):
    """One leg of a call at Twilio. ``role`` says whose: the ``caller``'s, an ``agent``'s who is rung for a waiting
    caller, the agent's (``dialler``) and the ``customer``'s of a call out, the ``transfer``'s target.

    ``id`` is the ring of the story, and part of the addresses that Twilio calls back. The row is there, ``sending``,
    before Twilio is asked, so that nobody is dialled twice; ``call_sid`` is known when Twilio has answered or called
    back. ``call_id`` is the call's, which may be made after this row. ``retract_at``: it is to be hung up, and
    ``retracted_at``: Twilio was told so.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    call_id = fields.UUIDField(db_index=True)
    role = fields.CharField(max_length=12)
    call_sid = fields.CharField(max_length=64, null=True, unique=True)
    account_sid = fields.CharField(max_length=64, db_default="")
    waiting_id = fields.UUIDField(null=True)
    command_id = fields.UUIDField(null=True)
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.SET_NULL
    )
    interface = fields.CharField(max_length=200, db_default="")
    queue = fields.CharField(max_length=100, null=True)
    state = fields.CharField(max_length=12, db_default="sending")
    created_at = fields.DatetimeField(db_default=Now())
    ring_until = fields.DatetimeField(null=True)
    answered_at = fields.DatetimeField(null=True)
    accepted_at = fields.DatetimeField(null=True)
    answered_by = fields.CharField(max_length=24, null=True)
    ended_at = fields.DatetimeField(null=True)
    end_reason = fields.CharField(max_length=24, null=True)
    retract_at = fields.DatetimeField(null=True)
    retracted_at = fields.DatetimeField(null=True)
    checked_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "twilio_leg"
        indexes = (
            WhereIndex(fields=("checked_at",), name="twilio_leg_open", where="ended_at IS NULL"),
            WhereIndex(fields=("waiting_id",), name="twilio_leg_waiting", where="waiting_id IS NOT NULL"),
            WhereIndex(fields=("command_id",), name="twilio_leg_command", where="command_id IS NOT NULL"),
            Index(fields=("user_id", "created_at"), name="twilio_leg_user"),
        )


class TwilioWaiting(Model):
    """A caller's time with a queue: at the ``asterisk``, or ``direct`` in hotline's own. ``step`` is the flow's that
    sent them there. ``state``: waiting, ``taken`` by an agent who accepted, ``left``; then ``how`` says how."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    call: fields.ForeignKeyRelation[Call] = fields.ForeignKeyField(
        "crm.Call", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    call_sid = fields.CharField(max_length=64)
    account_sid = fields.CharField(max_length=64, db_default="")
    route = fields.CharField(max_length=8)
    step = fields.IntField()
    queue = fields.CharField(max_length=100)
    priority = fields.IntField(db_default=0)
    language = fields.CharField(max_length=16, null=True)
    announce = fields.BooleanField(db_default=False)
    record = fields.BooleanField(db_default=False)
    state = fields.CharField(max_length=8, db_default="waiting")
    how = fields.CharField(max_length=12, null=True)
    joined_at = fields.DatetimeField(db_default=Now())
    until = fields.DatetimeField()
    leg_id = fields.UUIDField(null=True)
    taken_at = fields.DatetimeField(null=True)
    bridged_at = fields.DatetimeField(null=True)
    left_at = fields.DatetimeField(null=True)

    class Meta:
        table = "twilio_waiting"
        unique_together = (("call_sid", "step"),)
        indexes = (WhereIndex(fields=("queue", "joined_at"), name="twilio_waiting_open", where="left_at IS NULL"),)
