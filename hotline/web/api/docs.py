"""The OpenAPI document, and the same for people: one page of our own, nothing loaded from elsewhere."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any, Final

from aiohttp import web
from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape

from hotline.events import EVENT_TYPES
from hotline.web.endpoint import PREFIX, Endpoint
from hotline.web.openapi import ERRORS, document
from hotline.web.rights import public

_CODE: Final = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class _Written:
    """The document, its page and the page's style."""

    body: bytes
    page: str
    style: str


def setup(app: web.Application, endpoints: tuple[Endpoint, ...]) -> None:
    """Adds the document and its page; both are written when they are first asked for, since it takes a second."""

    @public
    async def openapi(_request: web.Request) -> web.Response:
        written = await asyncio.to_thread(_written, endpoints)
        return web.Response(body=written.body, content_type="application/json", charset="utf-8")

    @public
    async def docs(_request: web.Request) -> web.Response:
        written = await asyncio.to_thread(_written, endpoints)
        return web.Response(text=written.page, content_type="text/html")

    @public
    async def css(_request: web.Request) -> web.Response:
        written = await asyncio.to_thread(_written, endpoints)
        return web.Response(text=written.style, content_type="text/css")

    app.router.add_get(f"{PREFIX}/openapi.json", openapi)
    app.router.add_get(f"{PREFIX}/docs", docs)
    app.router.add_get(f"{PREFIX}/docs.css", css)


@cache
def _written(endpoints: tuple[Endpoint, ...]) -> _Written:
    described = document(endpoints, version=version("hotline"))
    environment = Environment(loader=PackageLoader("hotline.web.api", "."), autoescape=True)
    environment.filters["code"] = code
    page = environment.get_template("docs.html").render(
        document=described, operations=_operations(described), events=EVENT_TYPES, errors=ERRORS, kind_of=kind_of
    )
    return _Written(
        json.dumps(described, ensure_ascii=False, separators=(",", ":")).encode(),
        page,
        environment.get_template("docs.css").render(),
    )


def code(text: str) -> Markup:
    """``text`` with what stands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just before


def kind_of(schema: Mapping[str, Any]) -> str:
    """A schema in few words: ``string (uuid)``, ``Customer``, ``list of Leg``, ``in | out``."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(kind_of(choice) for choice in schema[key])
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {kind_of(schema.get('items', {}))}"
    return f"{kind} ({schema['format']})" if "format" in schema else str(kind)


def _operations(described: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The operations by tag, each with its path and method."""
    by_tag: dict[str, list[dict[str, Any]]] = {}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append({"path": path, "method": method.upper(), **operation})
    return by_tag
