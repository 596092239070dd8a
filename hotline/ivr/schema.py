"""The JSON Schema of flow files, for editors and other tools. What it cannot say (ways, languages), the check says."""

from __future__ import annotations

import json
from typing import Any, Final

from hotline.ivr.nodes import FlowFile

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """The schema of one file. What it forbids is refused; what a file may leave unquoted, it may want in quotes."""
    found = {"$schema": DIALECT, **FlowFile.model_json_schema(mode="validation"), "title": "A flow of hotline's IVR"}
    _close(found)
    return found


def _close(part: Any) -> None:
    """Where names have a pattern, others are forbidden: pydantic does not write that down."""
    if isinstance(part, dict):
        if "patternProperties" in part:
            part.setdefault("additionalProperties", False)
        for each in part.values():
            _close(each)
    elif isinstance(part, list):
        for each in part:
            _close(each)


def schema_text() -> str:
    """The schema as published."""
    return json.dumps(schema(), ensure_ascii=False, indent=2) + "\n"
