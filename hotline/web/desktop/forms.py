"""Reading what a form sends: bounded text, never a file, and errors that name their field."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from aiohttp import web
from multidict import MultiMapping

from hotline.customers.names import fold
from hotline.errors import HotlineError, Invalid, NotFound
from hotline.web.desktop.render import say
from hotline.web.desktop.words import reason
from hotline.web.problems import BadRequest

Form = MultiMapping[Any]


async def form_of(request: web.Request) -> Form:
    """The fields of the request's form."""
    return await request.post()


def field(form: Form, name: str, longest: int = 10_000) -> str:
    """A field's text, "" when it is missing; what is longer than ``longest`` is refused."""
    value = form.get(name, "")
    if not isinstance(value, str):
        raise BadRequest()
    if len(value) > longest:
        raise Invalid(f"{name}: at most {longest} characters, these are {len(value)}.")
    return value.replace("\0", "")


def fields(form: Form, name: str, longest: int = 1_000) -> list[str]:
    """All texts of a repeated field, in their order."""
    found = [value for value in form.getall(name, []) if isinstance(value, str)]
    if any(len(value) > longest for value in found) or len(found) > 200:
        raise Invalid(f"{name}: at most {longest} characters, these are more.")
    return [value.replace("\0", "") for value in found]


def version_of(form: Form) -> int | None:
    """The version of the record that the form was made from."""
    text = field(form, "version", 20)
    return int(text) if text.isdecimal() else None


def once_of(request: web.Request, form: Form) -> tuple[str, bytes] | None:
    """The id under which a script sends this form, however often, with a fingerprint of what it sends, for
    ``crm.commands.upkeep.idempotency``; None for a form that a browser sent by itself."""
    sent = field(form, "once", 64)
    if not sent:
        return None
    content = sorted((name, str(value)) for name, value in form.items() if name not in ("once", "csrf"))
    print_of = hashlib.sha256(json.dumps([request.path, content]).encode())
    return f"form:{sent}", print_of.digest()


def uuid_of(request: web.Request, name: str = "id") -> UUID:
    """A part of the address as an id. Raises NotFound for anything else."""
    try:
        return UUID(request.match_info[name])
    except ValueError:
        raise NotFound() from None


def id_of(text: str) -> UUID | None:
    """An id out of a form or an address; None for an empty one. Raises NotFound for anything else."""
    return needed_id_of(text) if text else None


def needed_id_of(text: str) -> UUID:
    """The same where one must stand: NotFound for an empty one, too."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound() from None


def words_of(text: str) -> list[str]:
    """The words of a field that lists some, each once; Chinese commas part them, too."""
    parts = (part.strip() for part in text.replace("，", ",").replace("、", ",").split(","))
    return [part for part in dict.fromkeys(parts) if part]


def key_of(name: str, longest: int) -> str:
    """A key out of what people call a thing: small letters, digits and _, a letter first; empty when none is in it."""
    key = re.sub(r"[^a-z0-9]+", "_", fold(name).encode("ascii", "ignore").decode()).strip("_")[:longest]
    return key if key[:1].isalpha() else ""


async def json_of(request: web.Request, longest: int = 100_000) -> Mapping[str, Any]:
    """The JSON object that a script of ours sends."""
    if request.content_type != "application/json":
        raise BadRequest()
    raw = await request.read()
    if len(raw) > longest:
        raise Invalid(f"At most {longest} bytes.")
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise BadRequest() from None
    if not isinstance(value, dict):
        raise BadRequest()
    return value


def json_id(body: Mapping[str, Any], name: str) -> UUID | None:
    """A field of the object as an id; None when it is null or missing."""
    value = body.get(name)
    if value is None:
        return None
    try:
        return UUID(str(value))
    except ValueError:
        raise Invalid(f"{name}: not an id.") from None


def problems(request: web.Request, error: HotlineError) -> dict[str, str]:
    """The refusal under its field's name, "" for the whole form, in the person's language."""
    name, _, _ = reason(error)
    return {name: refusal_words(request, error)}


def refusal_words(request: web.Request, error: HotlineError) -> str:
    """What was refused, without its field's name, in the person's language."""
    _, message, values = reason(error)
    said = say(request, message, **values)
    return said[:1].upper() + said[1:]
