"""How far a campaign may go, as it is written down: expiry, quiet hours, frequency caps, canary, experiment, and what
pauses it. Percents are plain numbers with two decimals at most: 0.3 is three in a thousand.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isclose
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    field_validator,
    model_validator,
)

from hotline.campaigns.schedule import TimeOfDay, told
from hotline.errors import Invalid

#: Complaint rates, in percent, at which a mailbox provider warns and at which it begins to refuse a sender.
#: https://support.google.com/mail/answer/81126 (spam rate below 0.10 %, never 0.30 %).
COMPLAINT_WARNING_PERCENT: Final = 0.1
COMPLAINT_PERCENT: Final = 0.3

_MOST_CAPS: Final = 5
_MOST_VARIANTS: Final = 8
_LONGEST_EXPIRY_HOURS: Final = 30 * 24


def _number(value: float) -> int | float:
    """Whole numbers in one spelling: what is signed must not turn from 20.0 to 20."""
    return int(value) if value == int(value) else value


_Hundredths = (AfterValidator(lambda value: round(value, 2)), PlainSerializer(_number, return_type=int | float))
Percent = Annotated[float, Field(ge=0, le=100), *_Hundredths]
Share = Annotated[float, Field(gt=0, le=100), *_Hundredths]
Holdout = Annotated[float, Field(ge=0, le=90), *_Hundredths]
VariantName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,8}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class QuietHours(_Model):
    """When messages may leave, on the recipient's clock.

    ``apply`` None: for marketing by SMS, WhatsApp and voice. ``hours`` narrows what the recipient's country allows, it
    never widens it. ``holidays``: nothing on public holidays of the recipient's country either.
    """

    apply: bool | None = None
    hours: tuple[TimeOfDay, TimeOfDay] | None = Field(None, examples=[["10:00", "18:00"]])
    holidays: bool = Field(False, description="Nothing on public holidays where the recipient is either.")

    @field_validator("hours")
    @classmethod
    def _of_one_day(cls, value: tuple[str, str] | None) -> tuple[str, str] | None:
        if value is not None and value[0] >= value[1]:
            raise ValueError("The hours begin before they end, on the same day.")
        return value


class Cap(_Model):
    """At most so many marketing messages to a person within so many days, of whatever campaign and channel."""

    messages: int = Field(ge=1, le=100)
    days: int = Field(ge=1, le=90)


class Canary(_Model):
    """A few recipients first. The rest follows when the wait is over and the rates are in bounds; else it pauses."""

    recipients: int = Field(ge=1, le=100_000)
    wait_minutes: int = Field(30, ge=0, le=7 * 24 * 60)
    failure_percent: Percent = 5
    complaint_percent: Percent = COMPLAINT_WARNING_PERCENT
    opt_out_percent: Percent = 2


class Experiment(_Model):
    """Which part of the recipients gets which variant, and which part gets nothing, to compare with.

    ``shares`` are percents of those who are not held out; none: equal parts.
    """

    shares: dict[VariantName, Share] = Field(default_factory=dict, max_length=_MOST_VARIANTS)
    holdout_percent: Holdout = 0

    @field_validator("shares")
    @classmethod
    def _whole(cls, value: Mapping[str, float]) -> Mapping[str, float]:
        if value and not isclose(sum(value.values()), 100, abs_tol=0.05):
            raise ValueError(f"The shares make up {sum(value.values()):g} %, not 100 %.")
        return dict(sorted(value.items()))


class PauseRules(_Model):
    """Rates of what was sent, in percent, at which a campaign pauses by itself; None: never for that.

    ``minimum``: rates are not looked at before so many messages have left.
    """

    failure_percent: Percent | None = 20
    bounce_percent: Percent | None = 5
    complaint_percent: Percent | None = COMPLAINT_PERCENT
    warn_complaint_percent: Percent | None = COMPLAINT_WARNING_PERCENT
    opt_out_percent: Percent | None = None
    minimum: int = Field(100, ge=1, le=100_000)

    @model_validator(mode="after")
    def _warned_before(self) -> PauseRules:
        warned, paused = self.warn_complaint_percent, self.complaint_percent
        if warned is not None and paused is not None and warned > paused:
            raise ValueError("warn_complaint_percent: a warning comes before the pause.")
        return self


class Limits(_Model):
    """All of them. ``expires_hours``: a message that could not leave so long after it was due never leaves."""

    expires_hours: int = Field(24, ge=1, le=_LONGEST_EXPIRY_HOURS)
    quiet_hours: QuietHours = QuietHours()
    caps: tuple[Cap, ...] = Field((), max_length=_MOST_CAPS)
    canary: Canary | None = None
    experiment: Experiment = Experiment()
    pause: PauseRules = PauseRules()


def read_limits(value: Any) -> Limits:
    """The limits that JSON holds. Raises Invalid, naming the field."""
    try:
        return Limits.model_validate({} if value is None else value)
    except ValidationError as error:
        raise Invalid(told(error, "limits")) from None
