"""A table of addresses that want nothing, read row by row: from a provider's export, from another system, from a list
that somebody kept. Headings are known in the words that these use; without any, the first cell with an address counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal, get_args

from hotline.campaigns.consent import Channel
from hotline.customers import contact_points
from hotline.errors import Invalid

Reason = Literal["opt_out", "invalid", "bounce", "complaint", "agent"]
Scope = Literal["all", "marketing"]
Column = Literal["address", "channel", "reason", "purpose", "at"]
#: Why a row is refused, as codes.
Fault = Literal["unreadable", "no_address", "not_an_address", "channel", "reason", "purpose", "at"]

#: The channels whose addresses a list may hold.
CHANNELS: Final[tuple[Channel, ...]] = ("sms", "whatsapp", "voice", "email")

_HEADINGS: Final[Mapping[Column, tuple[str, ...]]] = {
    "address": (
        "address", "email", "e-mail", "email address", "mail", "recipient", "phone", "phone number", "number",
        "telephone", "mobile", "msisdn", "to", "contact", "地址", "邮箱", "电子邮件", "手机", "手机号",
        "手机号码", "电话", "电话号码", "号码",
    ),
    "channel": ("channel", "渠道", "type"),
    "reason": ("reason", "status", "原因", "状态"),
    "purpose": ("purpose", "scope", "用途", "范围"),
    "at": ("at", "date", "time", "created", "created_at", "timestamp", "unsubscribed_at", "时间", "日期", "退订时间"),
}  # fmt: skip
_REASONS: Final[Mapping[str, Reason]] = {
    **{name: name for name in get_args(Reason)},
    "unsubscribe": "opt_out", "unsubscribed": "opt_out", "optout": "opt_out", "opt-out": "opt_out", "stop": "opt_out",
    "退订": "opt_out", "bounced": "bounce", "hard bounce": "bounce", "hardbounce": "bounce", "退信": "bounce",
    "spam": "complaint", "spamreport": "complaint", "spam complaint": "complaint", "complained": "complaint",
    "投诉": "complaint", "blocked": "agent", "block": "agent", "cleaned": "bounce", "无效": "invalid",
}  # fmt: skip
_CHANNELS: Final[Mapping[str, Channel]] = {
    **{name: name for name in CHANNELS},
    "mail": "email", "e-mail": "email", "text": "sms", "mms": "sms", "call": "voice", "phone": "voice",
    "短信": "sms", "邮件": "email", "电话": "voice",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ListRules:
    """What a list says of all of its rows. ``purpose`` empty: as each channel has it; ``region``: of numbers without a
    country."""

    channel: Channel
    reason: Reason
    purpose: Scope | Literal[""]
    region: str


@dataclass(frozen=True, slots=True)
class Line:
    """One address that wants nothing; ``at``: since when, None: the list does not say."""

    channel: Channel
    kind: contact_points.Kind
    value: str = field(repr=False)
    reason: Reason
    purpose: Scope
    at: datetime | None


def columns_of(cells: Sequence[str]) -> dict[Column, int] | None:
    """Which column holds what, by the first row; None when that is no headings but an address already."""
    folded = [" ".join(cell.strip().strip("'\"").casefold().split()) for cell in cells]
    found: dict[Column, int] = {}
    for column, names in _HEADINGS.items():
        place = next((folded.index(name) for name in names if name in folded), None)
        if place is not None and place not in found.values():
            found[column] = place
    return found if "address" in found else None


def usual_scope(channel: Channel, reason: Reason) -> Scope:
    """What somebody means who unsubscribed: of mail its marketing, of telephones everything; a complaint, or an address
    at which nothing arrives, is of everything."""
    return "marketing" if channel == "email" and reason == "opt_out" else "all"


def read_line(cells: Sequence[str], columns: Mapping[Column, int] | None, rules: ListRules) -> Line | Fault | None:
    """A row as a line, or why it is none; None for an empty one."""
    if not any(cell.strip() for cell in cells):
        return None

    def cell(column: Column) -> str:
        place = columns.get(column) if columns is not None else None
        text = cells[place] if place is not None and place < len(cells) else ""
        # What an export has made harmless to spreadsheets is as it was.
        return text.strip().removeprefix("'").strip()

    channel = _CHANNELS.get(cell("channel").casefold(), None) if cell("channel") else rules.channel
    if channel is None:
        return "channel"
    reason = _REASONS.get(cell("reason").casefold()) if cell("reason") else rules.reason
    if reason is None:
        return "reason"
    asked = cell("purpose").casefold() or rules.purpose or usual_scope(channel, reason)
    if asked not in get_args(Scope):
        return "purpose"
    at = _instant(cell("at")) if cell("at") else None
    if cell("at") and at is None:
        return "at"
    kind: contact_points.Kind = "email" if channel == "email" else "phone"
    texts = [cell("address")] if columns is not None else [each.strip() for each in cells if each.strip()]
    if not texts or not texts[0]:
        return "no_address"
    for text in texts:
        try:
            value = contact_points.normalise(kind, text, rules.region).value
        except Invalid:
            continue
        return Line(channel, kind, value, reason, "marketing" if asked == "marketing" else "all", at)
    return "not_an_address"


def _instant(text: str) -> datetime | None:
    """ISO 8601, or seconds since 1970 as mail providers' exports have them; without a zone it is UTC."""
    try:
        if text.isascii() and text.isdecimal() and 9 <= len(text) <= 11:
            return datetime.fromtimestamp(int(text), UTC)
        found = datetime.fromisoformat(text.replace("Z", "+00:00").replace("/", "-"))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
