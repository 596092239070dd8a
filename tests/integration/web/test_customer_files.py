"""Files of customers over the API: sealed on the disk, told by their content, never run in a browser, and bad ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse

from hotline.crm import company
from hotline.crm.viewer import SYSTEM
from hotline.workflows.company import company as settings_of
from hotline.workflows.customers.customer_files import folder, keep_files
from tests.integration.web.conftest import Api

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
SECRET = b"the planted words of a contract " * 4_000


async def send(api: Api, customer: str, name: str, body: Any, role: str = "administrator") -> ClientResponse:
    headers = {"Authorization": f"Bearer {await api.token(role)}", "Content-Type": "image/png"}
    path = f"/api/v1/customers/{customer}/files"
    response: ClientResponse = await api.client.post(path, params={"name": name}, data=body, headers=headers)
    return response


async def content(api: Api, customer: str, file: str, role: str = "administrator") -> ClientResponse:
    return await api.ask("GET", f"/customers/{customer}/files/{file}/content", role=role)


def stored(api: Api) -> list[Path]:
    return [path for path in folder(api.house).rglob("*") if path.is_file()]


@pytest.fixture
async def customer(api: Api) -> str:
    return str((await api.post("/customers", {"name": "Wang Xiuying"}))["id"])


async def test_a_file_is_kept_sealed_and_comes_back_whole(api: Api, customer: str) -> None:
    response = await send(api, customer, "contract.txt", SECRET)
    assert response.status == 201, await response.text()
    file = await response.json()
    assert (file["name"], file["media_type"], file["bytes"]) == ("contract.txt", "text/plain", len(SECRET))
    (path,) = stored(api)
    assert b"planted" not in path.read_bytes()
    assert "contract" not in path.name
    back = await content(api, customer, file["id"])
    assert await back.read() == SECRET
    listed = await api.get(f"/customers/{customer}/files", role="agent")
    assert [each["id"] for each in listed["items"]] == [file["id"]]
    lines = await api.get(f"/customers/{customer}/timeline")
    assert [line["file"]["name"] for line in lines["items"]] == ["contract.txt"]
    audited = await api.house.db.fetch(
        "SELECT action, data FROM audit_entry WHERE action LIKE 'customer_file:%' ORDER BY at, id"
    )
    assert [row["action"] for row in audited] == ["customer_file:added", "customer_file:downloaded"]
    assert "contract" not in str([dict(row) for row in audited])


@pytest.mark.parametrize(
    ("name", "body", "type", "served"),
    [
        ("photo.png", PNG, "image/png", "image/png"),
        ("photo.png", b"<html><script>alert(1)</script>", "text/html", "application/octet-stream"),
        ("photo.png", b" \n<!DOCTYPE html><p>x", "text/html", "application/octet-stream"),
        ("drawing.svg", b'<svg onload="alert(1)">', "image/svg+xml", "application/octet-stream"),
        ("a.xml", b"<?xml version='1.0'?><svg/>", "image/svg+xml", "application/octet-stream"),
        ("notes.txt", "你好".encode(), "text/plain", "text/plain"),
        ("scan.pdf", b"%PDF-1.7\n%\xe2\xe3", "application/pdf", "application/pdf"),
        ("bytes", b"\x01\x02\x00\x03", "application/octet-stream", "application/octet-stream"),
    ],
)
async def test_what_a_file_is_its_content_says(
    api: Api, customer: str, name: str, body: bytes, type: str, served: str
) -> None:
    file = await (await send(api, customer, name, body)).json()
    assert file["media_type"] == type
    assert file["suspicious"] is (name == "photo.png" and type != "image/png")
    back = await content(api, customer, file["id"])
    assert back.headers["Content-Type"].split(";")[0] == served
    assert back.headers["Content-Disposition"].startswith("attachment;")
    assert back.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in back.headers["Content-Security-Policy"]
    assert "default-src 'none'" in back.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"), ("..\\..\\windows\\win.ini", "win.ini"), ("/etc/shadow", "shadow"),
        ('a";\r\nX-Evil: 1;.txt', "a__ X-Evil_ 1_.txt"), ("x" * 400 + ".pdf", "x" * 196 + ".pdf"),
        ("txt.\u202egpj.exe.txt", "txt.gpj.exe.txt"), ("王秀英.txt", "王秀英.txt"),
    ],
)  # fmt: skip
async def test_a_name_is_only_a_name(api: Api, customer: str, name: str, kept: str) -> None:
    file = await (await send(api, customer, name, b"text")).json()
    assert file["name"] == kept
    back = await content(api, customer, file["id"])
    assert "X-Evil" not in back.headers
    assert await back.read() == b"text"
    assert all(path.is_relative_to(folder(api.house)) and path.suffix == ".hls" for path in stored(api))


@pytest.mark.parametrize("name", ["", "..", "/", "///", ". .", "\u202e"])
async def test_no_name_is_refused(api: Api, customer: str, name: str) -> None:
    assert (await send(api, customer, name, b"text")).status == 422
    assert stored(api) == []


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("setup.exe", b"text"),
        ("photo.png", b"MZ\x90\x00"),
        ("run", b"\x7fELF\x02"),
        ("a.JS", b"x"),
        ("a", b"#!/bin/sh"),
    ],
)
async def test_programs_are_refused_by_name_and_by_content(api: Api, customer: str, name: str, body: bytes) -> None:
    assert (await send(api, customer, name, body)).status == 415
    assert stored(api) == []
    await settings_of.put(api.house, SYSTEM, company.Files(refuse_programs=False), 0)
    assert (await send(api, customer, name, body)).status == 201


async def test_too_large_empty_and_broken_ones_leave_nothing(api: Api, customer: str) -> None:
    await settings_of.put(api.house, SYSTEM, company.Files(largest_mb=1, most_per_customer=1), 0)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(80):
            yield bytes(1 << 16)

    assert (await send(api, customer, "big", BytesIO(bytes((1 << 20) + 1)))).status == 413
    assert (await send(api, customer, "big", endless())).status == 413
    assert (await send(api, customer, "none", b"")).status == 422
    assert stored(api) == []
    assert (await send(api, customer, "one", b"1")).status == 201
    assert (await send(api, customer, "two", b"2")).status == 422


async def test_who_may_not_see_or_write_gets_nothing(api: Api, customer: str) -> None:
    file = (await (await send(api, customer, "a.txt", b"text")).json())["id"]
    other = (await api.post("/customers", {"name": "Other"}))["id"]
    assert (await content(api, other, file)).status == 404, "another customer's file by its id"
    assert (await send(api, customer, "a.txt", b"text", role="reviewer")).status == 403
    assert (await api.ask("DELETE", f"/customers/{customer}/files/{file}", role="reviewer")).status == 403
    for path in (f"/customers/{customer}/files/..%2f..%2fetc", f"/customers/{customer}/files/{customer}/content"):
        assert (await api.ask("GET", path)).status == 404
    response = await api.client.get(f"/api/v1/customers/{customer}/files/{file}/content")
    assert response.status == 401


async def test_what_is_taken_away_can_be_given_back_for_a_day(api: Api, customer: str) -> None:
    file = (await (await send(api, customer, "a.txt", b"text")).json())["id"]
    assert (await api.ask("DELETE", f"/customers/{customer}/files/{file}")).status == 204
    assert (await content(api, customer, file)).status == 404
    assert await keep_files(api.house) == 0
    assert (await api.post(f"/customers/{customer}/files/{file}/restore", {}, status=200))["name"] == "a.txt"
    await api.ask("DELETE", f"/customers/{customer}/files/{file}")
    now = api.house.clock()
    api.house.clock = lambda: now + timedelta(days=1, minutes=1)
    assert await keep_files(api.house) == 1
    assert stored(api) == []
    assert await api.house.db.fetchval("SELECT count(*) FROM customer_file") == 0
    destroyed = "SELECT count(*) FROM personal_key WHERE destroyed_at IS NOT NULL AND wrapped IS NULL"
    assert await api.house.db.fetchval(destroyed) == 1


async def test_a_changed_file_is_told_of(api: Api, customer: str) -> None:
    file = (await (await send(api, customer, "a.txt", SECRET)).json())["id"]
    (path,) = stored(api)
    data = bytearray(path.read_bytes())
    data[200] ^= 1
    path.write_bytes(bytes(data))
    assert (await content(api, customer, file)).status == 410
