"""The screen pop in a browser: who sees it, what it shows, and that nothing under the hands ever moves."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

from playwright.async_api import Page, Route, expect

from tests.e2e.desk.conftest import Desk
from tests.e2e.desk.looks import violations
from tests.waiting import until

ANNA = "PJSIP/agent1"
BERT = "PJSIP/agent2"
NUMBER = "+8613800006620"


async def two_who_share(desk: Desk) -> tuple[object, object]:
    one = await desk.customer("王秀英 Wang Xiuying", NUMBER, tier="gold", tags=["works from home"])
    other = await desk.customer("李国强 Li Guoqiang", NUMBER)
    return one, other


async def test_a_ring_shows_who_calls_and_goes_when_the_caller_gives_up(desk: Desk) -> None:
    await desk.hire("anna", interfaces=[ANNA])
    await desk.customer("Emma Clarke", "+442079460158", tier="platinum", tags=["static ip"])
    page = await desk.page("anna")
    ring = await desk.telephone.ring("+442079460158", ANNA)
    card = page.locator(".ring-card")
    await expect(card).to_contain_text("Emma Clarke")
    await expect(card).to_contain_text("7946 0158")
    await expect(card).to_contain_text("United Kingdom")
    await expect(card.locator(".tier >> visible=true")).to_have_text("Platinum")
    await expect(card).to_contain_text("static ip")
    await expect(card).to_contain_text("support")
    await expect(page.locator("#presence summary")).to_have_attribute("data-state", "ringing")
    await expect(page).to_have_title(re.compile(r"^\(1\) Ringing "))
    await expect(page.locator("#announce")).to_contain_text("Emma Clarke")
    # Nothing was open, so nothing is under the hands: the record shows by itself, and goes with the call.
    await expect(page.locator("[data-customer-name]")).to_have_text("Emma Clarke")
    assert await violations(page) == []
    await ring.give_up()
    await expect(card).to_have_count(0)
    await expect(page.locator("[data-customer-name]")).to_have_count(0)
    await expect(page).to_have_title("Desk · hotline")
    await expect(page.locator("#recent li")).to_contain_text("abandoned")


async def test_only_the_agent_who_rings_sees_it_and_losers_lose_it(desk: Desk) -> None:
    await desk.hire("anna", interfaces=[ANNA])
    await desk.hire("bert", interfaces=[BERT])
    await desk.hire("carl", interfaces=["PJSIP/agent3"])
    anna, bert, carl = [await desk.page(login) for login in ("anna", "bert", "carl")]
    ring = await desk.telephone.ring("+442079460158", ANNA, BERT)
    await expect(anna.locator(".ring-card")).to_have_count(1)
    await expect(bert.locator(".ring-card")).to_have_count(1)
    await ring.answer(1)
    await expect(bert.locator(".call-card")).to_contain_text("In call")
    await expect(anna.locator(".ring-card")).to_have_count(0)
    await expect(anna.locator(".call-card")).to_have_count(0)
    assert await carl.locator(".ring-card").count() == 0


async def test_a_pop_moves_neither_focus_nor_text_nor_scroll(desk: Desk) -> None:
    await desk.hire("anna", interfaces=[ANNA])
    await two_who_share(desk)
    other = await desk.customer("陈静 Chen Jing", "+8613912340412")
    page = await desk.page("anna", f"/?customer={other.id}")
    field = page.locator("#note-field")
    await field.click()
    await page.keyboard.type("At home all morning on the 24th")
    place = await field.bounding_box()
    ring = await desk.telephone.ring(NUMBER, ANNA)
    await expect(page.locator(".ring-card")).to_be_visible()
    await page.keyboard.type(", so the engineer only needs")
    await expect(field).to_be_focused()
    await expect(field).to_have_value("At home all morning on the 24th, so the engineer only needs")
    assert await field.bounding_box() == place
    await expect(page.locator("[data-customer-name]")).to_have_text("陈静 Chen Jing")

    # Answered in the middle of the sentence: still nothing moves, a strip offers the call's note.
    await ring.answer()
    await expect(page.locator(".call-card")).to_be_visible()
    await page.keyboard.type(" the key")
    await expect(field).to_have_value(re.compile("only needs the key$"))
    await expect(page.locator("[data-part=strip]")).to_contain_text("is on the line")
    await page.keyboard.press("Alt+b")
    await expect(field).to_have_value("")
    await page.keyboard.type("Wants an engineer")
    await page.keyboard.press("Alt+b")
    await expect(field).to_have_value(re.compile("only needs the key$"))


async def test_two_who_share_a_number_are_a_choice_and_never_a_guess(desk: Desk) -> None:
    await desk.hire("anna", interfaces=[ANNA])
    one, other = await two_who_share(desk)
    page = await desk.page("anna")
    ring = await desk.telephone.ring(NUMBER, ANNA)
    await expect(page.locator(".ring-card legend")).to_have_text("Two customers share this number. Who is it?")
    assert await page.locator(".ring-card input:checked").count() == 0
    assert await page.locator("[data-customer-name]").count() == 0
    await page.locator(".ring-card .match", has_text="李国强").click()
    await expect(page.locator("[data-customer-name]")).to_have_text("李国强 Li Guoqiang")
    await ring.answer()
    await expect(page.locator(".call-card")).to_contain_text("李国强 Li Guoqiang")
    sql = "SELECT customer_id FROM call WHERE id = $1"
    async with asyncio.timeout(60):
        while await desk.house.db.fetchval(sql, ring.call_id) != other.id:  # type: ignore[attr-defined]
            await page.wait_for_timeout(20)
    assert one is not other


async def test_an_unknown_caller_becomes_a_customer_with_one_click(desk: Desk) -> None:
    await desk.hire("anna", interfaces=[ANNA])
    page = await desk.page("anna")
    ring = await desk.telephone.ring("+442079460999", ANNA, name="<img src=x onerror=alert(1)>\0\r\n")
    await expect(page.locator(".ring-card")).to_contain_text("Nobody has this number yet.")
    await ring.answer()
    await page.locator(".call-card").get_by_role("button", name="New customer").click()
    name = page.locator("[data-edit-name]")
    await expect(name).to_be_focused()
    await expect(name).to_have_value("+44 20 7946 0999")
    await page.keyboard.type("Emma Clarke")
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-customer-name]")).to_have_text("Emma Clarke")
    await page.goto(desk.url + "/customers?q=0999")
    await expect(page.locator("#customers .row-link")).to_have_text("Emma Clarke")


async def test_a_friendly_name_is_prefilled(desk: Desk) -> None:
    await desk.hire("anna", interfaces=[ANNA])
    page = await desk.page("anna")
    ring = await desk.telephone.ring("+442079460999", ANNA, name="Emma Clarke")
    await ring.answer()
    await page.locator(".call-card").get_by_role("button", name="New customer").click()
    await expect(page.locator("[data-edit-name]")).to_have_value("Emma Clarke")


async def test_a_withheld_number_is_said(desk: Desk) -> None:
    await desk.hire("anna", interfaces=[ANNA])
    page = await desk.page("anna")
    await desk.telephone.ring(None, ANNA, withheld=True)
    await expect(page.locator(".ring-card .number")).to_have_text("Number withheld")


async def test_hostile_names_are_text(desk: Desk) -> None:
    await desk.hire("anna", interfaces=[ANNA])
    await desk.customer("<script>document.title='owned'</script>" + "名" * 150, "+442079460158")
    page = await desk.page("anna")
    await desk.telephone.ring("+442079460158", ANNA, name="‮" + "x" * 10_000)
    card = page.locator(".ring-card")
    await expect(card).to_contain_text("<script>")
    assert await page.locator(".ring-card script").count() == 0
    assert "owned" not in (await page.title()).replace("document.title='owned'", "")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_two_calls_at_once_and_a_reload(desk: Desk) -> None:
    await desk.hire("anna", interfaces=[ANNA])
    page = await desk.page("anna")
    first = await desk.telephone.ring("+442079460158", ANNA)
    second = await desk.telephone.ring("+442079460159", ANNA)
    await expect(page.locator(".ring-card")).to_have_count(2)
    await expect(page.locator(".ring-card[data-compact]")).to_have_count(1)
    await expect(page).to_have_title(re.compile(r"^\(2\) Ringing "))
    await page.reload()
    await expect(page.locator(".ring-card")).to_have_count(2)
    await first.answer()
    await expect(page.locator(".call-card")).to_have_count(1)
    await expect(page.locator(".ring-card")).to_have_count(1)
    await page.reload()
    await expect(page.locator(".call-card")).to_contain_text("In call")
    await expect(page.locator(".ring-card")).to_have_count(1)
    await second.give_up()
    await first.end()
    await expect(page.locator(".call-card")).to_have_attribute("data-state", "wrap")
    await page.reload()
    await expect(page.locator(".call-card")).to_contain_text("Wrap-up")
    await expect(page.locator(".call-card")).to_contain_text("7946 0158")
    await page.keyboard.press("Alt+1")
    await page.keyboard.press("Alt+w")
    await expect(page.locator(".call-card")).to_have_count(0)


async def test_a_call_note_is_saved_and_stands_in_the_timeline(desk: Desk) -> None:
    await desk.hire("anna", interfaces=[ANNA])
    customer = await desk.customer("Emma Clarke", "+442079460158")
    page = await desk.page("anna")
    ring = await desk.telephone.ring("+442079460158", ANNA)
    await ring.answer()
    await expect(page.locator("[data-customer-name]")).to_have_text("Emma Clarke")
    await page.fill("#note-field", "Wants an engineer at the cabinet.")
    await page.focus("#note-field")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#note-state")).to_contain_text("Saved")
    await ring.end()
    await page.goto(f"{desk.url}/customers/{customer.id}")
    await expect(page.locator(".timeline")).to_contain_text("Wants an engineer at the cabinet.")
    await expect(page.locator(".timeline")).to_contain_text("Call in")
    await page.click(".chip:has-text('Notes')")
    await expect(page.locator(".timeline .timeline-icon.is-note")).to_have_count(1)
    await expect(page.locator(".timeline")).not_to_contain_text("Call in")


async def test_the_line_goes_and_comes_back_and_nothing_is_lost(desk: Desk) -> None:
    desk.expected += ["ERR_", "Failed to fetch", "net::"]
    await desk.hire("anna", interfaces=[ANNA])
    customer = await desk.customer("Emma Clarke", "+442079460158")
    page = await desk.page("anna", f"/?customer={customer.id}")
    await page.fill("#note-field", "typed before")
    await page.context.set_offline(True)
    desk.cut()
    await expect(page.locator("#line")).to_contain_text("Offline since")
    await page.locator("#note-field").press_sequentially(" and after")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#note-state")).to_contain_text("Waiting for the line")
    ring = await desk.telephone.ring("+442079460158", ANNA)
    await page.context.set_offline(False)
    await expect(page.locator("#line")).to_be_hidden()
    await expect(page.locator(".ring-card")).to_contain_text("Emma Clarke")
    await expect(page.locator(".timeline")).to_contain_text("typed before and after")
    notes = await desk.house.db.fetchval("SELECT count(*) FROM interaction WHERE kind = 'note'")
    assert notes == 1
    await ring.give_up()


async def test_a_form_that_was_sent_without_an_answer_has_one_effect(desk: Desk) -> None:
    desk.expected += ["ERR_", "Failed to fetch", "net::"]
    await desk.hire("anna")
    page = await desk.page("anna", "/tickets/new")
    await page.fill("[name=subject]", "Static on the line")
    # The line goes just after the server has it; what was typed stays, and goes again when the line is back.
    lost = 0

    async def lose(route: Route) -> None:
        nonlocal lost
        lost += 1
        if lost == 1:
            await route.fetch(max_redirects=0)
        await route.abort()

    await page.route("**/tickets/new", lose)
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".form-waiting")).to_contain_text("No connection")
    assert await page.input_value("[name=subject]") == "Static on the line"
    desk.cut()
    await expect(page.locator("#line")).to_be_hidden()
    await page.unroute("**/tickets/new")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_url(re.compile("/tickets/[0-9a-f-]{36}$"))
    await page.wait_for_selector("html[data-ready]")
    assert await desk.house.db.fetchval("SELECT count(*) FROM ticket") == 1
    # Done, so nothing of it comes back into the next one.
    await page.goto(desk.url + "/tickets/new")
    await page.wait_for_selector("html[data-ready]")
    assert await page.input_value("[name=subject]") == ""


async def test_a_draft_survives_a_reload_and_a_closed_tab(desk: Desk) -> None:
    await desk.hire("anna", interfaces=[ANNA])
    customer = await desk.customer("Emma Clarke", "+442079460158")
    context = await desk.context("anna")
    page = await desk.tab(context, f"/?customer={customer.id}")
    await page.fill("#note-field", "half a sentence")
    await page.reload()
    await expect(page.locator("#note-field")).to_have_value("half a sentence")
    await page.close()
    page = await desk.tab(context)
    await expect(page.locator("#kept")).to_contain_text("Emma Clarke")
    await page.locator("#kept button").click()
    await expect(page.locator("#note-field")).to_have_value("half a sentence")
    await page.get_by_role("button", name="Discard draft").click()
    await expect(page.locator("#note-field")).to_have_value("")
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator("#note-field")).to_have_value("half a sentence")


async def test_one_stream_for_all_tabs_and_the_next_tab_takes_over(desk: Desk) -> None:
    await desk.hire("anna", interfaces=[ANNA])
    context = await desk.context("anna")
    one = await desk.tab(context)
    two = await desk.tab(context, "/customers")
    three = await desk.tab(context)
    ring = await desk.telephone.ring("+442079460158", ANNA)
    for page in (one, three):
        await expect(page.locator(".ring-card")).to_have_count(1)
    await expect(two.locator("#ring-line")).to_contain_text("7946 0158")
    await until(lambda: desk.streams == 1)
    await one.close()
    await ring.give_up()
    await expect(three.locator(".ring-card")).to_have_count(0)
    await expect(two.locator("#ring-line")).to_be_hidden()


async def test_on_another_page_the_ringing_line_leads_to_the_desk_and_the_form_is_kept(desk: Desk) -> None:
    await desk.hire("anna", interfaces=[ANNA])
    page = await desk.page("anna", "/customers/new")
    await page.fill("#f-name", "Half a na")
    await page.focus("#f-name")
    await desk.telephone.ring("+442079460158", ANNA)
    await expect(page.locator("#ring-line")).to_be_visible()
    await expect(page.locator("#f-name")).to_be_focused()
    await page.keyboard.press("Alt+a")
    await expect(page.locator(".ring-card")).to_be_visible()
    await page.goto(desk.url + "/customers/new")
    await expect(page.locator("#f-name")).to_have_value("Half a na")


async def test_one_sound_in_one_tab_rises_and_can_be_muted(desk: Desk) -> None:
    await desk.hire("anna", interfaces=[ANNA])
    context = await desk.context("anna")
    one, two = await desk.tab(context), await desk.tab(context)
    for page in (one, two):
        await page.bring_to_front()
        await page.click("h1, .empty >> nth=0", force=True)
    ring = await desk.telephone.ring("+442079460158", ANNA)

    async def sounding() -> list[Page]:
        return [page for page in (one, two) if await page.locator("html[data-sounding]").count()]

    async with asyncio.timeout(60):
        while len(await sounding()) != 1:
            await one.wait_for_timeout(20)
    (page,) = await sounding()
    await expect(page.locator("html")).to_have_attribute("data-sounding", "2")
    assert await sounding() == [page]
    await page.bring_to_front()
    await page.click("#presence summary")
    await page.uncheck("[data-part=sound]")
    assert await sounding() == []
    await ring.give_up()


async def test_the_session_ends_while_the_desk_is_open(desk: Desk) -> None:
    desk.expected.append("401")
    viewer = await desk.hire("anna", interfaces=[ANNA])
    page = await desk.page("anna")
    await desk.house.db.execute(
        "UPDATE session SET revoked_at = $2 WHERE user_id = $1",
        viewer.user_id,
        desk.house.clock() - timedelta(seconds=1),
    )
    desk.cut()
    await expect(page.locator("#line")).to_contain_text("You are signed out.")


async def test_narrow_screens_keep_a_ringing_call_as_one_line(desk: Desk) -> None:
    await desk.hire("anna", interfaces=[ANNA])
    customer = await desk.customer("陈静 Chen Jing", "+8613912340412")
    page = await desk.page("anna", f"/?customer={customer.id}", viewport={"width": 390, "height": 844})
    await page.click("label:has(#tab-ticket)")
    await expect(page.locator("#note-field")).to_be_visible()
    await desk.telephone.ring("+442079460158", ANNA)
    await expect(page.locator("#ring-bar")).to_be_visible()
    await page.click("#ring-bar .btn")
    await expect(page.locator(".ring-card")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    assert await violations(page) == []
