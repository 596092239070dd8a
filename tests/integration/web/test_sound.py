"""Prompts and recordings over HTTP: what a PBX fetches and sends, what a browser plays part by part."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from aiohttp import FormData

from hotline.crm.viewer import SYSTEM
from hotline.ivr.effects import Prompt
from hotline.web import sound as sound_routes
from hotline.workflows.calls import recordings
from hotline.workflows.ivr import prompt_recordings, prompts
from tests.integration.web.conftest import Api
from tests.unit.media.waves import silence, tone, wav

VOICE = wav(tone(440, 20, 8000), 8000)  # 320 kB: five pieces
PROMPT = Prompt("main.welcome", {"en": "Welcome.", "zh": "您好。"}, "en")


def upload(api: Api, kind: str = "voicemail") -> str:
    issued = recordings.issue(api.house, "main", "1795315390.7", kind)  # type: ignore[arg-type]
    return "/recordings/" + issued.url.rpartition("/")[2]


async def stored(api: Api) -> str:
    """The path of a recording's sound."""
    async with api.client.put(upload(api), data=VOICE) as response:
        assert response.status == 201
    (item,) = (await api.get("/recordings"))["items"]
    return str(item["audio"]).removeprefix("/api/v1")


async def actions(api: Api) -> list[str]:
    rows = await api.house.db.fetch("SELECT action FROM audit_entry WHERE action LIKE 'recording:%' ORDER BY id")
    return [row["action"] for row in rows]


# Recordings come in


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_pbx_sends_a_recording(api: Api, method: str) -> None:
    once = upload(api)
    for status in (201, 200):
        async with api.client.request(method, once, data=VOICE, headers={"Content-Type": "audio/wav"}) as response:
            assert response.status == status
    (item,) = (await api.get("/recordings"))["items"]
    assert (item["kind"], item["bytes"], item["state"]) == ("voicemail", len(VOICE), "stored")


@pytest.mark.parametrize(
    ("data", "headers", "status"),
    [
        (b"no sound" * 1000, {}, 422),
        (VOICE, {"Content-Encoding": "gzip"}, 415),
        (VOICE, {"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_what_is_refused_says_why(api: Api, data: bytes, headers: dict[str, str], status: int) -> None:
    async with api.client.put(upload(api), data=data, headers=headers) as response:
        assert (response.status, response.content_type) == (status, "application/problem+json")
    assert (await api.get("/recordings"))["items"] == []


async def test_a_forged_address_is_refused_before_the_body_is_read(api: Api) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(10_000):
            sent += 100_000
            yield bytes(100_000)
            await asyncio.sleep(0)

    async with api.client.put(upload(api) + "x", data=body()) as response:
        assert response.status == 403
    assert sent < 100_000_000


async def test_a_sender_who_asks_first_is_refused_without_sending(api: Api) -> None:
    host, port = api.client.host, api.client.port
    reader, writer = await asyncio.open_connection(host, port)
    head = f"PUT {upload(api)} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {10 << 30}\r\nExpect: 100-continue\r\n\r\n"
    writer.write(head.encode())
    assert (await reader.readline()).split()[1] == b"413"
    writer.close()
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(head.replace(str(10 << 30), str(len(VOICE))).encode())
    assert (await reader.readline()).split()[1] == b"100"
    assert await reader.readline() == b"\r\n"
    writer.write(VOICE)
    assert (await reader.readline()).split()[1] == b"201"
    writer.close()


# Recordings are heard


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-", 0, len(VOICE)),
        ("bytes=0-0", 0, 1),
        ("bytes=65535-65537", 65535, 65538),
        ("bytes=100000-200000", 100_000, 200_001),
        ("bytes=-500", len(VOICE) - 500, len(VOICE)),
        ("bytes=300000-999999999", 300_000, len(VOICE)),
        ("bytes=-99999999", 0, len(VOICE)),
    ],
)
async def test_any_part_is_played(api: Api, asked: str, start: int, stop: int) -> None:
    response = await api.ask("GET", await stored(api), headers={"Range": asked})
    assert response.status == 206
    assert response.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(VOICE)}"
    assert response.headers["Content-Length"] == str(stop - start)
    assert await response.read() == VOICE[start:stop]


@pytest.mark.parametrize("asked", [None, "bytes=0-1,5-6", "lines=1-2", "bytes=9-3", "bytes=x-y"])
async def test_what_is_no_single_part_is_the_whole(api: Api, asked: str | None) -> None:
    response = await api.ask("GET", await stored(api), headers={"Range": asked} if asked else {})
    assert (response.status, response.content_type) == (200, "audio/wav")
    assert response.headers["Accept-Ranges"] == "bytes"
    assert "no-store" in response.headers["Cache-Control"]
    assert await response.read() == VOICE


@pytest.mark.parametrize("asked", [f"bytes={len(VOICE)}-", "bytes=999999999-", "bytes=-0"])
async def test_a_part_behind_the_end_is_not_there(api: Api, asked: str) -> None:
    response = await api.ask("GET", await stored(api), headers={"Range": asked})
    assert (response.status, response.headers["Content-Range"]) == (416, f"bytes */{len(VOICE)}")


async def test_hearing_is_noted_once_and_a_download_each_time(api: Api) -> None:
    path = await stored(api)
    for asked in ("bytes=0-", "bytes=65536-", "bytes=131072-140000"):
        await (await api.ask("GET", path, headers={"Range": asked})).read()
    for _ in range(2):
        response = await api.ask("GET", f"{path}?download=true", role="supervisor")
        assert response.headers["Content-Disposition"].startswith('attachment; filename="voicemail-')
        await response.read()
    assert await actions(api) == [
        "recording:stored", "recording:heard", "recording:downloaded", "recording:downloaded",
    ]  # fmt: skip


async def test_who_may_not_hear_does_not_learn_that_it_is_there(api: Api) -> None:
    path = await stored(api)
    assert (await api.ask("GET", path, role="agent")).status == 404  # of no call of theirs
    assert (await api.ask("GET", path, role="marketer")).status == 403
    assert (await api.ask("GET", f"{path}?download=true", role="agent")).status == 403
    assert (await api.ask("DELETE", path.removesuffix("/audio"), role="supervisor")).status == 403
    async with api.client.get(f"/api/v1{path}") as response:
        assert response.status == 401
    assert (await api.get("/recordings", role="agent"))["items"] == []


async def test_a_deleted_recording_is_gone_but_known(api: Api) -> None:
    path = (await stored(api)).removesuffix("/audio")
    assert (await api.ask("DELETE", path)).status == 204
    assert (await api.ask("GET", f"{path}/audio")).status == 404
    assert (await api.ask("DELETE", path)).status == 404
    assert (await api.get("/recordings"))["items"] == []
    (item,) = (await api.get("/recordings?deleted=true"))["items"]
    assert (item["state"], item["deleted_why"]) == ("deleted", "hand")


async def test_a_damaged_file_is_told_and_not_cut(api: Api) -> None:
    path = await stored(api)
    (file,) = recordings.folder(api.house).rglob("*.hlr")
    data = bytearray(file.read_bytes())
    data[100] ^= 1
    file.write_bytes(data)
    assert (await api.ask("GET", path)).status == 410
    file.unlink()
    assert (await api.ask("GET", path)).status == 410


async def test_recordings_come_in_pages(api: Api) -> None:
    for _ in range(3):
        async with api.client.put(upload(api), data=VOICE) as response:
            assert response.status == 201
    first = await api.get("/recordings?limit=2")
    second = await api.get(f"/recordings?limit=2&cursor={first['next']}")
    ids = [UUID(item["id"]) for item in first["items"] + second["items"]]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == 3
    assert second["next"] is None


# Prompts


async def test_a_prompt_has_an_address_for_good(api: Api) -> None:
    data = wav(tone(440, 1, 16000), 16000)
    prompts.warm(api.house, [PROMPT])
    await prompt_recordings.record_prompt(api.house, SYSTEM, "main.welcome", "en", data)
    spoken = prompts.locate(api.house, PROMPT)
    assert spoken.url is not None
    for rate, suffix in ((8000, ".wav"), (16000, ".wav16")):
        path = "/prompts/" + spoken.url.rpartition("/")[2].removesuffix(".wav") + suffix
        async with api.client.get(path) as response:
            assert (response.status, response.content_type) == (200, "audio/wav")
            assert response.headers["Cache-Control"] == sound_routes.FOR_GOOD
            assert int.from_bytes((await response.read())[24:28], "little") == rate
        async with api.client.head(path) as response:
            assert response.status == 200


@pytest.mark.parametrize(
    "name",
    ["0" * 32 + ".wav", "0" * 32 + ".mp3", "x.wav", "..%2fsecret.key", "%2e%2e/secret.key", "0" * 32, "a" * 5000],
)
async def test_what_is_no_prompt_is_not_there(api: Api, name: str) -> None:
    async with api.client.get(f"/prompts/{name}") as response:
        assert response.status in (404, 400)


async def test_a_recording_takes_the_place_of_the_voice_and_gives_it_back(api: Api) -> None:
    prompts.warm(api.house, [PROMPT])
    place = "/prompts/main.welcome/en/recording"
    sound = wav(tone(440, 3, 44100), 44100)
    response = await _put(api, place, sound)
    assert response == 204
    (item,) = (await api.get("/prompts", role="supervisor"))["items"]
    english = item["states"][0]
    assert (english["state"], english["recording"]["user"]) == ("recorded", "administrator")
    assert english["seconds"] == pytest.approx(3, abs=0.1)
    assert await _put(api, place, sound, role="supervisor") == 403
    assert (await api.ask("DELETE", place)).status == 204
    assert (await api.ask("DELETE", place)).status == 404
    (item,) = (await api.get("/prompts"))["items"]
    assert item["states"][0]["recording"] is None


@pytest.mark.parametrize(
    ("place", "data", "status", "why"),
    [
        ("main.welcome/en", b"<html>" * 100, 422, "not a sound file"),
        ("main.welcome/en", wav(silence(2, 8000), 8000), 422, "only silence"),
        ("main.welcome/en", b"", 422, "not a sound file"),
        ("main.nothing/en", VOICE, 422, "no flow has this prompt"),
        ("main.welcome/fr", VOICE, 422, "no flow has this prompt"),
        ("..%2F..%2Fetc/en", VOICE, 422, "no flow has this prompt"),
    ],
)
async def test_a_recording_that_cannot_be_used_is_refused(
    api: Api, place: str, data: bytes, status: int, why: str
) -> None:
    prompts.warm(api.house, [PROMPT])
    headers = {"Authorization": f"Bearer {await api.token('administrator')}"}
    async with api.client.put(f"/api/v1/prompts/{place}/recording", data=data, headers=headers) as response:
        assert response.status == status
        assert why in await response.text()


async def test_a_session_brings_a_recording_only_with_its_token(api: Api) -> None:
    form = FormData({"file": "x"})
    async with api.client.put("/api/v1/prompts/main.welcome/en/recording", data=form) as response:
        assert response.status == 401


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs sudo make rig: espeak-ng")
async def test_what_the_page_of_a_prompt_plays_is_what_callers_hear(api: Api, tmp_path: Path) -> None:
    (spoken,) = await prompts.speak(api.house, [PROMPT], patience=20)
    assert spoken.url is not None
    prompts.warm(api.house, [PROMPT])
    (item,) = (await api.get("/prompts"))["items"]
    assert item["states"][0]["url"] == "/prompts/" + spoken.url.rpartition("/")[2]
    assert item["states"][0]["state"] == "spoken"


async def _put(api: Api, place: str, data: bytes, role: str = "administrator") -> int:
    headers = {"Authorization": f"Bearer {await api.token(role)}"}
    async with api.client.put(f"/api/v1{place}", data=data, headers=headers) as response:
        return response.status
