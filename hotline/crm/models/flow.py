"""IVR flows: their versions, the callers who are in them or were, and the ways that they took."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.call import Call
from hotline.crm.models.indexes import WhereIndex
from hotline.crm.models.key import PersonalKey
from hotline.ids import new_id


class FlowVersion(Model):
    """One content that a flow had: ``digest`` is over the flow and all flows that it calls, ``sources`` are their
    files by flow, so that a node which never saw them can go on with a caller who began with them."""

    id = fields.BigIntField(primary_key=True)
    flow = fields.CharField(max_length=64)
    version = fields.IntField()
    digest = fields.CharField(max_length=64)
    sources: Any = fields.JSONField()
    created_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "flow_version"
        unique_together = (("flow", "version"), ("flow", "digest"))


class FlowCount(Model):
    """How often callers left ``node`` by ``way`` on one day (UTC)."""

    id = fields.BigIntField(primary_key=True)
    flow = fields.CharField(max_length=64)
    version = fields.IntField()
    node = fields.CharField(max_length=64)
    way = fields.CharField(max_length=64)
    day = fields.DateField()
    times = fields.IntField(db_default=0)

    class Meta:
        table = "flow_count"
        unique_together = (("flow", "version", "node", "way", "day"),)


class IvrSession(Model):
    """One caller's run through a flow. ``session`` is the engine's, without what the caller keyed in: that is
    ``sealed`` under a key of its own. ``facts`` is the body of the call's ``ivr``. ``steps`` is the length of the
    session's trail, of which ``counted`` are in flow_count; ``uncounted``: there may be more of them. What each step
    changes is in no index, so that a step changes the row in its place."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    pbx = fields.CharField(max_length=64)
    uniqueid = fields.CharField(max_length=150)
    call: fields.ForeignKeyNullableRelation[Call] = fields.ForeignKeyField(
        "crm.Call", related_name=False, null=True, on_delete=fields.SET_NULL, db_index=True
    )
    flow = fields.CharField(max_length=64)
    digest = fields.CharField(max_length=64)
    version = fields.IntField(db_default=0)
    state = fields.CharField(max_length=16)
    session: Any = fields.JSONField()
    facts: Any = fields.JSONField()
    sealed = fields.BinaryField(null=True)
    key: fields.ForeignKeyNullableRelation[PersonalKey] = fields.ForeignKeyField(
        "crm.PersonalKey", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    steps = fields.IntField(db_default=0)
    counted = fields.IntField(db_default=0)
    uncounted = fields.BooleanField(db_default=True)
    started_at = fields.DatetimeField(db_default=Now())
    updated_at = fields.DatetimeField(db_default=Now())
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "ivr_session"
        unique_together = (("pbx", "uniqueid"),)
        indexes = (
            WhereIndex(fields=("id",), name="ivr_session_to_count", where="uncounted"),
            Index(fields=("started_at",), name="ivr_session_started"),
        )
