"""The page behind the links in messages: who may change what by which request."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from hotline.campaigns import tokens
from hotline.crm import company as sections
from hotline.crm.commands.consent.suppressions import reasons_of
from hotline.crm.viewer import SYSTEM
from hotline.ids import new_id
from hotline.workflows.campaigns import links
from hotline.workflows.company.company import put
from hotline.workflows.customers.customers import create_customer
from hotline.workflows.house import House
from tests.integration.campaigns.test_consents import agree, held
from tests.integration.web.conftest import Api, api  # noqa: F401 - a fixture

ANNA = "anna@example.com"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


async def mailed(house: House, locale: str = "en") -> tuple[UUID, UUID, str]:
    """A customer who got a mail of a campaign: (their id, the delivery's, the path of its link)."""
    data: Any = {
        "name": "Anna", "locale": locale,
        "contact_points": [{"kind": "email", "value": ANNA}, {"kind": "phone", "value": "+14155550101"}],
    }  # fmt: skip
    anna, delivery, at = (await create_customer(house, SYSTEM, data)).id, new_id(), house.clock()
    await agree(house, anna)
    await house.db.execute(
        """INSERT INTO delivery (id, campaign_id, manifest_id, customer_id, contact_point_id, channel, state, due_at,
               sent_at)
           SELECT $1, $1, $1, $2, p.id, 'email', 'sent', $3, $3 FROM contact_point p
           WHERE p.customer_id = $2 AND p.kind = 'email'""",
        *(delivery, anna, at - timedelta(hours=1)),
    )
    return anna, delivery, links.unsubscribe_url(house, delivery).removeprefix(house.settings.base_url)


async def everything(house: House) -> list[Any]:
    """All that a click could change."""
    tables = ("consent", "consent_record", "suppression", "delivery", "audit_entry", "outbox")
    return [await house.db.fetch(f"SELECT * FROM {table} ORDER BY id") for table in tables]


async def test_rule_02_only_a_post_that_says_one_click_unsubscribes_without_more(house: House, api: Api) -> None:  # noqa: F811
    anna, delivery, path = await mailed(house)
    index = house.keyring.contact_index("email", ANNA)
    before = await everything(house)
    for method in ("GET", "HEAD", "OPTIONS"):
        for query in ("", "?List-Unsubscribe=One-Click", "?do=unsubscribe", "?done=unsubscribed"):
            async with api.client.request(method, path + query, allow_redirects=False) as answer:
                assert "You get no news" not in await answer.text()
    for body in ({}, {"List-Unsubscribe": "one-click"}, {"list-unsubscribe": "One-Click"}, {"do": "else"}, None):
        async with api.client.post(f"{path}?List-Unsubscribe=One-Click", data=body) as answer:
            assert answer.status == 400
    async with api.client.post(path, json=ONE_CLICK) as answer:
        assert answer.status == 400
    assert await everything(house) == before
    async with api.client.post(path, data=ONE_CLICK) as answer:
        assert answer.status == 200
        assert "You get no news and offers by email" in await answer.text()
        assert "Set-Cookie" not in answer.headers
    # It holds before the next message is sent (rule 3), and says so wherever somebody looks.
    assert await reasons_of(house.db, "email", index, "marketing") == {"opt_out"}
    assert await reasons_of(house.db, "email", index, "service") == frozenset()
    assert await held(house, anna) == {("email", "marketing"): "withdrawn"}
    row = await house.db.fetchrow("SELECT opted_out_at, reason FROM delivery WHERE id = $1", delivery)
    assert row is not None
    assert (row["opted_out_at"] is not None, row["reason"]) == (True, "opt_out")
    after = await everything(house)
    async with api.client.post(path, data=ONE_CLICK) as answer:  # mail providers send it again
        assert answer.status == 200
    assert await everything(house) == after


async def test_rule_02_the_one_click_may_come_as_a_form_of_parts_and_from_another_site(
    house: House,
    api: Api,  # noqa: F811
) -> None:
    anna, _, path = await mailed(house)
    boundary = "e1f0a3"
    body = f'--{boundary}\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--{boundary}--'
    headers = {
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Origin": "https://mail.example.net",
        "Sec-Fetch-Site": "cross-site",
    }
    async with api.client.post(path, data=body.encode(), headers=headers) as answer:
        assert answer.status == 200
    assert await held(house, anna) == {("email", "marketing"): "withdrawn"}


async def test_rule_02_a_forged_link_is_told_so_and_changes_nothing(house: House, api: Api) -> None:  # noqa: F811
    _, delivery, path = await mailed(house)
    before = await everything(house)
    forged = [
        path[:-1] + ("A" if path[-1] != "A" else "B"),
        "/u/" + tokens.unsubscribe([b"a secret of somebody else"], delivery),
        "/u/" + tokens.click(links.secrets(house), delivery, 1),
        "/u/" + tokens.unsubscribe(links.secrets(house), new_id()),
        "/u/x",
        "/u/%00%ff",
    ]
    said = set()
    for each in forged:
        async with api.client.post(each, data=ONE_CLICK) as answer:
            assert answer.status == 404
            said.add(re.sub(r"name=\"referrer\".*", "", await answer.text()))
        async with api.client.get(each) as answer:
            assert answer.status == 404
    assert len(said) == 1  # which of them is which, nobody learns
    assert "This link leads nowhere" in said.pop()
    assert await everything(house) == before
    for _ in range(60):
        async with api.client.get("/u/unobody") as answer:
            status = answer.status
    assert status == 429
    async with api.client.get(path) as answer:
        assert answer.status == 200  # who has a link of ours is not held back by who tries others


async def test_what_they_choose_is_kept_with_the_sentence_that_they_read(house: House, api: Api) -> None:  # noqa: F811
    anna, _, path = await mailed(house)
    async with api.client.get(path) as answer:
        text = await answer.text()
    assert "a•••@example.com" in text
    assert ANNA not in text
    assert "<script" not in text
    shown = re.findall(r'name="shown" value="([a-z.]+)"', text)
    assert shown == [f"{each}.{kind}" for each in ("email", "sms", "voice") for kind in ("marketing", "service")]
    form = [("do", "save"), *(("shown", each) for each in shown), ("sms.marketing", "yes"), ("sms.service", "yes")]
    async with api.client.post(path, data=form) as answer:
        assert "Saved" in await answer.text()
    assert await held(house, anna) == {
        ("email", "marketing"): "withdrawn",
        ("email", "service"): "withdrawn",
        ("sms", "marketing"): "granted",
        ("voice", "service"): "withdrawn",
    }
    details = await api.get(f"/consents/records?customer_id={anna}&channel=sms")
    assert [(each["wording"], each["source"]) for each in details["items"]] == [
        ("Send me news and offers by text message (SMS).", "link")
    ]
    form = [("do", "save"), *(("shown", each) for each in shown), ("email.marketing", "yes"), ("sms.service", "yes")]
    async with api.client.post(path, data=form) as answer:
        assert answer.status == 200
    now = await held(house, anna)
    assert (now["email", "marketing"], now["sms", "marketing"]) == ("granted", "withdrawn")
    index = house.keyring.contact_index("email", ANNA)
    assert await reasons_of(house.db, "email", index, "marketing") == frozenset()


@pytest.mark.parametrize("do", ["stop"])
async def test_nothing_at_all_is_every_channel_and_address(house: House, api: Api, do: str) -> None:  # noqa: F811
    anna, _, path = await mailed(house)
    async with api.client.post(path, data={"do": do}) as answer:
        assert "Nothing is sent to you any more" in await answer.text()
    assert set((await held(house, anna)).values()) == {"withdrawn"}
    assert await reasons_of(house.db, "email", house.keyring.contact_index("email", ANNA)) == {"opt_out"}
    assert await reasons_of(house.db, "sms", house.keyring.contact_index("phone", "+14155550101")) == {"opt_out"}


async def test_the_page_speaks_the_language_of_the_message(house: House, api: Api) -> None:  # noqa: F811
    await put(house, SYSTEM, sections.Company(name="Northwind"))
    _, _, path = await mailed(house, "zh-CN")
    async with api.client.get(path) as answer:
        text = await answer.text()
    assert '<html lang="zh-CN">' in text
    assert "Northwind" in text
    async with api.client.get(f"{path}?language=en") as answer:
        assert "What you get from Northwind" in await answer.text()


async def test_a_customer_s_own_link_opens_the_same_page(house: House, api: Api) -> None:  # noqa: F811
    anna, _, _ = await mailed(house)
    path = links.preferences_url(house, anna).removeprefix(house.settings.base_url)
    async with api.client.get(path) as answer:
        assert answer.status == 200
        assert "You got a message" not in await answer.text()
    async with api.client.post(path, data=ONE_CLICK) as answer:
        assert answer.status == 200
    assert (await held(house, anna))["email", "marketing"] == "withdrawn"
