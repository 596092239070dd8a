"""Customers, users, tokens and one's own profile through the browser."""

from __future__ import annotations

import re

from playwright.async_api import expect

from hotline.crm.queries.customers.customers import get_customer
from hotline.crm.viewer import SYSTEM
from tests.e2e.desk.conftest import Desk
from tests.integration.people import PASSWORD

HOSTILE = "<script>document.title='owned'</script>\u202egnp.exe"


async def test_a_customer_is_made_found_and_changed(desk: Desk) -> None:
    desk.expected.append("422")
    await desk.hire("anna", "supervisor")
    page = await desk.page("anna", "/customers/new")
    await page.fill("#f-name", "王秀英 Wang Xiuying")
    await page.select_option("#f-tier", "gold")
    await page.fill("#f-tags", "works from home, prefers calls")
    await page.click("text=Add a number or address")
    await page.fill("[name=point_value]", "+86 138 0000 6620")
    await page.click("text=Add an address")
    await page.fill("[name=address_text]", "滨江区江南大道 88 号")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("h1")).to_have_text("王秀英 Wang Xiuying")
    await expect(page.locator(".contact-list")).to_contain_text("+86 138 0000 6620")
    await expect(page.locator(".tier")).to_have_text("Gold")

    await page.goto(desk.url + "/customers")
    for text in ("wang", "王秀", "6620", "#prefers calls"):
        await page.fill("[type=search]", text)
        await expect(page.locator("#customers .row-link")).to_have_text(["王秀英 Wang Xiuying"])
    await page.fill("[type=search]", "nobody at all")
    await expect(page.locator("#customers")).to_contain_text("Nobody matches")

    await page.fill("[type=search]", "wang")
    await page.click("#customers .row-link")
    await page.click("text=Change")
    await expect(page.locator("[name=point_value]")).to_have_count(1)
    await page.fill("[name=point_value]", "12")
    await page.fill("#f-name", "")
    await page.eval_on_selector("#f-name", "field => field.removeAttribute('required')")
    await page.click("form.card .btn-primary")
    await expect(page.locator(".alert-breach")).to_be_visible()
    await expect(page.locator("#name-error")).to_have_text("Something must stand here.")
    await expect(page.locator("[name=point_value]")).to_have_value("12")


async def test_what_comes_from_outside_is_text(desk: Desk) -> None:
    await desk.hire("anna")
    customer = await desk.customer(HOSTILE, "+442079460158", tags=["<b>bold</b>"])
    page = await desk.page("anna", f"/customers/{customer.id}")
    await expect(page.locator("h1")).to_contain_text("<script>")
    assert "\u202e" not in await page.locator("body").inner_text()
    assert "owned" not in (await page.title()).replace("document.title='owned'", "")
    await page.goto(desk.url + "/customers")
    await expect(page.locator(".badge").first).to_have_text("<b>bold</b>")
    assert await page.locator(".badge b").count() == 0
    huge = await desk.customer("名" * 200, "+442079460159")
    await page.goto(f"{desk.url}/customers/{huge.id}")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_a_form_half_filled_survives_leaving_the_page(desk: Desk) -> None:
    await desk.hire("anna")
    page = await desk.page("anna", "/customers/new")
    await page.fill("#f-name", "half a na")
    await page.click("text=Add a number or address")
    await page.fill("[name=point_value]", "+44 20 79")
    await page.goto(desk.url + "/")
    await page.goto(desk.url + "/customers/new")
    await expect(page.locator("#f-name")).to_have_value("half a na")
    await expect(page.locator("[name=point_value]")).to_have_value("+44 20 79")
    await page.click("text=Discard it")
    await expect(page.locator("#f-name")).to_have_value("")


async def test_two_people_change_one_customer(desk: Desk) -> None:
    desk.expected.append("409")
    await desk.hire("anna")
    await desk.hire("bert")
    customer = await desk.customer("Chen Jing", "+8613912340412")
    one = await desk.page("anna", f"/customers/{customer.id}/edit")
    two = await desk.page("bert", f"/customers/{customer.id}/edit")
    await one.fill("#f-name", "Chen Jing A")
    await one.click("form.card .btn-primary")
    await expect(one.locator("h1")).to_have_text("Chen Jing A")
    await two.fill("#f-name", "Chen Jing B")
    await two.click("form.card .btn-primary")
    await expect(two.locator(".alert-breach")).to_contain_text("You and somebody else changed the same")
    # Both stand there to choose from, and nothing was overwritten.
    await expect(two.locator("main")).to_contain_text("Chen Jing A")
    assert "Chen Jing B" in await two.content()
    assert (await get_customer(desk.house.db, desk.house.keyring, SYSTEM, customer.id)).name == "Chen Jing A"


async def test_a_user_is_added_changed_disabled_and_enabled(desk: Desk) -> None:
    await desk.hire("root", "administrator")
    page = await desk.page("root", "/users/new")
    await page.fill("#f-name", "林悦 Lin Yue")
    await page.fill("#f-login", "lin")
    await page.fill("#f-extension", "1002")
    await page.fill("#f-interfaces", "PJSIP/agent2\nLocal/1002@from-queue/n")
    await page.fill("#f-queues", "support, sales")
    await page.fill("#f-password", "correct horse battery")
    await page.select_option("#f-hours", "own")
    await page.fill("#f-hours_mon", "09:00-17:00")
    await page.click(".form-foot .btn-primary")
    await expect(page.locator("h1")).to_have_text("林悦 Lin Yue")
    await expect(page.locator(".datagrid >> nth=0")).to_contain_text("PJSIP/agent2")
    await expect(page.locator(".datagrid >> nth=0")).to_contain_text("Mon 09:00–17:00")

    await page.click("text=Change")
    await page.select_option("#f-role", "supervisor")
    await page.click(".form-foot .btn-primary")
    await expect(page.locator(".page-header")).to_contain_text("Supervisor")
    await page.click("button:has-text('Disable')")
    await expect(page.locator(".page-header .badge")).to_have_text("disabled")
    await page.click("button:has-text('Enable')")
    await expect(page.locator(".page-header .badge", has_text="disabled")).to_have_count(0)


async def test_refusals_about_users_are_said_at_their_field(desk: Desk) -> None:
    desk.expected += ["422", "409"]
    await desk.hire("root", "administrator", interfaces=["PJSIP/agent1"])
    page = await desk.page("root", "/users/new")
    await page.fill("#f-name", "Bert")
    await page.fill("#f-login", "bert")
    await page.fill("#f-interfaces", "PJSIP/a b,c;d\r\nAction: Originate")
    await page.click(".form-foot .btn-primary")
    await expect(page.locator("#interfaces-error")).to_contain_text("PJSIP/agent1")
    await expect(page.locator("#f-interfaces")).to_have_attribute("aria-invalid", "true")
    await page.fill("#f-interfaces", "PJSIP/agent9")
    await page.fill("#f-login", "root")
    await page.click(".form-foot .btn-primary")
    await expect(page.locator("#login-error")).to_have_text("Another user has this login.")
    await page.fill("#f-login", "bert")
    await page.fill("#f-password", "short")
    await page.click(".form-foot .btn-primary")
    await expect(page.locator("#password-error")).to_be_visible()
    assert await desk.house.db.fetchval("SELECT count(*) FROM users") == 1


async def test_a_token_is_shown_once_and_works_until_it_is_revoked(desk: Desk) -> None:
    await desk.hire("sue", "supervisor")
    page = await desk.page("sue", "/tokens")
    await page.fill("#f-name", "the report")
    await page.uncheck("[name=all]")
    await page.check("[name=scope][value='customers.read']")
    await page.click("form.card .btn-primary >> text=Make the token")
    secret = await page.locator("#secret").inner_text()
    headers = {"Authorization": f"Bearer {secret}"}
    assert (await page.request.get(desk.url + "/api/v1/customers", headers=headers)).status == 200
    assert (await page.request.get(desk.url + "/api/v1/calls", headers=headers)).status == 403
    await page.goto(desk.url + "/tokens")
    await expect(page.locator("#secret")).to_have_count(0)
    await page.get_by_role("button", name="Revoke the report").click()
    await expect(page.locator(".alert-ok")).to_have_text("The token is revoked.")
    fresh = await desk.browser.new_context()
    assert (await fresh.request.get(desk.url + "/api/v1/customers", headers=headers)).status == 401


async def test_ones_own_password_and_browsers(desk: Desk) -> None:
    desk.expected += ["422", "401"]
    await desk.hire("anna")
    other = await desk.page("anna", "/profile/security")
    page = await desk.page("anna", "/profile/security")
    await expect(page.locator(".card:has(.count) .list-group li")).to_have_count(2)
    await page.fill("#f-current", "not mine")
    await page.fill("#f-new_password", "another good password")
    await page.fill("#f-again", "another good password")
    await page.click("text=Change the password")
    await expect(page.locator("#current-error")).to_have_text("This is not your password.")
    await page.fill("#f-current", PASSWORD)
    await page.fill("#f-new_password", "another good password")
    await page.fill("#f-again", "another good password")
    await page.click("text=Change the password")
    await expect(page.locator(".alert-ok")).to_contain_text("Every other browser was signed out")
    await other.goto(desk.url + "/profile")
    await expect(other).to_have_url(re.compile("/sign-in"))


async def test_the_palette_finds_pages_and_customers(desk: Desk) -> None:
    await desk.hire("anna")
    customer = await desk.customer("Emma Clarke", "+442079460158")
    page = await desk.page("anna", "/profile")
    await page.keyboard.press("Control+k")
    await expect(page.locator("#palette input")).to_be_focused()
    await page.keyboard.type("custom")
    await expect(page.locator("#palette [aria-selected=true]")).to_have_text("Customers")
    await page.fill("#palette input", "clar")
    await expect(page.locator("[data-found]")).to_contain_text("Emma Clarke")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{desk.url}/customers/{customer.id}")
    await page.wait_for_selector("html[data-ready]")
    await page.keyboard.press("?")
    await expect(page.locator("#keys")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#keys")).to_be_hidden()


async def test_who_may_not_is_told_so_and_sees_no_way_there(desk: Desk) -> None:
    desk.expected.append("403")
    await desk.hire("anna")
    page = await desk.page("anna", "/")
    await expect(page.locator(".navbar-rail .nav-link")).to_have_text(
        ["Desk", "Messages", "Tickets", "Call backs", "Customers"]
    )
    await page.goto(desk.url + "/system")
    await expect(page.locator("h1")).to_have_text("Not allowed")
    await desk.hire("rita", "reviewer")
    masked = await desk.customer("Li", "+8613800006620")
    page = await desk.page("rita", f"/customers/{masked.id}")
    assert "13800006620" not in (await page.content()).replace(" ", "")
    await expect(page.locator("text=Your role sees numbers in part.")).to_be_visible()
