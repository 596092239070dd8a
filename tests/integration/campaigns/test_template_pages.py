"""Pages of templates, by requests: written, refused beside the field, looked at in a frame that runs nothing."""

from __future__ import annotations

import re
from html import unescape

from tests.integration.people import PASSWORD, add_user
from tests.integration.web.browser import Browser
from tests.integration.web.conftest import Api


async def test_a_template_is_written_looked_at_and_changed(api: Api) -> None:
    await add_user(api.house, "mia", "marketer", password=PASSWORD)
    async with Browser(api) as browser:
        await browser.sign_in("mia")
        assert "No template yet" in await browser.get("/templates")
        await browser.get("/templates/new?channel=email")
        typed = {
            "channel": "email", "name": "News", "locale": "en", "subject-en": "Hi {{ nam }}", "preheader-en": "",
            "body-en": '<p>Dear {{ name }}</p><a href="https://shop.example.com/">Shop</a>', "text-en": "",
            "default": "en",
        }  # fmt: skip
        page = await browser.post("/templates/new", typed, status=422)
        assert re.search(r'id="subject-en-error">.*?There is no value called nam', page, re.DOTALL)
        assert "Dear {{ name }}" in unescape(page), "what was typed stays"
        page = await browser.post("/templates/new", {**typed, "subject-en": "Hi {{ name }}"})
        assert "The template is there" in page
        path = browser.at.partition("?")[0]
        part = await browser.post("/templates/look", {**typed, "subject-en": "Hello {{ first_name }}", "look": "en"})
        assert "Hello Alex" in part
        assert "<html" not in part
        typed_mail = {**typed, "subject-en": "Hi", "body-en": "<p>Now {{ name }}</p>", "look": "en", "customer": ""}
        assert "Now Alex Morgan" in await browser.post("/templates/look/mail", typed_mail)
        assert "Dear Alex Morgan" in await browser.get(f"{path}/mail?locale=en")
        policy = browser.told["Content-Security-Policy"]
        assert "sandbox" in policy.split("; ")
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        page = await browser.post(path, {**typed, "subject-en": "Bye", "version": "1", "add": "yes", "language": "de"})
        assert 'name="body-de"' in page
        page = await browser.post(path, {**typed, "subject-en": "Bye", "version": "1"})
        assert "What it said before" in page
        assert "Version 2" in page
        await browser.post(path, {**typed, "subject-en": "Late", "version": "1"}, status=409)
        assert "Bye" in await browser.get("/templates?channel=email")


async def test_a_reviewer_reads_and_an_agent_does_not(api: Api) -> None:
    for role in ("marketer", "reviewer", "agent"):
        await add_user(api.house, role, role, password=PASSWORD)
    made = await api.post("/templates", {"name": "N", "channel": "sms", "locales": {"en": {"body": "Hi"}}})
    async with Browser(api) as browser:
        await browser.sign_in("reviewer")
        page = await browser.get(f"/templates/{made['id']}")
        assert 'name="body-en"' in page
        assert "Ctrl Enter" not in page.partition('id="template-form"')[2].partition("</form>")[0]
        await browser.get("/templates/new", status=403)
        await browser.post(f"/templates/{made['id']}", {"name": "x"}, status=403)
    async with Browser(api) as browser:
        await browser.sign_in("agent")
        await browser.get("/templates", status=403)
