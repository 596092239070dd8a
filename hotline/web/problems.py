"""Errors as RFC 9457 problem details."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel, Field

from hotline.customers.three_way import EditConflict
from hotline.errors import Forbidden, HotlineError, Invalid, NotFound, NotSignedIn, TooMany
from hotline.web.context import REQUEST_ID, SIGNED

CONTENT_TYPE: Final = "application/problem+json"

#: Seconds that a client has to send its body.
BODY_SECONDS: Final = 20

#: The rooms below refuse with ``field: sentence``.
_NAMED_FIELD: Final = re.compile(r"([a-z_]+(?:[.\[][\w\]]+)*): (.+)", re.DOTALL)


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    field: str = Field(description="Where: `body.name`, `query.limit`, `path.id`.")
    detail: str


class ConflictProblem(BaseModel):
    """A field that two people changed."""

    field: str = Field(description="`name`, `contact_points`, `custom.size`.")
    base: Any = Field(description="What it was when you began.")
    yours: Any
    theirs: Any = Field(description="What stands there now.")
    by: str | None = Field(description="The name of who changed it last.")
    at: datetime | None


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(description="`about:blank`, or `urn:hotline:problem:CODE`.")
    title: str
    status: int
    detail: str
    code: str = Field(description="The error's name, stable across versions.")
    retry: bool = Field(description="Whether the same request may succeed later, unchanged.")
    request_id: str = Field(description="Also in the log.")
    errors: list[FieldProblem] = Field(default_factory=list)
    conflicts: list[ConflictProblem] = Field(default_factory=list, description="What two people changed to different.")


class BadRequest(HotlineError):
    """The request cannot be read."""

    code = "bad_request"
    status = 400


class Slow(HotlineError):
    """The body did not arrive in time."""

    code = "slow"
    status = 408
    retry = True


class TooLarge(HotlineError):
    """What was sent is too large."""

    code = "too_large"
    status = 413


class WrongType(HotlineError):
    """Send JSON: Content-Type: application/json."""

    code = "wrong_type"
    status = 415


class WrongMethod(HotlineError):
    """This address does not take that method."""

    code = "wrong_method"
    status = 405


class Stale(HotlineError):
    """The record is no longer the version that If-Match names; read it again."""

    code = "stale"
    status = 412


class ConfirmNeeded(Forbidden):
    """Confirm first that it is you: the last time is too long ago for this."""

    code = "confirm_needed"


class SecondFactorMissing(Forbidden):
    """Your role asks for two-step sign-in: set it up first."""

    code = "second_factor_missing"


class FieldsInvalid(Invalid):
    """Some fields cannot be accepted."""

    def __init__(self, errors: Sequence[FieldProblem]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.detail}" for error in errors[:5]))
        self.errors = list(errors)


class LimitReached(TooMany):
    """Too many requests; wait a little."""

    def __init__(self, retry_after: float) -> None:
        super().__init__()
        self.retry_after = max(1, int(retry_after + 0.999))


_HTTP: dict[int, type[HotlineError]] = {
    400: BadRequest,
    401: NotSignedIn,
    403: Forbidden,
    404: NotFound,
    405: WrongMethod,
    413: TooLarge,
    415: WrongType,
}


def from_http(error: web.HTTPException) -> HotlineError:
    """aiohttp's own refusal in hotline's words; what it has no word for is an unreadable request."""
    kind = _HTTP.get(error.status, BadRequest if error.status < 500 else HotlineError)
    if kind is NotFound:
        return NotFound("There is nothing at this address.")
    return kind()


#: A refusal in the language of the person who is signed in; the desk sets it. Programs read ``detail``, in English.
REFUSAL_WORDS: Final[web.AppKey[Callable[[web.Request, HotlineError], str]]] = web.AppKey("refusal_words")


def problem_body(request: web.Request, error: HotlineError) -> dict[str, Any]:
    """The JSON members of the problem."""
    body: dict[str, Any] = {
        "type": f"urn:hotline:problem:{error.code}",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "retry": error.retry,
        "request_id": request.get(REQUEST_ID, ""),
    }
    signed = request.get(SIGNED)
    if signed is not None and signed.kind == "session" and (words := request.config_dict.get(REFUSAL_WORDS)):
        body["said"] = words(request, error)
    if isinstance(error, EditConflict):
        body["conflicts"] = [
            {"field": each.field, "base": each.base, "yours": each.yours, "theirs": each.theirs, "by": each.by_name,
             "at": each.at.isoformat() if each.at else None}
            for each in error.conflicts
        ]  # fmt: skip
    if isinstance(error, FieldsInvalid):
        body["errors"] = [field.model_dump() for field in error.errors]
    elif isinstance(error, Invalid) and (named := _NAMED_FIELD.match(error.detail)):
        body["errors"] = [{"field": f"body.{named[1]}", "detail": named[2]}]
    return body


def problem_response(request: web.Request, error: HotlineError) -> web.Response:
    """The answer for programs."""
    response = web.json_response(problem_body(request, error), status=error.status, content_type=CONTENT_TYPE)
    if error.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="hotline"'
    if isinstance(error, TooMany) and error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    elif error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = "2"
    return response
