"""The demo's handset in a real browser: keys by pointer and keyboard, prompts by ear and by eye, a message by
microphone and by text. With SCREENSHOTS set to a folder, pictures of it are left there."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.e2e.desk.conftest import CHROMIUM, FLAGS
from tests.e2e.desk.looks import violations
from tests.integration.test_demo import Demo, demo

#: A microphone that beeps, and a person who lets the page have it.
MICROPHONE = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
#: A prompt may have to be made first, and the machine may be busy.
PATIENCE = 60_000


@asynccontextmanager
async def handset(shown: Demo, **options: object) -> AsyncIterator[tuple[Page, list[str]]]:
    """The page, and the prompts that it fetched."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *MICROPHONE])
        still = {"viewport": {"width": 1440, "height": 1000}, "reduced_motion": "reduce"}
        context = await browser.new_context(**{**still, **options})  # type: ignore[arg-type]
        page = await context.new_page()
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        troubles: list[str] = []
        fetched: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda line: troubles.append(line.text) if line.type in ("error", "warning") else None)
        page.on("request", lambda request: fetched.append(request.url) if "/prompts/" in request.url else None)
        await page.goto(f"{shown.address}/demo")
        await page.wait_for_selector("html[data-ready]")
        yield page, fetched
        await browser.close()
        assert troubles == []


async def look(page: Page, name: str) -> list[str]:
    """What is wrong with the page as it stands, in both themes, wide and narrow."""
    found = []
    for theme in ("light", "dark"):
        await page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        found += [f"{name} {theme}: {problem}" for problem in await violations(page)]
        for width in (390, 1440):
            await page.set_viewport_size({"width": width, "height": 1000})
            wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if wide > 0:
                found.append(f"{name} {theme}: {wide} px wider than {width}")
            if os.environ.get("SCREENSHOTS"):
                shot = Path(os.environ["SCREENSHOTS"]) / f"demo-{name}-{width}-{theme}.png"
                await page.screenshot(path=shot, full_page=True)
    return found


@pytest.mark.timeout(300)
async def test_a_person_at_the_handset(server_folder: Path) -> None:
    async with demo(server_folder) as shown:
        await _in_english(shown)
        async with handset(shown, locale="zh-CN") as (page, _):
            assert await look(page, "zh") == []


async def _in_english(shown: Demo) -> None:
    async with handset(shown, locale="en-GB") as (page, fetched):
        state = page.locator(".handset [data-part=state]")
        heard = page.get_by_role("log", name="What the caller hears")
        assert await look(page, "ready") == []

        # By keyboard and by pointer through the menu into the queue; the words are on the screen, the sound is fetched.
        await page.get_by_label("Unknown caller").check()
        await page.get_by_role("button", name="Call", exact=True).click()
        await expect(state).to_have_text("In the menu")
        await expect(heard).to_contain_text("For English, press 1")
        await page.keyboard.press("1")
        await expect(heard).to_contain_text("For a complaint, press 2")
        assert await look(page, "menu") == []
        await page.get_by_role("group", name="Keypad").get_by_role("button", name="2").click()
        await expect(state).to_have_text(re.compile("In the queue"))
        await expect(page.locator("#log")).to_contain_text("Complaint")
        assert fetched
        await expect(page.get_by_role("button", name="Hang up").first).to_be_visible()
        await page.locator(".handset [data-part=hang-up]").click()
        await expect(state).to_have_text("Ready")

        # The second number records: a sentence in writing, then the microphone; the key # ends both.
        await page.get_by_label("Number to dial").select_option("9501")
        await page.get_by_role("button", name="Call", exact=True).click()
        await expect(heard).to_contain_text("For English, press 1")
        await page.keyboard.press("1")
        await expect(page.get_by_label("What the caller says")).to_be_visible()
        assert await look(page, "voicemail") == []
        await page.get_by_label("What the caller says").fill("Please call me back about invoice 4711.")
        await page.get_by_role("button", name="Say it").click()
        await expect(heard).to_contain_text("said something")
        await page.get_by_role("button", name="Speak").click()
        await expect(page.get_by_role("button", name="Stop")).to_be_visible()
        await page.wait_for_timeout(1500)  # the microphone's own time
        await page.get_by_role("group", name="Keypad").get_by_role("button", name="#").click()
        await expect(page.locator("#log")).to_contain_text("Voicemail stored")
        await expect(state).to_have_text("Ready")
        async with shown.person("admin") as admin:
            call = (await admin.get("/api/v1/calls?limit=1"))["items"][0]
            recording = (await admin.get(f"/api/v1/recordings?call_id={call['id']}"))["items"][0]
        assert recording["seconds"] > 2.5  # both were recorded
