"""``hotline demo`` as a person meets it: it starts, says where and how to sign in, and a call goes the whole way."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from hotline.cli.demo.people import AGENTS, CUSTOMERS
from hotline.simulator.media import wave_of
from tests.commands import start
from tests.integration.served import PATIENCE, environment, run_hotline
from tests.waiting import until


@dataclass
class Demo:
    """A running demo: the lines that it printed, a browser that is signed in, and what its stream told."""

    lines: list[str]
    browser: aiohttp.ClientSession
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return self.lines[0].removeprefix("hotline demo: ")

    @property
    def sign_in(self) -> tuple[str, str]:
        found = re.search(r"sign in as  (\S+)  with password  (\S+)", self.lines[1])
        assert found
        return found[1], found[2]

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        async with self.browser.post(f"{self.address}/demo/{path}", json=dict(body or {})) as response:
            assert response.status in (201, 204), await response.text()
            return await response.json() if response.status == 201 else None

    async def get(self, path: str) -> Any:
        async with self.browser.get(f"{self.address}{path}") as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def call(self, scenario: str, keys: str, line: str = "9500") -> str:
        """A call whose caller types ahead what they press; its key."""
        key: str = (await self.post("calls", {"scenario": scenario, "line": line}))["call"]
        if keys:
            await self.post(f"calls/{key}/keys", {"keys": keys})
        return key

    async def shown(self, key: str) -> dict[str, Any] | None:
        """The call as the page shows it; None when it is over."""
        calls = (await self.get("/demo/state"))["calls"]
        return next((call for call in calls if call["id"] == key), None)

    async def hears(self, key: str, phase: str) -> None:
        """Waits until the caller hears a prompt, is listened to, or is recorded."""

        async def fact() -> bool:
            call = await self.shown(key)
            return call is not None and call["line"]["phase"] == phase

        await until(fact)

    @asynccontextmanager
    async def person(self, login: str) -> AsyncIterator[Demo]:
        """Somebody else in a browser of their own."""
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
            form = {"login": login, "password": self.sign_in[1], "next": "/"}
            async with browser.post(f"{self.address}/sign-in", data=form) as response:
                assert response.status == 200
            yield Demo(self.lines, browser)

    async def listen(self) -> None:
        kind = ""
        async with self.browser.get(f"{self.address}/api/v1/events") as response:
            async for line in response.content:
                if line.startswith(b"event: "):
                    kind = line[7:].decode().strip()
                elif line.startswith(b"data: "):
                    self.events.append((kind, json.loads(line[6:])))

    def told(self, kind: str) -> list[dict[str, Any]]:
        return [data for name, data in self.events if name == kind]

    async def pop(self, *known: dict[str, Any]) -> dict[str, Any]:
        """The first pop of another call than these; a phone that nobody takes rings again."""
        ids = {each["call_id"] for each in known}

        def new() -> list[dict[str, Any]]:
            return [each for each in self.told("call.offered") if each["call_id"] not in ids]

        await until(new)
        return new()[0]


@asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[Demo]:
    """``hotline demo`` while the context is open, with somebody signed in and listening."""
    settings = {"HOTLINE_DATA_DIR": str(folder / "hotline"), "HOTLINE_HTTP_BIND": "127.0.0.1:0"}
    process = await start("demo", environ=environment(settings), place=folder)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=PATIENCE)
    jar = aiohttp.CookieJar(unsafe=True)  # cookies of an address that is a number
    try:
        async with asyncio.timeout(2 * PATIENCE):
            lines = [(await process.stdout.readline()).decode().rstrip() for _ in range(5)]
        async with aiohttp.ClientSession(cookie_jar=jar, timeout=timeout) as browser:
            shown = Demo(lines, browser)
            login, password = shown.sign_in
            form = {"login": login, "password": password, "next": "/"}
            async with browser.post(f"{shown.address}/sign-in", data=form, allow_redirects=False) as response:
                assert response.status == 303
            listening = asyncio.create_task(shown.listen())
            await until(lambda: shown.told("snapshot"))
            yield shown
            listening.cancel()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == 0
    finally:
        process.kill()
        await process.wait()


@pytest.mark.timeout(300)
async def test_a_call_goes_the_whole_way_and_a_second_start_finds_it(server_folder: Path) -> None:
    async with demo(server_folder) as shown:
        assert shown.lines[3].strip() == f"call the hotline at {shown.address}/demo"
        phone = shown.sign_in[0]
        extension = next(agent.extension for agent in AGENTS if agent.login == phone)

        # The number that two customers share: a choice, never a guess.
        key = await shown.call("shared", "22")
        offered = await shown.pop()
        assert offered["agent"] == phone
        assert offered["caller"]["number"] == "+8613800006620"
        assert {customer["name"] for customer in offered["customers"]} == {"王秀英", "李国强"}
        assert offered["customer_id"] is None
        assert any(customer["interactions"] for customer in offered["customers"])
        # What the caller chose in the menu is on the ticket before anybody says hello.
        assert (offered["ivr"]["language"], offered["ivr"]["kind"]) == ("zh", "complaint")
        assert (offered["ticket"]["kind"], offered["ticket"]["provisional"]) == ("complaint", True)

        # Declined here, answered by a colleague: the pop is taken back.
        await shown.post(f"phones/{extension}/{key}/decline")
        await until(lambda: shown.told("call.retracted"))
        await shown.post(f"phones/1001/{key}/answer")
        await shown.post(f"calls/{key}/hang-up")

        # A known customer, answered here; it ends up in the customer's timeline.
        key = await shown.call("gold", "11")
        second = await shown.pop(offered)
        customer = second["customers"][0]
        assert (customer["name"], customer["tier"]["key"]) == ("John Miller", "gold")
        await shown.post(f"phones/{extension}/{key}/answer")
        await until(lambda: [e for e in shown.told("call.answered") if e["call_id"] == second["call_id"]])
        await shown.post(f"calls/{key}/hang-up")
        await until(lambda: [e for e in shown.told("call.ended") if e["call_id"] == second["call_id"]])
        newest = (await shown.get(f"/api/v1/calls?customer_id={customer['id']}&limit=1"))["items"][0]
        assert (newest["state"], newest["disposition"], newest["agent"]) == ("ended", "answered", phone)
        assert newest["end_seen"]
        calls = (await shown.get(f"/api/v1/calls?customer_id={customer['id']}&limit=50"))["items"]
        past = next(person.calls for person in CUSTOMERS if person.name == "John Miller")
        assert len(calls) == 1 + sum(call.agent == phone for call in past)  # an agent sees their own calls

        # Withheld: never a number, never a customer.
        key = await shown.call("withheld", "1#1")
        hidden = await shown.pop(offered, second)
        assert (hidden["caller"]["number"], hidden["caller"]["withheld"], hidden["customers"]) == (None, True, [])
        await shown.post(f"calls/{key}/hang-up")

        log = (await shown.get("/demo/state"))["log"]
        assert {"arrives", "asks", "ticket", "rings", "pop", "answered", "ended"} <= {line["what"] for line in log}

    async with demo(server_folder) as again:
        assert again.sign_in == shown.sign_in
        assert len((await again.get(f"/api/v1/calls?customer_id={customer['id']}&limit=50"))["items"]) == len(calls)
        async with again.person("admin") as admin:
            await _leaves_a_message(again, admin)
            await _leaves_the_menu(again, admin)
        await _a_campaign_takes_two(again)


async def _leaves_a_message(shown: Demo, admin: Demo) -> None:
    # The second number: a voicemail by the real upload, at the ticket, to be heard.
    key = await shown.call("silver", "20", line="9501")  # the second key stops the prompts
    await shown.hears(key, "recording")
    address = f"{shown.address}/demo/calls/{key}/voice"
    sound = wave_of(bytes(32_000))
    async with shown.browser.post(address, data=sound, headers={"Content-Type": "audio/wav"}) as response:
        assert response.status == 204
    await shown.post(f"calls/{key}/keys", {"keys": "#"})
    recordings: list[dict[str, Any]] = []

    async def stored() -> bool:
        call = (await admin.get("/api/v1/calls?limit=1"))["items"][0]
        recordings[:] = (await admin.get(f"/api/v1/recordings?call_id={call['id']}"))["items"]
        return bool(recordings)

    await until(stored)
    assert (recordings[0]["kind"], recordings[0]["seconds"]) == ("voicemail", 2.0)
    async with admin.browser.get(f"{admin.address}{recordings[0]['audio']}") as response:
        assert (response.status, await response.read()) == (200, sound)
    await until(lambda: _over(shown, key))

    async def newest() -> dict[str, Any]:
        found: dict[str, Any] = (await admin.get("/api/v1/tickets?sort=newest&limit=1"))["items"][0]
        return found

    async def noted() -> bool:
        return bool((await newest())["calls"][0]["disposition"])

    await until(noted)
    ticket = await newest()
    assert (ticket["customer"]["name"], ticket["calls"][0]["disposition"]) == ("陈静", "voicemail")
    assert ticket["callback_due"]


async def _leaves_the_menu(shown: Demo, admin: Demo) -> None:
    # Gone in the middle of the menu.
    key = await shown.call("unknown", "1")
    await until(lambda: _asked(shown, key))
    await shown.post(f"calls/{key}/hang-up")
    await until(lambda: _over(shown, key))

    async def ended() -> dict[str, Any] | None:
        call: dict[str, Any] = (await admin.get("/api/v1/calls?limit=1"))["items"][0]
        return (
            call
            if call["state"] == "ended"
            and (call["ivr"] or {}).get("outcome") == "left"
            and call["caller"]["number"].endswith("0142")
            else None
        )

    await until(ended)
    call = await ended()
    assert call
    assert (call["disposition"], call["ivr"]["outcome"]) == ("abandoned", "left")
    assert call["ivr"]["path"] == ["language:1"]


async def _a_campaign_takes_two(shown: Demo) -> None:
    """There is somebody to write one, somebody else to review it, and customers who agreed to get it."""

    async def asks(person: Demo, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        async with person.browser.get(f"{shown.address}/") as response:
            csrf = re.search(r'name="csrf" content="([^"]+)"', await response.text())
        assert csrf
        headers = {"X-CSRF-Token": csrf[1]}
        address = f"{shown.address}/api/v1/{path}"
        async with person.browser.post(address, json=dict(body), headers=headers) as response:
            assert response.status in (200, 201), await response.text()
            answer: dict[str, Any] = await response.json()
            return answer

    async with shown.person("mia.ward") as marketer, shown.person("he.ran") as reviewer:
        segment = await asks(marketer, "segments", {"name": "Everybody", "rules": {}})
        text = "Hello {{ name }}, faster lines from May. Reply STOP to end."
        campaign = await asks(
            marketer,
            "campaigns",
            {
                "name": "Spring", "channel": "sms", "sender": "+12025550100", "segment_id": segment["id"],
                "variants": [{"locale": "en", "body": text}],
            },
        )  # fmt: skip
        submitted = await asks(marketer, f"campaigns/{campaign['id']}/submit", {})
        agreed = {person.number for person in CUSTOMERS if person.agreed}
        assert submitted["manifest"]["recipients"] == len(agreed)  # of two who share a number, one
        approved = await asks(reviewer, f"campaigns/{campaign['id']}/approve", {})
        assert approved["state"] == "approved"


async def _over(shown: Demo, key: str) -> bool:
    return await shown.shown(key) is None


async def _asked(shown: Demo, key: str) -> bool:
    """Whether the caller heard the second question."""
    call = await shown.shown(key)
    heard = call["line"]["heard"] if call else []
    return any("complaint" in line["what"] for line in heard)


@pytest.mark.timeout(300)
async def test_a_transfer_takes_the_customer_along(server_folder: Path) -> None:
    async with demo(server_folder) as shown:
        name, extension = next((one.name, one.extension) for one in AGENTS if one.login == shown.sign_in[0])
        first = (await shown.get("/demo/state"))["phones"][0]
        assert first["name"] != name
        key = await shown.call("gold", "13")
        await until(lambda: shown.told("call.offered"))
        await shown.post(f"phones/{first['extension']}/{key}/answer")
        await until(lambda: shown.told("call.retracted"))
        page = await shown.get("/demo/state")
        assert [call["state"] for call in page["phones"][0]["calls"]] == ["talking"]

        # The colleague's desk passes the call on to us, by a command to the PBX over AMI.
        login = next(agent.login for agent in AGENTS if agent.name == first["name"])
        call_id = shown.told("call.offered")[0]["call_id"]
        other = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        async with other:
            form = {"login": login, "password": shown.sign_in[1], "next": "/"}
            await other.post(f"{shown.address}/sign-in", data=form)
            async with other.get(f"{shown.address}/") as response:
                csrf = re.search(r'name="csrf" content="([^"]+)"', await response.text())
            assert csrf
            body = {"action": "blind_transfer", "call_id": call_id, "to": extension}
            headers = {"X-CSRF-Token": csrf[1]}
            async with other.post(f"{shown.address}/api/v1/commands", json=body, headers=headers) as response:
                assert response.status == 202, await response.text()
        await until(lambda: len(shown.told("call.offered")) >= 2)
        passed_on = shown.told("call.offered")[1]
        assert (passed_on["call_id"], passed_on["customers"][0]["name"]) == (call_id, "John Miller")
        await shown.post(f"phones/{extension}/{key}/answer")
        await until(lambda: shown.told("call.answered"))
        await shown.post(f"calls/{key}/hang-up")
        await until(lambda: shown.told("call.ended"))
        call = await shown.get(f"/api/v1/calls/{call_id}")
        assert (call["agent"], [move["kind"] for move in call["transfers"]]) == (shown.sign_in[0], ["blind"])
        await _by_twilio(shown)


async def _by_twilio(shown: Demo) -> None:
    """An SMS is answered with its ticket's number; a caller goes through the flow to the telephone of an agent."""

    async def at_twilio() -> dict[str, Any]:
        found: dict[str, Any] = (await shown.get("/demo/state"))["twilio"]
        return found

    number = "+442079460158"
    await shown.post("twilio/messages", {"number": number, "channel": "sms", "text": "My bill is wrong again."})

    async def is_answered() -> bool:
        told = [each["text"] for each in (await at_twilio())["messages"] if not each["mine"]]
        return any(re.search(r"T\d{5}", text) for text in told)

    await until(is_answered)
    sid = (await shown.post("twilio/calls", {"number": number}))["call"]
    for heard, key in (("For English", "1"), ("Complaint", "2")):

        async def is_asked(words: str = heard) -> bool:
            calls = (await at_twilio())["calls"]
            return any(call["doing"] == "gather" and words in str(call["heard"]) for call in calls)

        await until(is_asked)
        await shown.post(f"twilio/calls/{sid}/keys", {"keys": key})

    async def rings() -> str:
        phones = (await at_twilio())["phones"]
        return next((phone["id"] for phone in phones if phone["address"] == shown.sign_in[0]), "")

    await until(rings)
    await shown.post(f"twilio/calls/{await rings()}/answer")
    await until(lambda: any(call["pbx"] == "twilio" for call in shown.told("call.answered")))
    offered = next(call for call in shown.told("call.offered") if call["pbx"] == "twilio")
    assert [customer["name"] for customer in offered["customers"]] == ["John Miller"]
    assert offered["ticket"]["kind"] == "complaint"
    await shown.post(f"twilio/calls/{sid}/hang-up")
    await until(lambda: any(call["pbx"] == "twilio" for call in shown.told("call.ended")))


async def test_a_real_asterisk_needs_its_address(server_folder: Path) -> None:
    code, _, errors = await run_hotline("demo", "--asterisk", settings={"HOTLINE_DATA_DIR": str(server_folder)})
    assert code == 2
    assert errors.strip().splitlines() == [
        "hotline: HOTLINE_AMI_URLS: hotline demo --asterisk needs the address of your Asterisk (docs/runbook.md)"
    ]
