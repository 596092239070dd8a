"""Pages and API of people: signing in by a code, sessions that are stolen, confirming, colleagues, the first set-up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from html import unescape

import pyotp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from hotline.clock import utc_now
from hotline.ids import new_id
from hotline.settings import PbxAddress
from hotline.telephony.doctor import examine_pbx
from hotline.telephony.doctor_phone import examine_phone
from hotline.telephony.findings import Finding
from hotline.web.application import create_app
from hotline.web.context import Part
from hotline.web.scene import HouseScene
from hotline.web.sources import DatabaseOutbox, HouseIdentify, nudges
from hotline.web.stream import Hub
from hotline.workflows.calls import pbx_addresses
from hotline.workflows.house import House
from tests.fakes.ami import fake_pbx
from tests.integration.people import PASSWORD, add_user
from tests.integration.web.browser import Browser
from tests.integration.web.conftest import Api

COOKIE = "hotline"


async def test_signing_in_by_a_code_and_what_a_thief_gets_of_it(api: Api) -> None:
    await add_user(api.house, "anna", password=PASSWORD)
    async with Browser(api) as browser, Browser(api) as thief:
        await browser.sign_in("anna")
        first = browser.cookies[COOKIE]
        await browser.get("/two-step?next=/profile/security")
        page = await browser.post("/two-step/begin", {"next": "/profile/security"})
        assert "<svg" in page
        secret = re.search(r'id="secret">([^<]+)<', page)
        assert secret
        totp = pyotp.TOTP(secret[1].replace(" ", ""))
        await browser.post("/two-step", {"code": "000000", "next": "/"}, status=422)
        page = await browser.post("/two-step", {"code": totp.now(), "next": "/profile/security"})
        codes = re.findall(r"<li>([0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4})</li>", page)
        assert len(codes) == 10
        # The session's cookie was changed: the one that was stolen before is nobody's.
        assert browser.cookies[COOKIE] != first
        thief.take({COOKIE: first})
        await thief.get("/profile")
        assert thief.at.startswith("/sign-in")
        # Whoever has the password alone gets no further than the code.
        async with Browser(api) as other:
            await other.sign_in("anna")
            assert other.at == "/sign-in/code?next=/"
            assert set(other.cookies) == {"hotline-code"}
            await other.get("/profile")
            assert other.at.startswith("/sign-in")
            thief.take({COOKIE: other.cookies["hotline-code"]})
            await thief.get("/profile")
            assert thief.at.startswith("/sign-in")
            await other.post("/sign-in/code", {"code": "123456", "next": "/"}, status=401)
            await other.post("/sign-in/code", {"code": codes[0], "next": "/profile/security"})
            assert other.at == "/profile/security"
            assert set(other.cookies) == {COOKIE}


async def test_the_cookies_cannot_be_read_by_scripts_nor_sent_by_other_sites(api: Api) -> None:
    await add_user(api.house, "anna", password=PASSWORD)
    secure = {**api.house.settings.model_dump(), "public_url": "https://hotline.example.com"}
    for settings, name in ((None, "hotline"), (secure, "__Host-hotline")):
        if settings:
            api.house.settings = api.house.settings.model_copy(update={"public_url": settings["public_url"]})
        answer = await api.client.post("/sign-in", data={"login": "anna", "password": PASSWORD}, allow_redirects=False)
        cookie = answer.headers.getall("Set-Cookie")[0]
        assert cookie.startswith(f"{name}=")
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie
        assert ("Secure" in cookie) == (name != "hotline")
        api.client.session.cookie_jar.clear()


async def test_signing_in_again_ends_what_the_browser_had_and_other_sites_start_nothing(api: Api) -> None:
    await add_user(api.house, "anna", password=PASSWORD)
    await add_user(api.house, "ben", password=PASSWORD)
    async with Browser(api) as browser, Browser(api) as thief, Browser(api, {"Sec-Fetch-Site": "cross-site"}) as evil:
        await browser.sign_in("anna")
        thief.take({COOKIE: browser.cookies[COOKIE]})
        await browser.sign_in("ben")
        await thief.get("/profile")
        assert thief.at.startswith("/sign-in")
        # A form of another site: no sign-in (login CSRF), nothing with the person's cookie, nothing without the token.
        await evil.post("/sign-in", {"login": "ben", "password": PASSWORD}, status=403)
        evil.take(browser.cookies)
        await evil.post("/profile/settings", {"csrf": browser.csrf, "theme": "dark"}, status=403)
        await browser.get("/profile")
        browser.csrf = "x" * 32
        await browser.post("/profile/settings", {"theme": "dark"}, status=403)


async def test_a_locked_user_is_told_when_to_try_again(api: Api) -> None:
    await add_user(api.house, "anna", password=PASSWORD)
    for _ in range(api.house.settings.sign_in_attempts):
        async with api.client.post("/sign-in", data={"login": "anna", "password": "wrong"}) as response:
            answer = (response.status, response.headers.get("Retry-After", "0"))
    assert answer[0] == 429
    assert 14 * 60 < int(answer[1]) < 16 * 60


async def test_a_false_encoding_is_refused_and_is_no_defect(api: Api, capfd: pytest.CaptureFixture[str]) -> None:
    packed = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    headers = {"Authorization": f"Bearer {await api.token('administrator')}", **packed}
    async with api.client.post("/api/v1/customers", data=b"this is no gzip", headers=headers) as response:
        assert response.status == 415
    told = capfd.readouterr()
    assert "exception" not in told.err + told.out


async def test_what_takes_the_house_away_asks_again(api: Api) -> None:
    boss = await add_user(api.house, "boss", "administrator", password=PASSWORD)
    anna = await add_user(api.house, "anna", password=PASSWORD)
    now = utc_now()
    api.house.clock = lambda: now
    async with Browser(api) as browser:
        await browser.sign_in("boss")
        assert "Make the token" in await browser.get("/tokens")
        now += timedelta(hours=1)
        assert "Make the token" not in await browser.get("/tokens")
        refused = await browser.ask("POST", "/tokens", {"name": "x"})
        assert (refused.status, (await refused.json())["code"]) == (403, "confirm_needed")
        # Nor by a way round: another administrator, somebody's role or password, an erasure, by page or by API.
        new = {"login": "eve", "name": "Eve", "role": "administrator", "password": PASSWORD}
        changes = {"role": "administrator", "password": PASSWORD}
        erasure = {"confirm": "C10001", "reason": "request"}
        for method, path, body in (
            ("POST", "/users", new),
            ("PATCH", "/users/anna", changes),
            ("POST", f"/customers/{new_id()}/erase", erasure),
            ("POST", f"/grants/{new_id()}/restore", None),
            ("POST", "/users/anna/return", None),
            ("POST", "/users/anna/hand-over", {"hand_over_to": "boss"}),
            ("DELETE", "/roles/reviewer", None),
            ("PUT", "/settings/security", {"password_length": 8}),
            ("POST", "/settings/import", {"settings": {}}),
        ):
            refused = await browser.ask(method, path, body)
            assert (refused.status, (await refused.json())["code"]) == (403, "confirm_needed"), path
        # Who came to another section is not asked.
        assert (await browser.ask("PUT", "/settings/tickets", {})).status == 200
        for path in ("/settings/security", "/settings/file"):
            assert "Confirm that it is you" in await browser.get(path)
        assert "Confirm that it is you" in await browser.post("/settings/security", {"password_length": "8"})
        for path in ("/users/new", f"/users/{anna.user_id}/edit"):
            assert "Confirm that it is you" in await browser.get(path)
            assert "Confirm that it is you" in await browser.post(path, new)
        page = await browser.post(f"/users/{anna.user_id}/password", {"password": "another password"})
        assert "Confirm that it is you" in page
        before = browser.cookies[COOKIE]
        await browser.post("/confirm", {"proof": "wrong", "next": "/tokens"}, status=401)
        assert "Make the token" in await browser.post("/confirm", {"proof": PASSWORD, "next": "/tokens"})
        assert browser.cookies[COOKIE] != before
        made = await browser.ask("POST", "/tokens", {"name": "x", "scopes": ["users.read"]})
        assert made.status == 201
    # A token is its own proof.
    now += timedelta(days=1)
    token = (await made.json())["token"]
    answer = await api.client.get("/api/v1/users/me", headers={"Authorization": f"Bearer {token}"})
    assert (await answer.json())["id"] == str(boss.user_id)


async def test_a_role_that_asks_for_a_second_factor_leads_there_and_nowhere_else(api: Api) -> None:
    await add_user(api.house, "anna", password=PASSWORD)
    await api.house.db.execute("UPDATE role SET require_totp = true WHERE name = 'agent'")
    async with Browser(api) as browser:
        await browser.sign_in("anna")
        assert browser.at == "/two-step"
        for path in ("/tickets", "/profile", "/confirm"):
            await browser.get(path)
            assert browser.at == "/two-step"
        refused = await browser.ask("GET", "/users/me")
        assert (refused.status, (await refused.json())["code"]) == (403, "second_factor_missing")
        page = await browser.post("/two-step/begin", {"next": "/"})
        secret = re.search(r'id="secret">([^<]+)<', page)
        assert secret
        await browser.post("/two-step", {"code": pyotp.TOTP(secret[1].replace(" ", "")).now(), "next": "/"})
        assert (await browser.ask("GET", "/users/me")).status == 200


async def test_sessions_sign_ins_and_leaving_over_the_api(api: Api) -> None:
    await add_user(api.house, "anna", password=PASSWORD)
    async with Browser(api, {"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"}) as browser:
        await browser.sign_in("anna", "not hers", 401)
        await browser.sign_in("anna")
        (session,) = (await api.get("/users/anna/sessions"))["items"]
        assert (session["network"], session["current"], session["second_factor"]) == ("127.0.0.0/24", False, False)
        sign_ins = (await api.get("/users/anna/sign-ins"))["items"]
        assert [each["outcome"] for each in sign_ins] == ["in", "wrong_password"]
        await api.get("/users/anna/sessions", role="agent", status=403)
        page = await browser.get("/profile/security")
        assert "Firefox, Windows" in page
        assert "127.0.0.1" not in page
        assert (await api.ask("DELETE", f"/sessions/{session['id']}", role="agent")).status == 404
        assert (await api.ask("DELETE", f"/sessions/{session['id']}")).status == 204
        await browser.get("/profile")
        assert browser.at.startswith("/sign-in")
    made = await api.post("/customers", {"name": "Wang", "responsible": "anna"})
    gone = await api.post("/users/anna/leave", {"hand_over_to": "administrator"}, status=200)
    assert gone["disabled"]
    assert gone["left_at"]
    assert (await api.get(f"/jobs/{gone['job_id']}"))["total"] == 1
    await api.post("/users/anna/leave", {}, role="supervisor", status=403)
    back = await api.post("/users/anna/return", None, status=200)
    assert not back["disabled"]
    assert (await api.get(f"/customers/{made['id']}"))["responsible"] == "anna"
    figures = await api.get("/users/anna/performance?from=2026-01-01T00:00:00Z&to=2026-01-03T00:00:00Z")
    assert (figures["from"], figures["to"]) == ("2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z")
    assert [day["day"] for day in figures["days"]] == ["2026-01-01", "2026-01-02"]
    assert figures["customers"] == 1
    await api.get("/users/anna/performance", role="agent", status=403)
    assert {each["login"] for each in (await api.get("/performance"))["items"]} >= {"anna", "administrator"}


async def test_a_colleagues_page_shows_as_much_as_one_may_see(api: Api) -> None:
    anna = await add_user(api.house, "anna", password=PASSWORD, title="Second line", email="anna@example.com")
    await add_user(api.house, "ben", password=PASSWORD)
    await add_user(api.house, "boss", "administrator", password=PASSWORD)
    async with Browser(api) as ben, Browser(api) as boss:
        await ben.sign_in("ben")
        page = await ben.get(f"/users/{anna.user_id}")
        assert "Second line" in page
        assert "anna@example.com" in page
        assert "Last sign-ins" not in page
        assert "Talk time" not in page
        await ben.get(f"/users/{anna.user_id}/edit", status=403)
        await boss.sign_in("boss")
        page = await boss.get(f"/users/{anna.user_id}")
        assert "Last sign-ins" in page
        assert "Talk time" in page
        page = await boss.get(f"/users/{anna.user_id}/edit")
        fields = {"name": "Anna", "login": "anna", "role": "agent", "locale": "zh", "hours": "own", "hours_mon": "9-17"}
        await boss.post(f"/users/{anna.user_id}/edit", {**fields, "hours_mon": "noon"}, status=422)
        page = await boss.post(f"/users/{anna.user_id}/edit", {**fields, "hours_mon": "09:00-17:00"})
        assert "Mon 09:00–17:00" in unescape(page)
        for path in ("/users", "/performance", "/performance/me", f"/users/{anna.user_id}/leave", "/profile/settings"):
            await boss.get(path)
        page = await boss.post("/profile/settings", {"theme": "dark", "time_format": "12", "start_page": "/tickets"})
        assert 'data-theme="dark"' in page
        await boss.post("/sign-out")
        await boss.sign_in("boss")
        assert boss.at == "/tickets"


# The first set-up


async def test_steps_are_skipped_and_taken_up_over_the_api(api: Api) -> None:
    before = await api.get("/setup")
    assert [(step["key"], step["state"]) for step in before["items"]] == [
        (key, "open") for key in ("pbx", "agent", "queue", "import")
    ]
    after = await api.post("/setup/import/skip", None, status=200)
    assert (after["items"][3]["state"], after["left"]) == ("skipped", 3)
    assert await api.post("/setup/import/resume", None, status=200) == before
    await api.post("/setup/nothing/skip", None, status=404)
    await api.post("/setup/import/skip", None, role="supervisor", status=403)
    await api.post("/customers", {"name": "Wang"})
    assert (await api.get("/setup"))["items"][3]["state"] == "done"


class Examine:
    """As the composition root wires it."""

    def __init__(self, house: House) -> None:
        self.house = house

    async def pbx(self, address: PbxAddress) -> Sequence[Finding]:
        return [finding async for finding in examine_pbx(self.house.settings, address, [])]

    async def phone(self, address: PbxAddress, interface: str) -> Finding:
        return await examine_phone(self.house.settings, address, interface)


@pytest.fixture
async def desk(house: House) -> Api:
    """The application with what tries PBXs; closed with the house."""

    async def parts() -> list[Part]:
        return []

    hub = Hub(DatabaseOutbox(house.db), nudges(house.bus), HouseScene(house))
    app = create_app(house, hub=hub, identify=HouseIdentify(house), parts=parts, examine=Examine(house))
    return Api(house, hub, TestClient(TestServer(app)))


async def test_the_first_set_up_tries_each_step_and_keeps_what_works(house: House, desk: Api) -> None:
    await add_user(house, "root", "administrator", password=PASSWORD)
    async with desk.client, fake_pbx() as pbx, Browser(desk) as browser:
        page = await browser.sign_in("root")
        assert browser.at == "/setup"
        assert "4 steps are left" in page
        where = {"name": "main", "host": "127.0.0.1", "port": pbx.port, "user": "hotline"}
        page = await browser.post("/setup/pbx", {**where, "secret": "wrong"}, status=422)
        assert "manager.conf" in page
        await browser.post("/setup/pbx", {**where, "secret": "s3cret", "host": "a b"}, status=422)
        assert house.settings.ami_urls == ()
        page = await browser.post("/setup/pbx", {**where, "secret": "s3cret"})
        assert "main is kept" in page
        assert "s3cret" not in page
        # Kept sealed, known to every node, gone with its key.
        dump = str([dict(row) for row in await house.db.fetch("SELECT * FROM stored_pbx")])
        assert "s3cret" not in dump
        (address,) = await pbx_addresses.refresh(house)
        assert (address.name, address.secret.get_secret_value()) == ("main", "s3cret")
        pbx.answers["Getvar"] = lambda _: [[("Response", "Success"), ("Value", "NOT_INUSE")]]
        agent = {"name": "Anna", "login": "anna", "password": PASSWORD, "interface": "PJSIP/agent1"}
        await browser.post("/setup/agent", {**agent, "interface": ""}, status=422)
        page = await browser.post("/setup/agent", agent)
        assert "PJSIP/agent1 is known to main and switched on" in page
        pbx.answers["Getvar"] = lambda _: [[("Response", "Success"), ("Value", "INVALID")]]
        anna = re.search(r'name="agent" value="([^"]+)"', page)
        assert anna
        page = await browser.post("/setup/agent/try", {"agent": anna[1]})
        assert "knows no PJSIP/agent1" in page
        await browser.post("/setup/queue", {"agent": anna[1], "queue": "not; a queue"}, status=422)
        assert "1 step is left" in await browser.get("/profile") or "steps are left" in await browser.get("/profile")
        await browser.post("/setup/import/skip")
        page = await browser.post("/setup/import/resume")
        assert "Take it up" not in page
        await browser.post("/setup/pbx/main/drop")
        assert house.settings.ami_urls == ()
        assert await house.db.fetchval("SELECT count(*) FROM personal_key WHERE destroyed_at IS NOT NULL") == 1
