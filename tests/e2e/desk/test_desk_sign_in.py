"""Signing in at the desk: the door that everybody passes."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect

from tests.e2e.desk.conftest import Desk
from tests.integration.people import PASSWORD


async def fill(page: Page, login: str, password: str) -> None:
    await page.fill("#f-login", login)
    await page.fill("#f-password", password)
    async with page.expect_navigation():
        await page.click("form.card button[type=submit]")


async def test_the_right_password_leads_where_one_wanted_to_go(desk: Desk) -> None:
    desk.expected += ["401"]  # the stream may ask again before the page is left
    await desk.hire("anna")
    page = await desk.page("", "/customers?q=li")
    await expect(page).to_have_url(re.compile(r"/sign-in\?next="))
    await fill(page, "Anna", PASSWORD)
    await expect(page).to_have_url(desk.url + "/customers?q=li")
    await page.click("summary[aria-label='Your menu']")
    await page.click("text=Sign out")
    await expect(page.locator(".alert")).to_have_text("You are signed out.")
    await page.goto(desk.url + "/customers")
    await expect(page).to_have_url(re.compile("/sign-in"))


async def test_a_wrong_password_says_nothing_about_the_login_and_then_the_account_rests(desk: Desk) -> None:
    desk.expected += ["401", "429"]
    await desk.hire("anna")
    page = await desk.page("", "/sign-in")
    messages = []
    for login in ("anna", "nobody"):
        await fill(page, login, "wrong")
        messages.append(await page.locator(".alert").inner_text())
        assert await page.input_value("#f-login") == login
        assert await page.input_value("#f-password") == ""
    assert messages[0] == messages[1]
    for _ in range(desk.house.settings.sign_in_attempts - 1):
        await fill(page, "anna", "wrong")
    await expect(page.locator(".alert")).to_contain_text("rests until")
    await fill(page, "anna", PASSWORD)
    await expect(page.locator(".alert")).to_contain_text("rests until")


async def test_nobody_is_led_to_another_site(desk: Desk) -> None:
    await desk.hire("anna")
    for target in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        page = await desk.page("", "/sign-in?next=" + target)
        await fill(page, "anna", PASSWORD)
        await expect(page).to_have_url(desk.url + "/")
        await page.context.close()


async def test_caps_lock_and_the_shown_password(desk: Desk) -> None:
    page = await desk.page("", "/sign-in")
    await page.focus("#f-password")
    await page.evaluate(
        """() => document.querySelector("#f-password").dispatchEvent(
            new KeyboardEvent("keydown", {key: "A", bubbles: true, modifierCapsLock: true}))"""
    )
    await expect(page.locator("#password-caps")).to_have_text("Caps Lock is on.")
    await page.fill("#f-password", "secret")
    show = page.get_by_role("button", name="Show password")
    await show.click()
    await expect(page.locator("#f-password")).to_have_attribute("type", "text")
    await expect(show).to_have_attribute("aria-pressed", "true")


async def test_the_language_before_and_after(desk: Desk) -> None:
    await desk.hire("anna")
    page = await desk.page("", "/sign-in")
    await page.click("button[name=language]")
    await expect(page.locator("h1")).to_have_text("登录")
    await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    # The user's own language wins after sign-in, and the switch changes it for good.
    await fill(page, "anna", PASSWORD)
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await page.click("header form button[name=language]")
    await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    other = await desk.page("anna", "/profile")
    await expect(other.locator("html")).to_have_attribute("lang", "zh-CN")


async def test_the_theme_is_remembered_without_a_flash(desk: Desk) -> None:
    await desk.hire("anna")
    page = await desk.page("anna", "/profile", color_scheme="light")
    await page.click("header [data-theme-toggle]")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    response = await page.goto(desk.url + "/customers")
    assert response is not None
    assert 'data-theme="dark"' in await response.text()
    await page.click("header [data-theme-toggle]")
    await page.reload()
    assert await page.locator("html").get_attribute("data-theme") is None


async def test_a_form_of_another_session_changes_nothing(desk: Desk) -> None:
    desk.expected += ["403"]
    await desk.hire("anna", "administrator")
    page = await desk.page("anna", "/users/new")
    await page.eval_on_selector("#main form [name=csrf]", "field => field.value = 'stolen'")
    await page.fill("#f-name", "Mallory")
    await page.fill("#f-login", "mallory")
    await page.click(".form-foot .btn-primary")
    await expect(page.locator("h1")).to_have_text("Not allowed")
    assert await desk.house.db.fetchval("SELECT count(*) FROM users WHERE login = 'mallory'") == 0
