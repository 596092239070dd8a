"""When the company is open, what it promises its customers, and each ticket's clocks."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id


class BusinessCalendar(Model):
    """Opening hours. ``key`` is the name that flows and policies use; no ``timezone``: that of the installation.

    ``hours``: ``{"mon": [["09:00", "18:00"]], …}``; ``exceptions``: ``[{"date", "openings", "reason"}]``.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    key = fields.CharField(max_length=40, unique=True)
    names: Any = fields.JSONField()
    timezone = fields.CharField(max_length=64, null=True)
    hours: Any = fields.JSONField()
    country = fields.CharField(max_length=2, null=True)
    subdivision = fields.CharField(max_length=16, null=True)
    categories = ArrayField("text", db_default=SqlDefault("'{}'::text[]"))
    make_up = fields.BooleanField(db_default=False)
    exceptions: Any = fields.JSONField(db_default=[])
    version = fields.IntField(db_default=1)
    created_at = fields.DatetimeField(db_default=Now())
    updated_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "business_calendar"


class SlaPolicy(Model):
    """What is promised to tickets of a kind, tier, service and priority; null is any. ``tier`` is the tier's key.

    ``targets``: ``{"first_response": {"seconds", "warn"}, "resolution": …}``; ``escalations``: a list of rules; both
    as ``hotline.tickets.policies`` has them.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=100)
    kind = fields.CharField(max_length=16, null=True)
    tier = fields.CharField(max_length=32, null=True)
    service = fields.CharField(max_length=64, null=True)
    priority = fields.CharField(max_length=16, null=True)
    calendar: fields.ForeignKeyRelation[BusinessCalendar] = fields.ForeignKeyField(
        "crm.BusinessCalendar", related_name=False, on_delete=fields.RESTRICT, db_index=True
    )
    targets: Any = fields.JSONField()
    escalations: Any = fields.JSONField(db_default=[])
    enabled = fields.BooleanField(db_default=True)
    version = fields.IntField(db_default=1)
    created_at = fields.DatetimeField(db_default=Now())
    updated_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "sla_policy"


class SlaBasis(Model):
    """A version of all calendars and policies, from ``since`` on. The newest one is what their tables say; those before
    are kept in ``rules`` until no clock was computed by them any more.

    ``fingerprint`` names what changes calendars without touching their rows: holidays, time zones, a setting.
    """

    version = fields.BigIntField(primary_key=True, generated=False)
    since = fields.DatetimeField(db_default=Now())
    fingerprint: Any = fields.JSONField(db_default={})
    rules: Any = fields.JSONField(null=True)

    class Meta:
        table = "sla_basis"


class SlaClock(Model):
    """One deadline of a ticket. ``spent_us`` is business time up to ``since``, from which it runs on; null: it stands.

    ``marks`` are what is still to be told, ``[[key, instant]]``, ``next_at`` the first of them; ``escalated`` are the
    escalation rules that were applied; ``basis`` is the version of the rules that it was computed by.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    ticket_id = fields.UUIDField()
    what = fields.CharField(max_length=16)
    state = fields.CharField(max_length=16)
    policy_id = fields.UUIDField(null=True)
    target_seconds = fields.IntField(null=True)
    spent_us = fields.BigIntField(db_default=0)
    started_at = fields.DatetimeField()
    since = fields.DatetimeField(null=True)
    due_at = fields.DatetimeField(null=True)
    marks: Any = fields.JSONField(db_default=[])
    next_at = fields.DatetimeField(null=True)
    warned_at = fields.DatetimeField(null=True)
    breached_at = fields.DatetimeField(null=True)
    met_at = fields.DatetimeField(null=True)
    escalated = ArrayField("text", db_default=SqlDefault("'{}'::text[]"))
    basis = fields.BigIntField()
    updated_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "sla_clock"
        unique_together = (("ticket_id", "what"),)
        indexes = (
            WhereIndex(fields=("next_at",), name="sla_clock_next", where="next_at IS NOT NULL"),
            WhereIndex(fields=("basis",), name="sla_clock_open", where="state IN ('running', 'paused')"),
            Index(fields=("policy_id",), name="sla_clock_policy"),
        )


class CompanySetting(Model):
    """One section of the company's settings, as its page and the API write it."""

    name = fields.CharField(max_length=40, primary_key=True)
    value: Any = fields.JSONField()
    version = fields.IntField(db_default=1)
    updated_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "company_setting"
