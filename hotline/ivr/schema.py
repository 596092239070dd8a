"""The JSON Schema of flow files, for editors and other tools. What it cannot say (ways, languages), the check says."""

from __future__ import annotations

import json
from typing import Any, Final

from hotline.ivr.nodes import FlowFile

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """The schema of one file. Numbers and yes or no may be written with or without quotes."""
    return {"$schema": DIALECT, **FlowFile.model_json_schema(mode="validation"), "title": "A flow of hotline's IVR"}


def schema_text() -> str:
    """The schema as published."""
    return json.dumps(schema(), ensure_ascii=False, indent=2) + "\n"
