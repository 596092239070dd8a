"""One decorator for every API route: pydantic models validate what comes in, and the same models document it.

A resource file holds functions such as ::

    @endpoint("GET", "/customers/{id}", right="customers.read", summary="One customer")
    async def get_customer(ask: Ask, path: ById) -> Customer: ...

``path``, ``query`` and ``body`` are taken by name and checked against the model they are annotated with; what the
function answers with is written through the annotated model. ``hotline.web.openapi`` reads the same annotations.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Generic, TypeVar, get_args, get_origin, get_type_hints
from uuid import UUID

import pydantic_core
from aiohttp import hdrs, web
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from hotline.clock import in_utc
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound
from hotline.web.context import SIGNED, SignedIn, house_of
from hotline.web.problems import BadRequest, FieldProblem, FieldsInvalid, Stale, WrongType
from hotline.web.rights import endless, needs, streamed
from hotline.web.rights import fresh as needs_confirmation
from hotline.workflows.house import House

PREFIX: Final = "/api/v1"

_LONGEST_KEY: Final = 200

#: A time that comes in.
Moment = Annotated[AwareDatetime, AfterValidator(in_utc)]

T = TypeVar("T")


class Input(BaseModel):
    """What comes in: unknown fields are refused, so that a misspelt one is never lost without a word."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Output(BaseModel):
    """What goes out."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Nothing(Input):
    """No parameters."""


class ById(Input):
    """A record by its id."""

    id: UUID


class Paging(Input):
    """Which part of a list."""

    limit: int = Field(50, ge=1, le=200, description="Most items to answer.")
    cursor: str | None = Field(None, max_length=200, description="`next` of the page before; empty: from the start.")


class Page(Output, Generic[T]):
    """A part of a list; `next` is the cursor of what follows, null at the end."""

    items: list[T]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """An answer with a status or headers of its own."""

    body: T
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, as the resource functions see it."""

    request: web.Request
    raw: bytes = b""

    @property
    def house(self) -> House:
        return house_of(self.request)

    @property
    def signed(self) -> SignedIn:
        return self.request[SIGNED]

    @property
    def viewer(self) -> Viewer:
        return self.signed.viewer

    def expected_version(self, current: int, sent: int | None) -> int | None:
        """The version that an update is bound to: If-Match, else the body's ``version``, else none.

        Raises Stale when If-Match names another version than the ``current`` one.
        """
        header = self.request.headers.get(hdrs.IF_MATCH)
        if header is None or header.strip() == "*":
            return sent
        if etag(current) not in (part.strip().removeprefix("W/") for part in header.split(",")):
            raise Stale
        return current

    def idempotency(self) -> tuple[str, bytes] | None:
        """The Idempotency-Key and a fingerprint of this request; None without the header."""
        key = self.request.headers.get("Idempotency-Key")
        if key is None:
            return None
        if not 0 < len(key) <= _LONGEST_KEY or not key.isascii() or not key.isprintable():
            raise BadRequest(f"Idempotency-Key must be 1 to {_LONGEST_KEY} printable ASCII characters.")
        print_of = hashlib.sha256(f"{self.request.method} {self.request.path}\n".encode() + self.raw)
        return key, print_of.digest()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A declared API route; ``handler`` is what aiohttp calls."""

    name: str
    method: str
    path: str
    right: str
    summary: str
    tag: str
    status: int
    path_model: type[BaseModel] | None
    query_model: type[BaseModel] | None
    body_model: type[BaseModel] | None
    reply_model: type[BaseModel] | None
    media_type: str
    takes: str | None
    idempotent: bool
    description: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]


def etag(version: int) -> str:
    """A record's ETag."""
    return f'"v{version}"'


def paged(items: Sequence[Any], limit: int, render: Callable[[Any], T], key: Callable[[Any], str]) -> Page[T]:
    """The page out of ``limit + 1`` records read: the one too many only tells that there is more."""
    kept = items[:limit]
    following = key(kept[-1]) if len(items) > limit else None
    return Page[Any](items=[render(item) for item in kept], next=following)


def id_cursor(cursor: str | None) -> UUID | None:
    """The id that a cursor stands for."""
    if not cursor:
        return None
    try:
        return UUID(cursor)
    except ValueError:
        raise FieldsInvalid([FieldProblem(field="query.cursor", detail="not a cursor of this list")]) from None


def place_cursor(cursor: str | None) -> int:
    """The place in a ranked list that a cursor stands for."""
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 6):
        raise FieldsInvalid([FieldProblem(field="query.cursor", detail="not a cursor of this list")])
    return int(cursor)


def endpoint(
    method: str,
    path: str,
    *,
    right: str,
    summary: str,
    status: int = 200,
    media_type: str = "application/json",
    takes: str | None = None,
    idempotent: bool = False,
    fresh: bool = False,
    bare: bool = False,
) -> Callable[[Callable[..., Awaitable[Any]]], Endpoint]:
    """Declares an API route (see the module). ``right`` is a permission, ``signed_in`` or ``public``.

    ``takes`` is the media type of a body that is no JSON: the function reads it from the request itself. ``fresh``: a
    browser's session must have been confirmed lately. ``bare``: a request without a body is taken for an empty one.
    """

    def declare(function: Callable[..., Awaitable[Any]]) -> Endpoint:
        hints = get_type_hints(function)
        names = set(inspect.signature(function).parameters) - {"ask"}
        if unknown := names - {"path", "query", "body"}:
            raise TypeError(f"{function.__name__}: unknown parameters {sorted(unknown)}")
        reply = hints.get("return")
        if get_origin(reply) is Reply:
            reply = get_args(reply)[0]
        is_model = isinstance(reply, type) and issubclass(reply, BaseModel)
        path_model, query_model, body_model = (
            hints.get("path"),
            hints.get("query", Nothing),
            hints.get("body"),
        )

        @needs(right)
        async def handle(request: web.Request) -> web.StreamResponse:
            arguments: dict[str, Any] = {}
            if path_model is not None:
                arguments["path"] = _path(request, path_model)
            query = _query(request, query_model)
            if "query" in names:
                arguments["query"] = query
            raw = b""
            if body_model is not None:
                raw = b"{}" if bare and not request.body_exists else await _read(request)
                arguments["body"] = _body(raw, body_model)
            answer = await function(Ask(request, raw), **arguments)
            if isinstance(answer, web.StreamResponse):
                return answer
            return _respond(answer, status)

        if fresh:
            needs_confirmation(handle)
        if media_type != "application/json":
            endless(handle)
        if takes is not None:
            streamed(endless(handle))
        return Endpoint(
            name=function.__name__,
            method=method,
            path=PREFIX + path,
            right=right,
            summary=summary,
            tag=path.split("/")[1],
            status=status,
            path_model=path_model,
            query_model=hints.get("query"),
            body_model=body_model,
            reply_model=reply if is_model else None,
            media_type=media_type,
            takes=takes,
            idempotent=idempotent,
            description=inspect.cleandoc(function.__doc__ or ""),
            handler=handle,
        )

    return declare


def add_endpoints(app: web.Application, endpoints: Sequence[Endpoint]) -> None:
    """Adds the routes to the application."""
    for each in endpoints:
        if each.method == "GET":
            app.router.add_get(each.path, each.handler, allow_head=each.media_type == "application/json")
        else:
            app.router.add_route(each.method, each.path, each.handler)


def _respond(answer: Any, status: int) -> web.Response:
    headers: dict[str, str] = {}
    if isinstance(answer, Reply):
        status, headers, answer = answer.status or status, dict(answer.headers), answer.body
    if answer is None:
        return web.Response(status=status, headers=headers)
    version = getattr(answer, "version", None)
    if isinstance(version, int):
        # For If-Match only: the version does not tell whether what a record shows of others has changed.
        headers.setdefault(hdrs.ETAG, etag(version))
    body = answer.model_dump_json().encode()
    return web.Response(body=body, status=status, headers=headers, content_type="application/json", charset="utf-8")


def _path(request: web.Request, model: type[BaseModel]) -> BaseModel:
    try:
        return _clean(model, dict(request.match_info), "path")
    except FieldsInvalid:
        raise NotFound from None


def _query(request: web.Request, model: type[BaseModel]) -> BaseModel:
    values: dict[str, Any] = {}
    for name in request.query:
        sent = request.query.getall(name)
        declared = model.model_fields.get(name)
        if declared is not None and get_origin(declared.annotation) is list:
            values[name] = sent
        elif len(sent) > 1:
            raise FieldsInvalid([FieldProblem(field=f"query.{name}", detail="given more than once")])
        else:
            values[name] = sent[0]
    return _clean(model, values, "query")


def _clean(model: type[BaseModel], values: Mapping[str, Any], where: str) -> BaseModel:
    if _has_nul(values):
        raise FieldsInvalid([FieldProblem(field=where, detail="holds a NUL character")])
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise FieldsInvalid(_problems(error, where)) from None


async def _read(request: web.Request) -> bytes:
    content_type = request.content_type
    if content_type != "application/json" and not content_type.endswith("+json"):
        raise WrongType
    try:
        charset = request.charset
    except ValueError:
        raise WrongType from None
    if charset is not None and charset.lower().replace("-", "").replace("_", "") != "utf8":
        raise WrongType("Send JSON in UTF-8.")
    return await request.read()


def _body(raw: bytes, model: type[BaseModel]) -> BaseModel:
    if b"\\u0000" in raw and _has_nul(_parsed(raw)):
        raise FieldsInvalid([FieldProblem(field="body", detail="holds a NUL character")])
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        if any(problem["type"] == "json_invalid" for problem in error.errors(include_input=False)):
            raise BadRequest(_not_json(raw)) from None
        raise FieldsInvalid(_problems(error, "body")) from None


def _parsed(raw: bytes) -> Any:
    try:
        return pydantic_core.from_json(raw)
    except ValueError:
        raise BadRequest(_not_json(raw)) from None


def _not_json(raw: bytes) -> str:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return "The body is not UTF-8 text."
    return "The body is not JSON, or is nested too deeply."


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, Mapping):
        return any(_has_nul(key) or _has_nul(item) for key, item in value.items())
    if isinstance(value, list):
        return any(_has_nul(item) for item in value)
    return False


def _problems(error: ValidationError, where: str) -> list[FieldProblem]:
    return [
        FieldProblem(
            field=".".join((where, *(str(part)[:60] for part in problem["loc"]))),
            detail=problem["msg"].removeprefix("Value error, "),
        )
        for problem in error.errors(include_input=False, include_url=False, include_context=False)[:20]
    ]
