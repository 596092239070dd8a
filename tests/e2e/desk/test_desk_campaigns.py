"""The pages of campaigns as ``looks`` looks at them: everything in Chinese and dark, what has most colours in English
and light, too. And the red line of the stop, which comes and goes on an open page."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page

from hotline.crm.commands.consent.consents import grant
from hotline.crm.commands.conversations.senders import create_sender
from hotline.crm.company import Prices
from hotline.crm.viewer import SYSTEM
from hotline.workflows.campaigns import campaign_review, campaigns, links, segments, templates
from hotline.workflows.company import company
from hotline.workflows.pushes import outbound
from tests.e2e.desk.conftest import Desk
from tests.e2e.desk.looks import Look, Theme
from tests.integration.campaigns.test_results import deliver

#: Who looks, and at what.
COLOURFUL = (
    ("rex", "/campaigns/{review}/review"),
    ("mia", "/campaigns/{sent}/results"),
)
PLAIN = (
    ("mia", "/campaigns/{sent}/deliveries?state=unknown"),
    ("mia", "/campaigns/new?channel=email"),
    ("mia", "/segments/{segment}"),
    ("mia", "/templates/{template}"),
    ("mia", "/consents/suppressions"),
    ("", "{preferences}"),
)


async def furnish(desk: Desk, locale: str) -> dict[str, str]:
    """Campaigns in review and sent, with what belongs to them; their ids."""
    house = desk.house
    mia = await desk.hire("mia", "marketer", locale=locale)
    rex = await desk.hire("rex", "reviewer", locale=locale)
    await company.put(house, SYSTEM, Prices(sms="+86 0.045"))
    people = [
        (await desk.customer(name, f"+86138000066{at}", locale="zh")).id
        for at, name in enumerate(
            ("王秀英 Wang Xiuying", "李国强 Li Guoqiang", "陈静 Chen Jing", "马丽 Ma Li"), start=10
        )
    ]
    async with house.unit(SYSTEM) as uow:
        for each in people[:3]:
            await grant(uow, each, "sms", "marketing", source="form", wording="同意")
        sender = await create_sender(uow, "sms", "+8657188880000", {"name": "Service", "country": "CN"})
    segment = await segments.create_segment(house, mia, "Everybody", {"all": []})
    text = {"locale": "zh", "body": "【兰汀】{{ name }}您好，详情 http://bit.ly/x 拒收请回复R"}
    made: Any = {"name": "Autumn", "channel": "sms", "locales": {"zh": {"body": text["body"]}}}
    template = await templates.create_template(house, mia, made)
    usual: Any = {"name": "Autumn", "channel": "sms", "sender": sender, "segment_id": segment.id, "variants": [text]}
    sent = (await campaigns.create_campaign(house, mia, usual)).id
    await campaign_review.submit(house, mia, sent)
    await campaign_review.approve(house, rex, sent)
    manifest = await house.db.fetchval("SELECT manifest_id FROM campaign WHERE id = $1", sent)
    now = house.clock()
    some: Any = {"manifest_id": manifest, "updated_at": now}
    (clicked,) = await deliver(house, sent, people[:1], state="delivered", delivered_at=now, clicked_at=now, **some)
    await deliver(house, sent, people[1:2], state="unknown", sent_at=None, **some)
    await deliver(house, sent, people[2:3], state="permanent_failure", error_code="30006", sent_at=None, **some)
    await deliver(house, sent, people[3:], state="suppressed", reason="opt_out", sent_at=None, **some)
    review = (await campaigns.create_campaign(house, mia, usual | {"name": "Autumn 2"})).id
    limits = {"canary": {"recipients": 1}, "experiment": {"holdout_percent": 10}}
    await campaign_review.submit(house, mia, review)
    await campaign_review.approve(house, rex, review)
    changes: Any = {"limits": limits, "schedule": {"mode": "at", "at": "2090-01-01T00:00:00Z"}}
    await campaigns.update_campaign(house, mia, review, changes)
    await campaign_review.submit(house, mia, review)
    link = links.unsubscribe_url(house, clicked)
    ids = {"review": review, "sent": sent, "segment": segment.id, "template": template.id}
    return {**{name: str(each) for name, each in ids.items()}, "preferences": "/u/" + link.rpartition("/u/")[2]}


@pytest.mark.parametrize(
    ("locale", "theme", "pages"), [("zh", "dark", COLOURFUL + PLAIN), ("en", "light", COLOURFUL)], ids=["zh", "en"]
)
async def test_pages_of_campaigns(desk: Desk, locale: str, theme: Theme, pages: tuple[tuple[str, str], ...]) -> None:
    ids = await furnish(desk, locale)
    look = Look(locale, widths=(390,), words=False)
    opened: dict[str, Page] = {}
    for login, path in pages:
        if login not in opened:
            context = await desk.context(login, color_scheme=theme, locale="zh-CN" if locale == "zh" else "en-GB")
            opened[login] = await context.new_page()
        page = opened[login]
        await page.goto(desk.url + path.format(**ids))
        if login:
            await page.wait_for_selector("html[data-ready]")
        await look.at(page, f"{login} {path}", [theme])
    assert not look.problems, "\n".join(look.problems)


async def test_rule_19_the_line_of_the_stop_comes_and_goes_on_an_open_page(desk: Desk) -> None:
    await desk.hire("sue", "supervisor")
    page = await desk.page("sue", "/campaigns")
    await page.fill("[name=q]", "half a word")
    await page.wait_for_selector("#outbound-button button")
    stopped = await outbound.stop_outbound(desk.house, SYSTEM, "Wrong price")
    assert stopped.stopped
    await page.wait_for_selector("#outbound-line:has-text('Wrong price')")
    await page.wait_for_selector("#outbound-button button", state="detached")
    look = Look("en", widths=(390,))
    await look.at(page, "stopped", ["light"])
    assert not look.problems, "\n".join(look.problems)
    await outbound.resume_outbound(desk.house, SYSTEM)
    await page.wait_for_selector("#outbound-line", state="hidden")
    await page.wait_for_selector("#outbound-button button")
    assert await page.input_value("[name=q]") == "half a word"
