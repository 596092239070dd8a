"""The exceptions of the house, a class per meaning.

Each class's docstring is the sentence a person reads; ``retry`` says whether the same call may succeed
later without a change by the person. Doors turn these into problem details (RFC 9457) or an exit code.
"""

from __future__ import annotations

from typing import ClassVar


class HotlineError(Exception):
    """Something went wrong in hotline."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    retry: ClassVar[bool] = False

    def __init__(self, detail: str = "") -> None:
        self.detail = detail or (type(self).__doc__ or "").strip().splitlines()[0]
        super().__init__(self.detail)


class SettingError(HotlineError):
    """A setting is wrong."""

    code = "setting"
    status = 500


class NotFound(HotlineError):
    """There is no such record, or you may not see it."""

    code = "not_found"
    status = 404


class NotSignedIn(HotlineError):
    """Sign in first."""

    code = "not_signed_in"
    status = 401


class Forbidden(HotlineError):
    """Your role does not allow this."""

    code = "forbidden"
    status = 403


class Invalid(HotlineError):
    """What was sent cannot be accepted."""

    code = "invalid"
    status = 422


class Conflict(HotlineError):
    """Somebody changed this record meanwhile, or one like it exists already."""

    code = "conflict"
    status = 409


class TooMany(HotlineError):
    """Too many requests; wait a little."""

    code = "too_many"
    status = 429
    retry = True
    #: Whole seconds until it is worth trying again, where that is known.
    retry_after: int | None = None


class Unavailable(HotlineError):
    """A part that this needs is away at the moment."""

    code = "unavailable"
    status = 503
    retry = True
