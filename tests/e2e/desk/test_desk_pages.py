"""Every page in both themes and both languages: nothing serious for axe, nothing wider than the screen, and no word
left in the other language. With SCREENSHOTS set to a folder, pictures of all of it are left there."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Page

from hotline.workflows import tickets, wrap_ups
from hotline.workflows.tickets import NewTicket
from tests.e2e.desk.conftest import Desk, serious

WIDTHS = (390, 1440, 2560)
#: Both languages and both themes; every combination only where pictures are wanted.
LOOKS: list[tuple[str, Literal["light", "dark"]]] = [("en", "light"), ("zh", "dark")]
if "SCREENSHOTS" in os.environ:
    LOOKS += [("en", "dark"), ("zh", "light")]
#: Words that are the same in Chinese: names, units, what a PBX calls things.
SAME = re.compile(
    r"\b(?:hotline|English|EN|API|PJSIP|Local|Ctrl|Alt|Enter|Esc|WhatsApp|HOTLINE_AMI_URLS|Asterisk|FreePBX|UTC|CN|GB|"
    r"Wang Xiuying|Li Guoqiang|Chen Jing|Emma Clarke|Root|root|Bert|bert|support|sales|embedded|memory|main|"
    r"works from home|"
    r"a browser of the tests|from-queue|agent1|agent9|C10001|T1000\d|Router restarts every evening|Static IP|"
    r"MB|BCP|SVG|en|zh)\b"
)
PAGES = (
    "/",
    "/tickets?view=open",
    "/tickets?view=overdue",
    "/tickets/new?customer={customer}",
    "/tickets/{ticket}",
    "/callbacks",
    "/customers",
    "/customers/new",
    "/customers/{customer}",
    "/customers/{customer}/edit",
    "/users",
    "/users/new",
    "/users/{user}",
    "/profile",
    "/tokens",
    "/flows",
    "/flows/main",
    "/system",
    "/components",
    "/nowhere",
)


async def furnish(desk: Desk, locale: str) -> dict[str, str]:
    """Records for the pages to show; their ids."""
    root = await desk.hire(
        "root", "administrator", locale=locale, interfaces=["PJSIP/agent1"], queues=["support"], extension="1001"
    )
    bert = await desk.hire("bert", interfaces=["PJSIP/agent9"], queues=["support", "sales"], extension="1009")
    customer = await desk.customer("王秀英 Wang Xiuying", "+8613800006620", tier="gold", tags=["works from home"])
    await desk.customer("李国强 Li Guoqiang", "+8613800006620")
    await desk.customer("Emma Clarke", "+442079460158", tier="platinum")
    await desk.house.db.execute(
        """INSERT INTO pbx_state (pbx, connected, version, lag_ms, error, node)
           VALUES ('main', true, '22.10.0', 3, '', 'n')"""
    )
    ring = await desk.telephone.ring("+442079460158", "PJSIP/agent1", ivr={"language": "zh", "kind": "complaint"})
    await ring.answer()
    await ring.end()
    await wrap_ups.wrap_up_call(desk.house, root, ring.call_id, disposition="follow_up", note="答应周二回电。")
    missed = await desk.telephone.ring("+442079460777", "PJSIP/agent1")
    await missed.give_up()
    fields: NewTicket = {"kind": "service_request", "subject": "Static IP", "customer_id": customer.id}
    await tickets.create_ticket(desk.house, root, {**fields, "assignee": "root", "priority": "urgent"})
    ticket_id = await desk.house.db.fetchval("SELECT ticket_id FROM call WHERE id = $1", ring.call_id)
    await tickets.change_ticket(
        desk.house, root, ticket_id, {"subject": "Router restarts every evening", "state": "waiting"}
    )
    ids = {"customer": customer.id, "user": bert.user_id, "root": root.user_id, "ticket": ticket_id}
    return {name: str(each) for name, each in ids.items()}


async def english_words(page: Page) -> set[str]:
    """Latin words that a person sees or hears on a Chinese page, beside those that are the same in both."""
    texts: list[str] = await page.evaluate(
        """() => {
          const found = [];
          const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          while (walk.nextNode()) {
            const node = walk.currentNode, parent = node.parentElement;
            if (parent.closest("script, style, [lang=en], .mono, code, bdi, .visually-hidden")) continue;
            found.push(node.textContent);
          }
          for (const template of document.querySelectorAll("template")) {
            const walk = document.createTreeWalker(template.content, NodeFilter.SHOW_TEXT);
            while (walk.nextNode()) found.push(walk.currentNode.textContent);
          }
          for (const name of ["aria-label", "title", "placeholder"])
            for (const element of document.querySelectorAll(`[${name}]`))
              if (!element.closest("[lang=en], bdi")) found.push(element.getAttribute(name));
          found.push(document.title);
          return found;
        }"""
    )
    words: set[str] = set()
    for text in texts:
        words |= set(re.findall(r"[A-Za-z]{2,}", SAME.sub(" ", text)))
    return words


@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.parametrize(("locale", "theme"), LOOKS)
async def test_every_page(desk: Desk, locale: str, theme: str, half: int) -> None:
    desk.expected += ["404"]
    ids = await furnish(desk, locale)
    folder = os.environ.get("SCREENSHOTS")
    context = await desk.context("root", color_scheme=theme, reduced_motion="reduce")
    page = await desk.tab(context)
    problems: list[str] = []
    for path in PAGES[half::2]:
        await page.goto(desk.url + path.format(**ids))
        await page.wait_for_selector("html[data-ready]")
        if path == "/":
            await page.wait_for_selector("#recent li")
        name = re.sub(r"[^a-z]+", "-", re.sub(r"\{\w+\}", "one", path)).strip("-") or "desk"
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 844 if width == 390 else 900})
            if await page.evaluate("document.documentElement.scrollWidth") > width:
                problems.append(f"{path} is wider than {width}")
            if folder:
                await page.screenshot(path=Path(folder) / f"{name}-{width}-{theme}-{locale}.png", full_page=True)
        problems += [f"{path}: {found}" for found in await serious(page)]
        if locale == "zh":
            problems += [f"{path}: not in Chinese: {word}" for word in sorted(await english_words(page))]
    if half and locale == "en":
        await page.goto(desk.url + "/api/v1/docs")
        problems += [f"/api/v1/docs: {found}" for found in await serious(page)]
    assert problems == []


@pytest.mark.parametrize("locale", ["en", "zh"])
async def test_the_desk_in_its_states(desk: Desk, locale: str) -> None:
    await furnish(desk, locale)
    folder = os.environ.get("SCREENSHOTS")
    found: list[str] = []

    async def look(page: Page, name: str) -> None:
        for theme in [theme for language, theme in LOOKS if language == locale]:
            await page.emulate_media(color_scheme=theme)
            for width in WIDTHS:
                await page.set_viewport_size({"width": width, "height": 844 if width == 390 else 900})
                if folder:
                    await page.screenshot(path=Path(folder) / f"desk-{name}-{width}-{theme}-{locale}.png")
                if await page.evaluate("document.documentElement.scrollWidth") > width:
                    found.append(f"{name} is wider than {width}")
            found.extend(f"{name} {theme}: {problem}" for problem in await serious(page))
        await page.set_viewport_size({"width": 1440, "height": 900})

    page = await desk.page("root", reduced_motion="reduce")
    shared = await desk.telephone.ring("+8613800006620", "PJSIP/agent1")
    await page.wait_for_selector(".ring-card")
    await look(page, "ringing")
    unknown = await desk.telephone.ring("+442079460999", "PJSIP/agent1")
    await page.wait_for_selector(".ring-card[data-compact]")
    await look(page, "two-rings")
    await shared.give_up()
    await page.wait_for_selector(".ring-card[data-compact]", state="detached")
    await unknown.answer()
    await page.wait_for_selector(".call-card")
    await page.click("[data-part=transfer]")
    await page.wait_for_selector(".targets li")
    await look(page, "in-call")
    await page.click("#presence summary")
    await look(page, "presence")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("wang")
    await page.wait_for_selector("[data-found]")
    await look(page, "palette")
    await page.keyboard.press("Escape")
    await unknown.end()
    await page.wait_for_selector(".call-card[data-state=wrap]")
    await look(page, "wrap-up")
    assert found == []
