"""The rules of a segment as one condition in SQL on ``customer_facts f``; every value is a parameter.

Conditions are true or false, never null, so that ``NOT`` is the rest of all customers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from hotline.campaigns.consent import Channel, Purpose
from hotline.campaigns.facts import BITS, bit
from hotline.campaigns.segment_fields import CUSTOM, SURVEY, Op
from hotline.campaigns.segment_rules import All, AnyOf, Condition, Not, Rule, conditions
from hotline.crm.scopes import Bind

#: The columns of plain counts and times.
_COLUMNS: Final = frozenset({
    "created_at", "open_tickets", "tickets", "complaints", "last_ticket_at", "last_resolved_at", "calls",
    "last_call_at", "last_message_at", "last_contact_at", "survey_at", "purchases", "first_purchase_at",
    "last_purchase_at",
})  # fmt: skip
PREFERRED: Final = "preferred_channel"
_LEAP_DAY, _BEFORE_IT = "02-29", "02-28"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a rule is asked with: ``now`` and the company's ``zone``, in which days begin."""

    bind: Bind
    now: datetime
    zone: ZoneInfo


def source(rule: Rule) -> str:
    """What the condition is on: the facts, and the customers where what only they have is asked."""
    if any(each.field.group == "custom" or each.field.name == PREFERRED for each in conditions(rule)):
        return "customer_facts f JOIN customer c ON c.id = f.customer_id"
    return "customer_facts f"


def condition(rule: Rule, asked: Asked) -> str:
    """The rule as SQL."""
    match rule:
        case All(parts):
            return f"({' AND '.join(condition(part, asked) for part in parts)})" if parts else "true"
        case AnyOf(parts):
            return f"({' OR '.join(condition(part, asked) for part in parts)})"
        case Not(part):
            return f"(NOT {condition(part, asked)})"
    return _one(rule, asked)


def _one(rule: Condition, asked: Asked) -> str:
    name = rule.field.name
    if rule.field.type == "event":
        found = _EVENTS[name](rule.value, asked)
        return found if rule.op == "has" else f"(NOT {found})"
    if name in _SPECIAL:
        return _SPECIAL[name](rule.op, rule.value, asked)
    if name.startswith(SURVEY):
        return _answer(f"(f.survey ->> {asked.bind(name.removeprefix(SURVEY))}::text)", rule.op, rule.value, asked)
    if name.startswith(CUSTOM):
        return _custom(rule, asked)
    if name not in _COLUMNS:
        raise LookupError(name)
    column = f"f.{name}"
    if rule.field.type == "time":
        return _time(column, rule.op, rule.value, asked)
    return _number(column, rule.op, rule.value, asked)


# Types


def _number(column: str, op: Op, value: Any, asked: Asked) -> str:
    def bound(number: Any) -> str:
        return f"{asked.bind(Decimal(number))}::numeric"

    match op:
        case "is_set" | "is_empty":
            return _filled(column, op)
        case "between":
            low, high = value
            return f"coalesce({column} BETWEEN {bound(low)} AND {bound(high)}, false)"
    sign = {"at_least": ">=", "at_most": "<=", "equals": "="}[op]
    return f"coalesce({column} {sign} {bound(value)}, false)"


def _time(column: str, op: Op, value: Any, asked: Asked) -> str:
    match op:
        case "is_set" | "is_empty":
            return _filled(column, op)
        case "within" | "not_within" | "in_next":
            length = timedelta(**value)
            edges = (asked.now, asked.now + length) if op == "in_next" else (asked.now - length, asked.now)
            low, high = (f"{asked.bind(edge)}::timestamptz" for edge in edges)
            found = f"coalesce({column} BETWEEN {low} AND {high}, false)"
            return f"(NOT {found})" if op == "not_within" else found
        case "anniversary":
            day = f"to_char({column} AT TIME ZONE {asked.bind(asked.zone.key)}::text, 'MM-DD')"
            return f"coalesce({day} = ANY({asked.bind(_days_of_year(value, asked))}::text[]), false)"
    begins = datetime.combine(date.fromisoformat(value), time(), asked.zone)
    if op == "before":
        return f"coalesce({column} < {asked.bind(begins)}::timestamptz, false)"
    after = datetime.combine(date.fromisoformat(value) + timedelta(days=1), time(), asked.zone)
    return f"coalesce({column} >= {asked.bind(after)}::timestamptz, false)"


def _days_of_year(value: Mapping[str, int], asked: Asked) -> list[str]:
    """The days of the year that are meant; who was born on a leap day has a birthday each year."""
    today = asked.now.astimezone(asked.zone).date()
    found = []
    for number in range(value["in_days"], value.get("to_days", value["in_days"]) + 1):
        day = today + timedelta(days=number)
        found.append(f"{day:%m-%d}")
        if found[-1] == _BEFORE_IT and (day + timedelta(days=1)).month == 3:
            found.append(_LEAP_DAY)
    return sorted(set(found))


def _choice(column: str, op: Op, value: Any, asked: Asked) -> str:
    if op in ("is_set", "is_empty"):
        return _filled(column, op)
    found = f"coalesce({column} = ANY({asked.bind(value)}::text[]), false)"
    return f"(NOT {found})" if op == "not_in" else found


def _answer(column: str, op: Op, value: Any, asked: Asked) -> str:
    if op not in ("at_least", "at_most"):
        return _choice(column, op, value, asked)
    # What was keyed in may be a star: only digits are compared as a number.
    number = f"(CASE WHEN {column} ~ '^[0-9]{{1,4}}$' THEN {column}::int END)"
    return f"coalesce({number} {'>=' if op == 'at_least' else '<='} {asked.bind(value)}::int, false)"


def _array(column: str, op: Op, wanted: str) -> str:
    """``wanted`` is an array in SQL of what is asked for."""
    match op:
        case "is_set":
            return f"(cardinality({column}) > 0)"
        case "is_empty":
            return f"(cardinality({column}) = 0)"
        case "all_of":
            return f"({column} @> {wanted})"
        case "none_of":
            return f"(NOT {column} && {wanted})"
    return f"({column} && {wanted})"


def _bits(column: str, op: Op, mask: int, asked: Asked) -> str:
    bound = f"{asked.bind(mask)}::int"
    match op:
        case "all_of":
            return f"({column} & {bound} = {bound})"
        case "none_of":
            return f"({column} & {bound} = 0)"
    return f"({column} & {bound} <> 0)"


def _filled(column: str, op: Op) -> str:
    return f"({column} IS {'NOT NULL' if op == 'is_set' else 'NULL'})"


# Fields of their own making


def _tier(op: Op, value: Any, asked: Asked) -> str:
    if op in ("is_set", "is_empty"):
        return _filled("f.tier_id", op)
    found = f"coalesce(f.tier_id = ANY(ARRAY(SELECT id FROM tier WHERE key = ANY({asked.bind(value)}::text[]))), false)"  # noqa: S608
    return f"(NOT {found})" if op == "not_in" else found


def _responsible(op: Op, value: Any, asked: Asked) -> str:
    if op in ("is_set", "is_empty"):
        return _filled("f.responsible_id", op)
    logins = f"{asked.bind([login.lower() for login in value])}::text[]"
    found = f"coalesce(f.responsible_id = ANY(ARRAY(SELECT id FROM users WHERE lower(login) = ANY({logins}))), false)"  # noqa: S608
    return f"(NOT {found})" if op == "not_in" else found


def _locale(op: Op, value: Any, asked: Asked) -> str:
    """A language alone means it in every country: ``zh`` is ``zh-CN``, too."""
    if op in ("is_set", "is_empty"):
        return _filled("f.locale", op)
    wanted = f"{asked.bind([locale.replace('_', '-').lower() for locale in value])}::text[]"
    said = "replace(lower(f.locale), '_', '-')"
    found = f"coalesce({said} = ANY({wanted}) OR split_part({said}, '-', 1) = ANY({wanted}), false)"
    return f"(NOT {found})" if op == "not_in" else found


def _tags(op: Op, value: Any, asked: Asked) -> str:
    if op in BARE_SETS:
        return _array("f.tags", op, "")
    names = f"{asked.bind([name.lower() for name in value])}::text[]"
    ids = f"ARRAY(SELECT id FROM tag WHERE lower(name) = ANY({names}))"  # noqa: S608
    if op == "all_of":
        # A tag that nobody ever made is on nobody.
        return f"({_array('f.tags', op, ids)} AND cardinality({ids}) = {asked.bind(len(value))}::int)"
    return _array("f.tags", op, ids)


def _country(op: Op, value: Any, asked: Asked) -> str:
    wanted = "" if op in BARE_SETS else f"{asked.bind([code.upper() for code in value])}::text[]"
    return _array("f.countries", op, wanted)


def _channels(op: Op, value: Any, asked: Asked) -> str:
    return _bits("f.reach", op, sum(BITS[channel] for channel in value), asked)


def _suppressed(op: Op, value: Any, asked: Asked) -> str:
    """Nothing of marketing reaches them any more over the channel."""
    return _bits("(f.reach & ~f.unblocked)", op, sum(BITS[channel] for channel in value), asked)


def _consent(column: str) -> Callable[[Op, Any, Asked], str]:
    def compiled(op: Op, value: Any, asked: Asked) -> str:
        return _bits(column, op, sum(_pair(each) for each in value), asked)

    return compiled


def _pair(text: str) -> int:
    channel, _, purpose = text.partition(":")
    named: dict[str, Channel] = {each: each for each in BITS}
    meant: Purpose = "service" if purpose == "service" else "marketing"
    return bit(named[channel], meant)


def _spent(op: Op, value: Any, asked: Asked) -> str:
    spent = f"coalesce((f.spent ->> {asked.bind(value['currency'])}::text)::numeric, 0)"
    return _number(spent, op, value["amount"], asked)


def _custom(rule: Condition, asked: Asked) -> str:
    key = f"{asked.bind(rule.field.name.removeprefix(CUSTOM))}::text"
    text, op, value = f"(c.custom ->> ({key}))", rule.op, rule.value
    match rule.field.type:
        case "number":
            return _number(_numeric(text), op, value, asked)
        case "money":
            amount = _numeric(f"(c.custom -> ({key}) ->> 'amount')")
            same = f"c.custom -> ({key}) ->> 'currency' = {asked.bind(value['currency'])}::text"
            return f"(coalesce({same}, false) AND {_number(amount, op, value['amount'], asked)})"
        case "time":
            return _custom_time(text, op, value, asked)
        case "flag" if op == "equals":
            return f"coalesce({text} = {asked.bind('true' if value else 'false')}, false)"
        case "set":
            array = f"CASE jsonb_typeof(c.custom -> ({key})) WHEN 'array' THEN c.custom -> ({key}) END"
            chosen = f"coalesce(ARRAY(SELECT jsonb_array_elements_text({array})), '{{}}')"
            if op in BARE_SETS:
                return _filled(text, op)
            return _array(chosen, op, f"{asked.bind(value)}::text[]")
    return _choice(text, op, value, asked)


def _numeric(text: str) -> str:
    return f"(CASE WHEN {text} ~ '^-?[0-9]+([.][0-9]+)?$' THEN {text}::numeric END)"


def _custom_time(text: str, op: Op, value: Any, asked: Asked) -> str:
    """A day is kept as 2026-01-31 and means that day in the company's zone; an instant is kept in UTC."""
    if op in ("is_set", "is_empty"):
        return _filled(text, op)
    zone = asked.bind(asked.zone.key)
    day = f"({text}::date::timestamp AT TIME ZONE {zone}::text)"
    column = f"(CASE WHEN length({text}) = 10 THEN {day} ELSE {text}::timestamptz END)"
    return _time(column, op, value, asked)


BARE_SETS: Final = ("is_set", "is_empty")

_SPECIAL: Final[Mapping[str, Callable[[Op, Any, Asked], str]]] = {
    "kind": lambda op, value, asked: _choice("f.kind", op, value, asked),
    "classification": lambda op, value, asked: _choice("f.classification", op, value, asked),
    "source": lambda op, value, asked: _choice("f.source", op, value, asked),
    PREFERRED: lambda op, value, asked: _choice("(c.preferences ->> 'channel')", op, value, asked),
    "tier": _tier,
    "responsible": _responsible,
    "locale": _locale,
    "tags": _tags,
    "country": _country,
    "channels": _channels,
    "suppressed": _suppressed,
    "consent": _consent("f.granted"),
    "consent_withdrawn": _consent("f.withdrawn"),
    "spent": _spent,
}


# Events: records of the customer, of which there is one such, or several


def _some(table: str, wanted: list[str], value: Mapping[str, Any], asked: Asked) -> str:
    where = " AND ".join(("e.customer_id = f.customer_id", *wanted))
    if (times := value.get("times", 1)) == 1:
        return f"EXISTS (SELECT 1 FROM {table} e WHERE {where})"  # noqa: S608
    # Counted no further than is asked for.
    most = f"{asked.bind(times)}::int"
    some = f"SELECT 1 FROM {table} e WHERE {where} LIMIT {most}"  # noqa: S608
    return f"((SELECT count(*) FROM ({some}) AS found) >= {most})"  # noqa: S608


def _since(column: str, days: int, asked: Asked) -> str:
    return f"{column} >= {asked.bind(asked.now - timedelta(days=days))}::timestamptz"


def _one_of(column: str, words: Any, asked: Asked) -> str:
    return f"{column} = ANY({asked.bind([words] if isinstance(words, str) else words)}::text[])"


def _ticket(value: Mapping[str, Any], asked: Asked) -> str:
    wanted = ["NOT e.provisional", "e.state <> 'discarded'"]
    if "kinds" in value:
        wanted.append(_one_of("e.kind", value["kinds"], asked))
    if "states" in value:
        wanted.append(_one_of("e.state", value["states"], asked))
    if "category" in value:
        category = f"{asked.bind(value['category'])}::text"
        wanted.append(f"(e.category = {category} OR starts_with(e.category, {category} || '/'))")
    if "days" in value:
        wanted.append(_since("e.opened_at", value["days"], asked))
    if "resolved_days" in value:
        wanted.append(_since("e.resolved_at", value["resolved_days"], asked))
    return _some("ticket", wanted, value, asked)


def _call(value: Mapping[str, Any], asked: Asked) -> str:
    wanted = ["e.ended_at IS NOT NULL", "e.merged_into_id IS NULL"]
    for name, column in (("direction", "e.direction"), ("dispositions", "e.disposition"), ("queue", "e.queue")):
        if name in value:
            wanted.append(_one_of(column, value[name], asked))
    if "days" in value:
        wanted.append(_since("e.offered_at", value["days"], asked))
    return _some("call", wanted, value, asked)


def _purchase(value: Mapping[str, Any], asked: Asked) -> str:
    wanted = ["e.deleted_at IS NULL"]
    for name, column in (("kinds", "e.kind"), ("states", "e.state")):
        if name in value:
            wanted.append(_one_of(column, value[name], asked))
    if "days" in value:
        wanted.append(_since("e.at", value["days"], asked))
    if "ends_in_days" in value:
        last = asked.now + timedelta(days=value["ends_in_days"])
        wanted.append(f"e.ends_at BETWEEN {asked.bind(asked.now)}::timestamptz AND {asked.bind(last)}::timestamptz")
    if (least := value.get("at_least")) is not None:
        amount, currency = asked.bind(least["amount"]), asked.bind(least["currency"])
        wanted.append(f"e.currency = {currency}::text AND e.amount >= {amount}::bigint")
    return _some("purchase", wanted, value, asked)


#: What somebody did with a delivery: the column that says when.
_DID: Final = {
    "sent": "e.sent_at", "delivered": "e.delivered_at", "read": "e.read_at", "clicked": "e.clicked_at",
    "opted_out": "e.opted_out_at",
}  # fmt: skip


def _delivery(value: Mapping[str, Any], asked: Asked) -> str:
    did = value.get("did", "sent")
    if did == "failed":
        at, wanted = "e.updated_at", ["e.state IN ('temporary_failure', 'permanent_failure')"]
    else:
        at = _DID[did]
        wanted = [f"{at} IS NOT NULL"]
    if "campaign" in value:
        wanted.append(f"e.campaign_id = {asked.bind(UUID(value['campaign']))}::uuid")
    if "channel" in value:
        wanted.append(_one_of("e.channel", value["channel"], asked))
    if "days" in value:
        wanted.append(_since(at, value["days"], asked))
    if did != "failed":
        # By the index of what was sent to a customer.
        wanted.append("e.sent_at IS NOT NULL")
    return _some("delivery", wanted, value, asked)


_EVENTS: Final[Mapping[str, Callable[[Mapping[str, Any], Asked], str]]] = {
    "ticket": _ticket,
    "call": _call,
    "purchase": _purchase,
    "delivery": _delivery,
}
