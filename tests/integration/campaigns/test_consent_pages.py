"""Pages of consents and results: they open for who may, say what is there, and take what is written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from aiohttp import FormData

from hotline.crm.commands.consent.opt_outs import opt_out
from hotline.crm.viewer import SYSTEM
from hotline.web.desktop.campaigns import results
from hotline.web.desktop.consent import consents
from hotline.workflows.house import House
from hotline.workflows.people import users
from tests.integration.campaigns.conftest import MakeCampaign, People
from tests.integration.campaigns.test_consents import agree, held, person
from tests.integration.campaigns.test_results import deliver
from tests.integration.web.conftest import Api


async def page(api: Api, path: str, *, role: str = "administrator", status: int = 200) -> str:
    headers = {"Authorization": f"Bearer {await api.token(role)}", "Accept": "text/html"}
    async with api.client.get(path, headers=headers) as answer:
        text: str = await answer.text()
        assert answer.status == status, (path, answer.status)
        return text


async def send(api: Api, path: str, form: dict[str, str], *, role: str = "administrator") -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {await api.token(role)}", "Accept": "text/html"}
    async with api.client.post(path, data=form, headers=headers) as answer:
        return answer.status, await answer.text()


async def speak(house: House, api: Api, language: str) -> None:
    await api.token("administrator")
    admin = await house.db.fetchval("SELECT id FROM users WHERE login = 'administrator'")
    await users.update_user(house, SYSTEM, admin, {"locale": language})


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_results_and_who_got_it(
    house: House,
    api: Api,
    campaign: MakeCampaign,
    people: People,
    language: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await speak(house, api, language)
    it = await campaign(name="Autumn <b>news</b>")
    await page(api, f"/campaigns/{it.id}/results")
    assert 'class="empty"' in await page(api, f"/campaigns/{it.id}/deliveries")
    some = await people(6)
    at = house.clock() - timedelta(hours=1)
    for place, customer in enumerate(some):
        fields: dict[str, Any] = {"variant": place % 2, "sent_at": at + timedelta(minutes=place)}
        fields |= {"cost_minor": 4, "cost_currency": "USD", "clicked_at": at if place % 2 else None}
        await deliver(house, it.id, [customer], state="delivered", delivered_at=at, **fields)
    extra = await people(3)
    await deliver(house, it.id, extra[:1], state="permanent_failure", error_code="30003", sent_at=None)
    await deliver(house, it.id, extra[1:2], state="unknown", sent_at=None)
    await deliver(house, it.id, extra[2:], state="suppressed", reason="holdout", sent_at=None)
    text = await page(api, f"/campaigns/{it.id}/results?days=3")
    assert "<b>news</b>" not in text
    assert "polyline" in text
    assert {"en": "Too few people to compare A with B", "zh": "人数太少"}[language] in text
    headers = {"Authorization": f"Bearer {await api.token('administrator')}", "HX-Request": "true"}
    async with api.client.get(f"/campaigns/{it.id}/results", headers=headers) as answer:
        assert (await answer.text()).lstrip().startswith('<div id="results"')
    monkeypatch.setattr(results, "PAGE", 4)
    assert 'rel="next"' in await page(api, f"/campaigns/{it.id}/deliveries")
    assert "Person 7" in await page(api, f"/campaigns/{it.id}/deliveries?state=permanent_failure")
    assert "Person 5" in await page(api, f"/campaigns/{it.id}/deliveries?q=Person+5")
    await page(api, f"/campaigns/{it.id}/results", role="agent", status=403)
    # What they got stands on their own page, under its filter too.
    timeline = await page(api, f"/customers/{some[0]}/timeline?kind=push")
    assert f"P{it.number}" in timeline


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_consents_and_who_gets_nothing(house: House, api: Api, language: str) -> None:
    await speak(house, api, language)
    for path in ("/consents", "/consents/suppressions", "/consents/lists"):
        assert 'class="empty"' in await page(api, path)
    anna = await person(house, "Anna", ("email", "anna@example.com"))
    await agree(house, anna)
    assert "Yes, news by mail" in await page(api, "/consents?channel=email&state=granted")
    assert 'class="empty"' in await page(api, "/consents?channel=sms")
    form = {"channel": "email", "address": "bert@example.com", "reason": "agent", "purpose": "marketing"}
    assert (await send(api, "/consents/suppressions", form))[0] == 200
    assert "/lift" in await page(api, "/consents/suppressions?address=bert%40example.com&channel=email")
    assert (await send(api, "/consents/suppressions", {**form, "address": "nobody"}))[0] == 422
    await page(api, "/consents/suppressions?address=nobody&channel=email")
    too_large = FormData()
    too_large.add_field("file", b"x@example.com\n" * (consents.LARGEST // 14 + 1), filename="list.csv")
    too_large.add_field("channel", "email")
    headers = {"Authorization": f"Bearer {await api.token('administrator')}", "Accept": "text/html"}
    async with api.client.post("/consents/lists", data=too_large, headers=headers) as answer:
        assert answer.status == 413
    assert await house.db.fetchval("SELECT count(*) FROM push_file") == 0
    async with house.unit(SYSTEM) as uow:
        await opt_out(uow, "email", house.keyring.contact_index("email", "anna@example.com"), source="link")
    mine = await page(api, f"/customers/{anna}/consents")
    assert "/u/p" in mine
    assert (await send(api, f"/customers/{anna}/consents", {
        "channel": "sms", "purpose": "marketing", "action": "granted", "source": "call", "wording": "", "proof": "",
    }))[0] == 422  # fmt: skip
    said = {"channel": "sms", "purpose": "marketing", "action": "granted", "source": "call", "wording": "Yes, text me"}
    assert (await send(api, f"/customers/{anna}/consents", said))[0] == 200
    assert (await held(house, anna))["sms", "marketing"] == "granted"
    await page(api, f"/customers/{anna}")
    timeline = await page(api, f"/customers/{anna}/timeline?kind=consent")
    assert timeline.count("timeline-icon") == 4
    first = await api.get(f"/customers/{anna}/timeline?limit=2")
    rest = await api.get(f"/customers/{anna}/timeline?limit=10&cursor={first['next']}")
    assert len({UUID(each["id"]) for each in first["items"] + rest["items"]}) == 4
    assert "/u/p" not in await page(api, f"/customers/{anna}/consents", role="reviewer")
