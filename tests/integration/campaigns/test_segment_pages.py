"""The pages of segments, as a browser without scripts and the editor's own requests use them."""

from __future__ import annotations

import re

from tests.integration.people import PASSWORD, add_user
from tests.integration.web.browser import Browser
from tests.integration.web.conftest import Api


async def test_a_segment_is_made_changed_listed_and_archived(api: Api) -> None:
    ada = await api.post("/customers", {"name": "Ada", "tier": "gold"})
    await api.post("/customers", {"name": "Bob", "tier": "silver"})
    await add_user(api.house, "mia", "marketer", password=PASSWORD)
    async with Browser(api) as browser:
        await browser.sign_in("mia")
        assert "Make the first segment" in await browser.get("/segments")
        await browser.get("/segments/new")
        # Without scripts each button of the rules sends the form, and what was typed stays.
        page = await browser.post("/segments/new", {"name": "Best", "r.mode": "all", "do": "add:r"})
        assert 'name="r-0.field"' in page
        assert 'value="Best"' in page
        chosen = {"name": "Best", "r.mode": "all", "r-0.field": "tier", "r-0.was": "tier", "r-0.op": "in"}
        page = await browser.post("/segments/new", chosen, status=422)
        assert "Choose or write at least one." in page
        counted = await browser.post("/segments/count", {**chosen, "r-0.value": "gold"})
        assert re.search(r"<b[^>]*>1</b>\s*customer is in it", counted)
        assert "Ada" in counted
        assert "Bob" not in counted
        assert "Something is missing" in await browser.post("/segments/count", chosen)
        page = await browser.post("/segments/new", {**chosen, "r-0.value": "gold"})
        assert "The segment is there." in page
        address = browser.at.partition("?")[0]

        fragment = await browser.post("/segments/editor", {**chosen, "r-0.field": "purchase"})
        assert 'name="r-0.days"' in fragment
        assert "gold" not in fragment
        page = await browser.post(address, {"name": "Best", "version": "1", "r.mode": "none", **_rule("gold")})
        assert "Version 2" in page
        stale = await browser.post(address, {"name": "Other", "version": "1", "r.mode": "all"}, status=409)
        assert "Somebody else changed this meanwhile" in stale

        page = await browser.post(f"{address}/members", {"side": "include", "customer": ada["number"]})
        assert "The list is changed." in page
        nobody = await browser.post(f"{address}/members", {"side": "exclude", "customer": "C99999"}, status=422)
        assert "Nobody is found by this." in nobody
        why = await browser.get(f"{address}/why?customer={ada['number']}")
        assert "is in this segment." in why
        assert "does not hold:" in why
        assert "Tier is one of Gold" in await browser.get("/segments?q=bes")
        await browser.post(f"{address}/archive")
        assert "Best" not in await browser.get("/segments")
        assert "Best" in await browser.get("/segments?archived")


def _rule(tier: str) -> dict[str, str]:
    return {"r-0.field": "tier", "r-0.was": "tier", "r-0.op": "in", "r-0.value": tier}


async def test_a_reviewer_reads_and_changes_nothing(api: Api) -> None:
    made = await api.post("/segments", {"name": "Gold", "rules": {"field": "tier", "op": "in", "value": ["gold"]}})
    await add_user(api.house, "rex", "reviewer", password=PASSWORD)
    async with Browser(api) as browser:
        await browser.sign_in("rex")
        page = await browser.get(f"/segments/{made['id']}")
        assert "disabled" in page
        assert "Ctrl Enter" not in page.partition('id="segment-form"')[2].partition("</form>")[0]
        await browser.get("/segments/new", status=403)
        await browser.post(f"/segments/{made['id']}", {"name": "Mine"}, status=403)
        await browser.post(f"/segments/{made['id']}/archive", status=403)
