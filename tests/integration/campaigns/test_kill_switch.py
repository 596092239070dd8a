"""The kill switch: by the API and in the shell, for who may, and seen by who must know."""

from __future__ import annotations

from hotline.crm.queries.pushes.outbound_stop import get_stop
from hotline.crm.viewer import SYSTEM
from tests.integration.people import PASSWORD, add_user
from tests.integration.web.browser import Browser
from tests.integration.web.conftest import Api

STOPPED = "Everything outbound is stopped"


async def test_rule_19_one_request_stops_everything(api: Api) -> None:
    assert (await api.get("/outbound", role="agent"))["stopped"] is False
    stopped = await api.post("/outbound/stop", {"reason": "Wrong price"}, role="supervisor", status=200)
    assert (stopped["stopped"], stopped["reason"]) == (True, "Wrong price")
    assert (await get_stop(api.house.db, SYSTEM)).stopped
    assert (await api.post("/outbound/stop", None, role="supervisor", status=200))["epoch"] == stopped["epoch"]
    resumed = await api.post("/outbound/resume", None, role="marketer", status=200)
    assert (resumed["stopped"], resumed["epoch"]) == (False, stopped["epoch"] + 1)
    assert (await api.ask("POST", "/outbound/stop", role="agent")).status == 403


async def test_rule_19_one_click_in_the_shell(api: Api) -> None:
    await add_user(api.house, "sue", "supervisor", password=PASSWORD)
    await add_user(api.house, "al", "agent", password=PASSWORD)
    async with Browser(api) as browser:
        await browser.sign_in("sue")
        assert 'action="/outbound/stop"' in await browser.get("/tickets")
        page = await browser.post("/outbound/stop", {"next": "/tickets"})
        assert browser.at == "/tickets"
        assert STOPPED in page
        assert 'action="/outbound/stop"' not in page
        # What an open page asks for when the event stream tells it, without a reload.
        line = await browser.get("/outbound/line?next=/tickets")
        assert STOPPED in line
        assert "<html" not in line
        assert 'name="next" value="/tickets"' in line
        assert await browser.get("/outbound/button?next=/tickets") == ""
        async with Browser(api) as agent:
            await agent.sign_in("al")
            assert await agent.get("/outbound/button?next=/") == ""
            page = await agent.get("/tickets")
            assert STOPPED not in page
            assert "/outbound/" not in page
            await agent.post("/outbound/resume", {"next": "/"}, status=403)
        assert (await get_stop(api.house.db, SYSTEM)).stopped
        await browser.post("/outbound/resume", {"next": "//elsewhere.example"})
        assert not browser.at.startswith("//")
        assert await browser.get("/outbound/line?next=/tickets") == ""
        assert 'action="/outbound/stop"' in await browser.get("/outbound/button?next=//elsewhere.example")
    assert not (await get_stop(api.house.db, SYSTEM)).stopped
