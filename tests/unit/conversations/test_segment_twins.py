"""The browser counts an SMS's parts as the server does: both answer the same for the texts of ``segments.json``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from hotline.conversations.segments import count

KNOWN = Path(__file__).parents[1] / "web" / "frontend" / "segments.json"


def test_the_known_answers_are_the_server_s() -> None:
    known = json.loads(KNOWN.read_text("utf-8"))
    assert len(known) > 20
    for each in known:
        text = each.pop("text")
        assert asdict(count(text)) == each, text
