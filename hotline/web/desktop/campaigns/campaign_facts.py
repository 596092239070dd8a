"""When a campaign is sent and how far it may go, in words: for its page, and for what changed since the last one was
approved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from hotline.campaigns.changes import Change
from hotline.campaigns.expected import Expected
from hotline.campaigns.limits import read_limits
from hotline.web.desktop.campaigns import campaign_words, template_words
from hotline.web.desktop.campaigns.campaign_schedule import EVERY, MODES, PAUSES, PERS, QUIET, TRIGGERS, WEEKDAYS
from hotline.web.desktop.i18n import Calendar
from hotline.web.desktop.numbers import Numbers
from hotline.web.desktop.words import N_

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
#: Keys whose numbers are percents.
_PERCENT: Final = "_percent"


@dataclass(frozen=True, slots=True)
class Speaker:
    """The language, the clock and the numbers of who reads."""

    single: Callable[[str], str]
    plural: Callable[[str, str, int], str]
    calendar: Calendar
    numbers: Numbers

    def say(self, text: str, **values: object) -> str:
        """A text with its values."""
        return self.single(text) % values if values else self.single(text)

    def ngettext(self, one: str, many: str, num: int) -> str:
        """A text about so many (the name by which texts are found to be translated)."""
        return self.plural(one, many, num) % {"num": self.numbers.number(num)}

    def listed(self, some: Sequence[str]) -> str:
        """Words one after the other."""
        return ("、" if self.calendar.language == "zh" else ", ").join(some)


def how_long(speak: Speaker, seconds: float) -> str:
    """37 min, 2 hours: in the largest unit of which there are two."""
    if seconds >= 2 * _DAY:
        return speak.ngettext("%(num)s day", "%(num)s days", round(seconds / _DAY))
    if seconds >= 2 * _HOUR:
        return speak.ngettext("%(num)s hour", "%(num)s hours", round(seconds / _HOUR))
    if seconds >= 2 * _MINUTE:
        return speak.ngettext("%(num)s min", "%(num)s min", round(seconds / _MINUTE))
    return speak.ngettext("%(num)s s", "%(num)s s", max(1, round(seconds)))


def limits_of(speak: Speaker, schedule: Mapping[str, Any], limits: Any) -> list[tuple[str, str]]:
    """(what, how much) of everything that holds a campaign in bounds."""
    kept = read_limits(limits)
    found = []
    if drip := schedule.get("drip"):
        found.append((speak.say(N_("Slowly: at most")), _drip(speak, drip)))
    if kept.canary is not None:
        found.append((speak.say(N_("A few first")), _canary(speak, kept.canary.model_dump())))
    if kept.experiment.holdout_percent:
        share = f"{speak.numbers.number(kept.experiment.holdout_percent)} %"
        found.append((speak.say(N_("Gets nothing, to compare with")), share))
    if kept.experiment.shares:
        found.append((speak.say(N_("Who gets which variant")), _shares(speak, kept.experiment.shares)))
    quiet = QUIET[{None: "", True: "yes", False: "no"}[kept.quiet_hours.apply]]
    hours = kept.quiet_hours.hours
    found.append((speak.say(N_("Keeps quiet hours")), speak.say(quiet) + (f", {hours[0]}–{hours[1]}" if hours else "")))
    if kept.quiet_hours.holidays:
        found.append((speak.say(N_("On public holidays")), speak.say(N_("nothing"))))
    caps = [cap.model_dump() for cap in kept.caps]
    found.append((speak.say(N_("How often at most")), _caps(speak, caps) if caps else speak.say(N_("no limit"))))
    late = speak.ngettext("%(num)s hour after it was due", "%(num)s hours after it was due", kept.expires_hours)
    found.append((speak.say(N_("Never later than")), late))
    rates = {name: getattr(kept.pause, name) for name in PAUSES}
    pauses = [
        f"{speak.numbers.number(rate)} % {speak.say(PAUSES[name])}" for name, rate in rates.items() if rate is not None
    ]
    found.append((speak.say(N_("Pauses by itself")), speak.listed(pauses) or speak.say(N_("never"))))
    return found


def told(speak: Speaker, change: Change) -> tuple[str, str] | None:
    """What stood at a place before and what stands there now, in words; None where its values say it themselves."""
    before, after = (_value(speak, change.path, value) for value in (change.before, change.after))
    if before is None and after is None:
        return None
    none = speak.say(N_("none"))
    return (
        none if change.before is None else before if before is not None else str(change.before),
        none if change.after is None else after if after is not None else str(change.after),
    )


def cost_of(speak: Speaker, expected: Expected | None) -> str:
    """What it is expected to cost; empty where nobody wrote prices down."""
    if expected is None or expected.cost is None:
        return ""
    return speak.numbers.amount(expected.cost, expected.currency)


def _value(speak: Speaker, path: str, value: Any) -> str | None:
    key = path.rpartition(".")[2]
    worded = _WORDED.get(key)
    if value is None or (not path.startswith(("schedule", "limits")) and "." in path):
        return None
    if worded is not None and isinstance(value, str):
        return speak.say(worded[value]) if value in worded else None
    if key in _MADE and isinstance(value, Mapping | list | tuple):
        return _MADE[key](speak, value)
    if key == "at" and isinstance(value, str):
        return speak.calendar.moment(datetime.fromisoformat(value))
    if key.endswith(_PERCENT) and isinstance(value, int | float):
        return f"{speak.numbers.number(value)} %"
    return None


def _drip(speak: Speaker, drip: Mapping[str, Any]) -> str:
    return speak.say(
        N_("%(num)s %(per)s"), num=speak.numbers.number(drip["messages"]), per=speak.say(PERS[drip["per"]])
    )


def _canary(speak: Speaker, canary: Mapping[str, Any]) -> str:
    few = speak.ngettext("%(num)s person", "%(num)s people", canary["recipients"])
    wait = how_long(speak, canary["wait_minutes"] * 60) if canary["wait_minutes"] else speak.say(N_("no wait"))
    return speak.say(N_("%(few)s, then %(wait)s"), few=few, wait=wait)


def _caps(speak: Speaker, caps: Sequence[Mapping[str, Any]]) -> str:
    return speak.listed(
        [
            speak.say(
                N_("%(messages)s in %(days)s"),
                messages=speak.numbers.number(cap["messages"]),
                days=speak.ngettext("%(num)s day", "%(num)s days", cap["days"]),
            )
            for cap in caps
        ]
    )


def _shares(speak: Speaker, shares: Mapping[str, float]) -> str:
    return speak.listed([f"{name} {speak.numbers.number(share)} %" for name, share in shares.items()])


def _days(speak: Speaker, days: Sequence[Any]) -> str:
    return speak.listed([speak.say(WEEKDAYS[day]) if day in WEEKDAYS else str(day) for day in days])


def _trigger(speak: Speaker, trigger: Mapping[str, Any]) -> str:
    return speak.say(TRIGGERS[trigger["on"]])


#: Keys whose values are one of some words, and what these are called.
_WORDED: Final[Mapping[str, Mapping[str, str]]] = {
    "mode": MODES,
    "every": EVERY,
    "on": TRIGGERS,
    "purpose": campaign_words.PURPOSES,
    "kind": campaign_words.KINDS,
    "channel": {key: name for key, (_, name) in template_words.CHANNELS.items()},
}
#: Keys whose values are made of several.
_MADE: Final[Mapping[str, Callable[[Speaker, Any], str]]] = {
    "drip": _drip,
    "canary": _canary,
    "caps": _caps,
    "shares": _shares,
    "weekdays": _days,
    "days": _days,
    "trigger": _trigger,
}
