"""What a row of an imported table says of consent: for a channel and a purpose whether somebody agreed or took it back,
in which words, how, when and what proves it.

A column is ``consent.<channel>.<purpose>`` (yes or no), or a detail: ``consent.<detail>`` of all that the row says, and
``consent.<channel>.<purpose>.<detail>`` of one. A yes without its words or its time is none: whoever knows neither
cannot show that there was one, and could not tell it from one that was taken back since.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from ipaddress import ip_address
from typing import Final, Literal, NamedTuple, cast
from zoneinfo import ZoneInfo

from hotline.customers.import_mapping import Order
from hotline.customers.import_targets import CONSENT, CONSENT_STATES
from hotline.customers.import_values import iso_date
from hotline.customers.text import many_lines

LONGEST_WORDING: Final = 4_000
LONGEST_SOURCE: Final = 300
LONGEST_PROOF: Final = 700
#: Earlier than this is a wrong date.
EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
#: A clock that is a little fast is no lie.
_AHEAD: Final = timedelta(minutes=5)
_DAY: Final = timedelta(days=1)

Action = Literal["granted", "withdrawn"]
_ACTIONS: Final[dict[str, Action]] = {
    **dict.fromkeys(
        ("yes", "y", "true", "t", "1", "x", "on", "granted", "given", "agreed", "accepted", "opted in", "opt-in",
         "optin", "opted-in", "subscribed", "consented", "ja", "oui", "si", "sí",
         "是", "同意", "已同意", "有", "允许", "接受", "订阅", "已订阅"),
        "granted",
    ),
    **dict.fromkeys(
        ("no", "n", "false", "f", "0", "off", "withdrawn", "revoked", "refused", "declined", "denied", "opted out",
         "opt-out", "optout", "opted-out", "unsubscribed", "stop", "nein", "non",
         "否", "不同意", "拒绝", "已拒绝", "拒收", "撤回", "已撤回", "退订", "已退订", "不接受", "不允许"),
        "withdrawn",
    ),
}  # fmt: skip


class Consent(NamedTuple):
    """One thing that a row says; plain values, which pass between processes. ``at`` is ISO 8601 with its offset, empty
    for a no of which nobody knows when: it counts from now."""

    channel: str
    purpose: str
    action: Action
    at: str
    wording: str
    source: str
    proof: str
    ip: str


class WrongConsent(Exception):
    """A cell that cannot be read; ``code`` is one of ``import_reasons``."""

    def __init__(self, column: int | None, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.column, self.code, self.detail = column, code, detail


class Reading:
    """The consent of one row, on its way."""

    def __init__(self, orders: Sequence[Order], zone: str, now: datetime) -> None:
        self._orders, self._zone, self._now = orders, zone, now
        self._states: dict[str, tuple[int, Action]] = {}
        self._details: dict[str, tuple[int, str]] = {}

    def take(self, column: int, target: str, text: str) -> None:
        """A cell of one of the columns. Raises WrongConsent."""
        if target in CONSENT_STATES:
            action = _ACTIONS.get(" ".join(text.casefold().split()))
            if action is None:
                raise WrongConsent(column, "consent_state")
            self._states[target] = (column, action)
        else:
            self._details[target] = (column, text)

    def finish(self) -> tuple[Consent, ...]:
        """What the row says. Raises WrongConsent."""
        return tuple(self._one(state, column, action) for state, (column, action) in self._states.items())

    def _one(self, state: str, column: int, action: Action) -> Consent:
        _, channel, purpose = state.split(".")
        wording = self._text(state, "wording", LONGEST_WORDING)
        source, proof = self._text(state, "source", LONGEST_SOURCE), self._text(state, "proof", LONGEST_PROOF)
        ip_column, ip = self._detail(state, "ip")
        if ip:
            try:
                ip_address(ip)
            except ValueError:
                raise WrongConsent(ip_column, "consent_ip") from None
        at_column, written = self._detail(state, "at")
        at = self._moment(at_column, written, action) if written else None
        if action == "granted" and not wording:
            raise WrongConsent(column, "consent_wording")
        if action == "granted" and at is None:
            raise WrongConsent(column, "consent_time")
        return Consent(channel, purpose, action, at.isoformat() if at else "", wording, source, proof, ip)

    def _detail(self, state: str, name: str) -> tuple[int | None, str]:
        return self._details.get(f"{state}.{name}") or self._details.get(f"{CONSENT}{name}") or (None, "")

    def _text(self, state: str, name: str, longest: int) -> str:
        column, text = self._detail(state, name)
        if len(text) > longest:
            raise WrongConsent(column, "too_long", str(longest))
        return many_lines(text, name, longest)

    def _moment(self, column: int | None, text: str, action: Action) -> datetime:
        """When it was said. Of a day without a time a yes counts from its first moment and a no from its last: of two
        on one day the no holds."""
        assert column is not None
        found = None
        for written in (text, iso_date(text, self._orders[column])):
            try:
                found = datetime.fromisoformat(written)
                break
            except ValueError:
                continue
        if found is None:
            raise WrongConsent(column, "consent_date")
        only_day = found.time() == time() and ":" not in text
        at = found if found.tzinfo is not None else found.replace(tzinfo=ZoneInfo(self._zone))
        at = at.astimezone(UTC)
        if at < EARLIEST:
            raise WrongConsent(column, "consent_date")
        if at > self._now + _AHEAD:
            raise WrongConsent(column, "consent_future")
        return min(at + _DAY, self._now) if only_day and action == "withdrawn" else at


def moment_of(consent: Consent) -> datetime | None:
    """When it was said; None where nobody knows."""
    return datetime.fromisoformat(consent.at) if consent.at else None


def read_packed(values: Sequence[Sequence[str]]) -> tuple[Consent, ...]:
    """What was packed as plain values."""
    return tuple(Consent(*cast("tuple[str, str, Action, str, str, str, str, str]", tuple(each))) for each in values)
