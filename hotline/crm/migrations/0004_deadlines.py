"""Business calendars, SLA policies and clocks, the company's settings; the calendars and policies to begin with."""

import json
from typing import Any

from tortoise import fields, migrations
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id

_MINUTE = 60
_HOUR = 3600
_WORKDAYS = {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
_ALWAYS = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


def _calendar(key: str, names: dict[str, str], hours: dict[str, Any]) -> str:
    return (
        "INSERT INTO business_calendar (id, key, names, hours) VALUES "  # noqa: S608 - constants of this file
        f"(gen_random_uuid(), '{key}', '{_json(names)}', '{_json(hours)}')"
    )


def _policy(
    name: str, kind: str | None, tier: str | None, first: int, resolution: int, escalations: list[dict[str, Any]]
) -> str:
    warn = {"percent": 60 if kind == "complaint" else 80}
    targets = {"first_response": {"seconds": first, "warn": warn}, "resolution": {"seconds": resolution, "warn": warn}}
    return (
        "INSERT INTO sla_policy (id, name, kind, tier, calendar_id, targets, escalations) "  # noqa: S608
        f"SELECT gen_random_uuid(), '{name}', {_text(kind)}, {_text(tier)}, id, '{_json(targets)}', "
        f"'{_json(escalations)}' FROM business_calendar WHERE key = 'default'"
    )


def _rule(key: str, what: str, percent: int, **actions: Any) -> dict[str, Any]:
    return {"key": key, "what": what, "at": {"percent": percent}, "actions": actions}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False).replace("'", "''")


def _text(value: str | None) -> str:
    return "NULL" if value is None else f"'{value}'"


#: Complaints reach a supervisor before their time is up, the others once it is.
_EARLY = [
    _rule("a", "first_response", 80, raise_priority=True, notify=["supervisor"]),
    _rule("b", "resolution", 75, raise_priority=True, assign={"to": "supervisor"}, notify=["supervisor"]),
]
_LATE = [
    _rule("a", "first_response", 150, raise_priority=True, notify=["supervisor"]),
    _rule("b", "resolution", 120, raise_priority=True, notify=["supervisor"]),
]

SEEDS = (
    _calendar("default", {"en": "Business hours", "zh": "营业时间"}, _WORKDAYS),
    _calendar("always", {"en": "Around the clock", "zh": "全天候"}, _ALWAYS),
    # By which the shipped flow answers: around the clock too, until the company has said when it is there.
    _calendar("opening_hours", {"en": "Telephone hours", "zh": "电话服务时间"}, _ALWAYS),
    _policy("Complaint", "complaint", None, 15 * _MINUTE, 8 * _HOUR, _EARLY),
    _policy("Service request", "service_request", None, 60 * _MINUTE, 18 * _HOUR, _LATE),
    _policy("Consultation", "consultation", None, 60 * _MINUTE, 27 * _HOUR, _LATE),
    _policy("Platinum", None, "platinum", 10 * _MINUTE, 6 * _HOUR, _LATE),
    _policy("Gold", None, "gold", 20 * _MINUTE, 9 * _HOUR, _LATE),
    _policy("Complaint, platinum", "complaint", "platinum", 5 * _MINUTE, 3 * _HOUR, _EARLY),
    _policy("Complaint, gold", "complaint", "gold", 10 * _MINUTE, 5 * _HOUR, _EARLY),
    "INSERT INTO sla_basis (version) VALUES (1)",
)


class Migration(migrations.Migration):
    dependencies = [("crm", "0003_tickets")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.CreateModel(
            name="BusinessCalendar",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("key", fields.CharField(max_length=40, unique=True)),
                ("names", fields.JSONField()),
                ("timezone", fields.CharField(max_length=64, null=True)),
                ("hours", fields.JSONField()),
                ("country", fields.CharField(max_length=2, null=True)),
                ("subdivision", fields.CharField(max_length=16, null=True)),
                ("categories", ArrayField(db_default=SqlDefault("'{}'::text[]"), element_type="TEXT")),
                ("make_up", fields.BooleanField(db_default=False)),
                ("exceptions", fields.JSONField(db_default=[])),
                ("version", fields.IntField(db_default=1)),
                ("created_at", fields.DatetimeField(db_default=Now())),
                ("updated_at", fields.DatetimeField(db_default=Now())),
            ],
            options={"table": "business_calendar", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SlaPolicy",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("name", fields.CharField(max_length=100)),
                ("kind", fields.CharField(max_length=16, null=True)),
                ("tier", fields.CharField(max_length=32, null=True)),
                ("service", fields.CharField(max_length=64, null=True)),
                ("priority", fields.CharField(max_length=16, null=True)),
                (
                    "calendar",
                    fields.ForeignKeyField(
                        "crm.BusinessCalendar",
                        source_field="calendar_id",
                        db_index=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("targets", fields.JSONField()),
                ("escalations", fields.JSONField(db_default=[])),
                ("enabled", fields.BooleanField(db_default=True)),
                ("version", fields.IntField(db_default=1)),
                ("created_at", fields.DatetimeField(db_default=Now())),
                ("updated_at", fields.DatetimeField(db_default=Now())),
            ],
            options={"table": "sla_policy", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SlaBasis",
            fields=[
                ("version", fields.BigIntField(primary_key=True, generated=False)),
                ("since", fields.DatetimeField(db_default=Now())),
                ("fingerprint", fields.JSONField(db_default={})),
                ("rules", fields.JSONField(null=True)),
            ],
            options={"table": "sla_basis", "pk_attr": "version"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SlaClock",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("ticket_id", fields.UUIDField()),
                ("what", fields.CharField(max_length=16)),
                ("state", fields.CharField(max_length=16)),
                ("policy_id", fields.UUIDField(null=True)),
                ("target_seconds", fields.IntField(null=True)),
                ("spent_us", fields.BigIntField(db_default=0)),
                ("started_at", fields.DatetimeField()),
                ("since", fields.DatetimeField(null=True)),
                ("due_at", fields.DatetimeField(null=True)),
                ("marks", fields.JSONField(db_default=[])),
                ("next_at", fields.DatetimeField(null=True)),
                ("warned_at", fields.DatetimeField(null=True)),
                ("breached_at", fields.DatetimeField(null=True)),
                ("met_at", fields.DatetimeField(null=True)),
                ("escalated", ArrayField(db_default=SqlDefault("'{}'::text[]"), element_type="TEXT")),
                ("basis", fields.BigIntField()),
                ("updated_at", fields.DatetimeField(db_default=Now())),
            ],
            options={
                "table": "sla_clock",
                "pk_attr": "id",
                "unique_together": (("ticket_id", "what"),),
                "indexes": [
                    WhereIndex(fields=["next_at"], name="sla_clock_next", where="next_at IS NOT NULL"),
                    WhereIndex(fields=["basis"], name="sla_clock_open", where="state IN ('running', 'paused')"),
                    Index(fields=["policy_id"], name="sla_clock_policy"),
                ],
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CompanySetting",
            fields=[
                ("name", fields.CharField(primary_key=True, max_length=40)),
                ("value", fields.JSONField()),
                ("version", fields.IntField(db_default=1)),
                ("updated_at", fields.DatetimeField(db_default=Now())),
            ],
            options={"table": "company_setting", "pk_attr": "name"},
            bases=["Model"],
        ),
        ops.RunSQL(SEEDS),
    ]
