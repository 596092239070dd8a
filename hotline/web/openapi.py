"""The OpenAPI 3.1 document, written out of the same models and declarations that serve the requests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from hotline.web.endpoint import Endpoint
from hotline.web.problems import CONTENT_TYPE, Problem
from hotline.web.rights import PUBLIC, SIGNED_IN

_REF: Final = "#/components/schemas/{model}"
_Model = type[BaseModel]
_Mode = Literal["validation", "serialization"]

ERRORS: Final[Mapping[str, str]] = {
    "400": "The request cannot be read.",
    "401": "No valid token or session.",
    "403": "The role or the token's scopes do not allow it.",
    "404": "There is no such record, or you may not see it.",
    "408": "The body did not arrive in time.",
    "409": "It clashes with what is there: a stale version, a doubled record, a reused Idempotency-Key.",
    "412": "If-Match names another version.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
    "422": "Some fields cannot be accepted; `errors` names them.",
    "429": "Too many requests; Retry-After says how long to wait.",
    "507": "There is no room for it on the disk, or the quota is used up.",
    "503": "A part that this needs is away; the same request may succeed later.",
}


class _Names(GenerateJsonSchema):
    """``Page[Customer]`` is called CustomerPage."""

    def normalize_name(self, name: str) -> str:
        page = re.fullmatch(r"Page\[(\w+)\]", name)
        return f"{page.group(1)}Page" if page else super().normalize_name(name)


def document(endpoints: Sequence[Endpoint], *, version: str) -> dict[str, Any]:
    """The whole document as JSON values."""
    wanted: list[tuple[_Model, _Mode]] = [(Problem, "serialization")]
    for each in endpoints:
        wanted += [(model, "validation") for model in (each.body_model,) if model is not None]
        wanted += [(model, "serialization") for model in (each.reply_model,) if model is not None]
    refs, definitions = models_json_schema(list(dict.fromkeys(wanted)), ref_template=_REF, schema_generator=_Names)
    schemas: dict[str, Any] = dict(definitions.get("$defs", {}))
    paths: dict[str, dict[str, Any]] = {}
    for each in endpoints:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, refs, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "hotline",
            "version": version,
            "description": "Customers, calls and agents of a service hotline. Errors are problem details (RFC 9457).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"session": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in endpoints)],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "An API token."},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "hotline",
                    "description": "A browser's session; unsafe methods also need X-CSRF-Token.",
                },
            },
        },
    }


def _operation(each: Endpoint, refs: Mapping[Any, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    parameters = _parameters(each.path_model, "path", schemas) + _parameters(each.query_model, "query", schemas)
    if each.idempotent:
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The same key with the same request does it once and answers the same.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 200},
            }
        )
    operation: dict[str, Any] = {
        "operationId": each.name,
        "summary": each.summary,
        "tags": [each.tag],
        "responses": _responses(each, refs),
        "x-hotline-right": each.right,
    }
    if each.description:
        operation["description"] = each.description
    if parameters:
        operation["parameters"] = parameters
    if each.body_model is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": refs[(each.body_model, "validation")]}},
        }
    if each.takes is not None:
        schema = {"type": "string", "contentMediaType": each.takes}
        operation["requestBody"] = {"required": True, "content": {each.takes: {"schema": schema}}}
    if each.right == PUBLIC:
        operation["security"] = []
    return operation


def _responses(each: Endpoint, refs: Mapping[Any, Any]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": each.summary}
    if each.reply_model is not None:
        good["content"] = {each.media_type: {"schema": refs[(each.reply_model, "serialization")]}}
        if "version" in each.reply_model.model_fields:
            good["headers"] = {"ETag": {"schema": {"type": "string"}, "description": "The record's version."}}
    elif each.media_type != "application/json":
        good["content"] = {each.media_type: {"schema": {"type": "string"}}}
    responses = {str(each.status): good}
    for status in _error_statuses(each):
        schema = {"$ref": _REF.format(model="Problem")}
        responses[status] = {"description": ERRORS[status], "content": {CONTENT_TYPE: {"schema": schema}}}
    return responses


def _error_statuses(each: Endpoint) -> list[str]:
    statuses = {"422", "429", "503", "400"}
    if each.right != PUBLIC:
        statuses.add("401")
    if each.right not in (PUBLIC, SIGNED_IN) or each.method != "GET":
        statuses.add("403")
    if (each.path_model, each.query_model, each.body_model) != (None, None, None):
        statuses.add("404")
    if each.method != "GET":
        statuses |= {"409", "412"}
    if each.body_model is not None or each.takes is not None:
        statuses |= {"408", "413", "415"}
    if each.takes is not None:
        statuses.add("507")
    return sorted(statuses)


def _parameters(model: _Model | None, where: str, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    if model is None:
        return []
    schema = model.model_json_schema(ref_template=_REF)
    schemas.update(schema.pop("$defs", {}))
    required = set(schema.get("required", ()))
    parameters = []
    for name, declared in schema.get("properties", {}).items():
        declared = dict(declared)
        description = declared.pop("description", None)
        declared.pop("title", None)
        parameter: dict[str, Any] = {
            "name": name,
            "in": where,
            "required": where == "path" or name in required,
            "schema": _without_null(declared),
        }
        if description:
            parameter["description"] = description
        parameters.append(parameter)
    return parameters


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter cannot be null, only absent: ``anyOf [X, null], default null`` is X."""
    if schema.get("default", "") is None:
        schema.pop("default")
    choices = schema.get("anyOf")
    if isinstance(choices, list):
        kept = [choice for choice in choices if choice != {"type": "null"}]
        if len(kept) == 1:
            rest = {key: value for key, value in schema.items() if key != "anyOf"}
            return {**kept[0], **rest}
    return schema
