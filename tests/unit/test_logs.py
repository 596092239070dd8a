"""No personal data in logs: the mask."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer

from hotline import logs

KEPT = [
    "call 01a2007b-99ab-71ed-bbe7-d769a4f20cd8 ended",
    "channel 1732200000.123 is gone",
    "at 2026-11-21T23:40:29.123456Z",
    "waited 1500 ms, 3 of 20",
    "PJSIP/agent1",
]
MASKED = [
    ("caller +49 151 1234-5678 rang", "1234"),
    ("caller 8613912340412", "139"),
    ("(030) 123456789", "123456"),
    ("mail to anna.smith@example.com failed", "anna"),
    ("Authorization: Bearer s3cr3t-t0ken", "s3cr3t"),
    ("ami://user:topsecret@pbx:5038/main", "topsecret"),
]


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("debug", stream=stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("text", KEPT)
def test_ids_and_instants_stay(text: str) -> None:
    assert logs.mask_text(text) == text


@pytest.mark.parametrize(("text", "gone"), MASKED)
def test_numbers_addresses_and_secrets_go(text: str, gone: str) -> None:
    assert gone not in logs.mask_text(text)
    assert logs.MASK in logs.mask_text(text)


def test_fields_that_name_people_go_whole(lines: io.StringIO) -> None:
    structlog.get_logger("t").info("x", name="Anna", nested={"phone": "12", "deep": ["+4915112345678"]}, state="ok")
    line = json.loads(lines.getvalue())
    assert line["name"] == logs.MASK
    assert line["nested"] == {"phone": logs.MASK, "deep": [logs.MASK]}
    assert (line["state"], line["level"]) == ("ok", "info")


def test_exceptions_and_other_libraries_are_masked_too(lines: io.StringIO) -> None:
    try:
        raise ValueError("cannot parse +49 151 12345678")
    except ValueError:
        structlog.get_logger("t").exception("failed")
    logging.getLogger("some.library").warning("lost %s", "anna@example.com")
    text = lines.getvalue()
    assert "12345678" not in text
    assert "anna@" not in text
    assert [json.loads(line)["event"] for line in text.splitlines()] == ["failed", f"lost {logs.MASK}"]


async def test_a_request_that_is_no_http_leaves_no_trace_of_its_cookie(lines: io.StringIO) -> None:
    async with TestServer(web.Application()) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nCookie: hotline=s3cr3t\x00\r\n\r\n")
        assert b" 400 " in await reader.readline()
        writer.close()
        await writer.wait_closed()
    assert "s3cr3t" not in lines.getvalue()
