"""What is looked at on every page: nothing for axe to find, nothing wider than the screen, no word left in the other
language. With SCREENSHOTS set to a folder, pictures of all of it are left there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from playwright.async_api import Page

AXE: Final = Path(__file__).parents[3] / "node_modules" / "axe-core" / "axe.min.js"
#: WCAG 2.2 AA with what stands below it, and what axe calls best practice.
RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice")

Theme = Literal["light", "dark"]

WIDTHS: Final = (390, 1440, 2560)
#: Both languages and both themes; every combination only where pictures are wanted.
LOOKS: list[tuple[str, Theme]] = [("en", "light"), ("zh", "dark")]
if "SCREENSHOTS" in os.environ:
    LOOKS += [("en", "dark"), ("zh", "light")]
#: Words that are the same in Chinese: names, units, what a PBX or the trade calls things.
SAME: Final = re.compile(
    r"\b(?:hotline twilio setup|hotline|English|EN|API|PJSIP|Local|Ctrl|Alt|Enter|Esc|WhatsApp|HOTLINE_AMI_URLS|"
    r"Asterisk|FreePBX|UTC|CN|GB|"
    r"Wang Xiuying|Li Guoqiang|Chen Jing|Emma Clarke|Root|root|Bert|bert|support|sales|embedded|memory|main|"
    r"works from home|We look into it|Service|EC|"
    r"Twilio|ContentSid|HX|tel|sip:anna@example\.com|client:anna|service@company\.example|"
    r"a browser of the tests|from-queue|agent1|agent9|C10001|T1000\d|Router restarts every evening|Static IP|"
    r"MB|BCP|SVG|ID|en|zh|SLA|CSV|XLSX|TOTP|TLS|PBX|AMI|calls\.read_all|manager\.conf|secret|privacy)\b"
)


async def violations(page: Page) -> list[str]:
    """What axe finds on the page, one line each; what is being read again is dim meanwhile, and is waited for."""
    await page.wait_for_function("() => !document.querySelector('[aria-busy=true]')")
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text("utf-8"))
    found = await page.evaluate(
        "tags => axe.run(document, {resultTypes: ['violations'], runOnly: {type: 'tag', values: tags}})", list(RULES)
    )
    return [
        f"{violation['impact']} {violation['id']}: {node['target']} {node.get('failureSummary', '')}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


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


@dataclass
class Look:
    """Looks at pages, one after the other, and notes what is wrong with them."""

    locale: str
    widths: tuple[int, ...] = WIDTHS
    #: Words of the records shown that need no translation.
    same: frozenset[str] = frozenset()
    #: Whether words are looked at: not where most of a page is what somebody has written.
    words: bool = True
    problems: list[str] = field(default_factory=list)

    async def at(self, page: Page, name: str, themes: Iterable[Theme], *, full: bool = True) -> None:
        """The page as it is now, in these themes."""
        folder = os.environ.get("SCREENSHOTS")
        for theme in themes:
            await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            for width in self.widths:
                await page.set_viewport_size({"width": width, "height": 844 if width == 390 else 900})
                if await page.evaluate("document.documentElement.scrollWidth") > width:
                    self.problems.append(f"{name} is wider than {width}")
                if folder:
                    file = Path(folder) / f"{name}-{width}-{theme}-{self.locale}.png"
                    await page.screenshot(path=file, full_page=full)
            self.problems += [f"{name} {theme}: {found}" for found in await violations(page)]
        if self.locale == "zh" and self.words:
            words = await english_words(page) - self.same
            self.problems += [f"{name}: not in Chinese: {word}" for word in sorted(words)]

    async def visit(self, page: Page, base: str, paths: Iterable[str], themes: Iterable[Theme]) -> None:
        """Each of these addresses, in these themes."""
        for path in paths:
            await page.goto(base + path)
            await page.wait_for_selector("html[data-ready]")
            if path == "/":
                await page.wait_for_selector("#recent li")
            await self.at(page, name_of(path), themes)


def name_of(path: str) -> str:
    """An address as the name of its picture."""
    bare = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "one", path)
    return re.sub(r"[^a-z0-9]+", "-", bare.lower()).strip("-") or "desk"
