"""Who follows a link: people, and programs that look first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hotline.campaigns.clicks import most_at_once, who

SENT = datetime(2030, 5, 1, 9, tzinfo=UTC)
#: As browsers and mailboxes of 2025 call themselves.
PEOPLE = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 "
    "Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 14; wv) AppleWebKit/537.36 Version/4.0 Chrome/130.0 Mobile Safari/537.36 "
    "MicroMessenger/8.0.50 NetType/WIFI Language/zh_CN",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0",
]
PROGRAMS = [
    "WhatsApp/2.23.20.0", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0) Chrome/116.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 HeadlessChrome/131.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "facebookexternalhit/1.1", "Mozilla/4.0 (compatible; ms-office; MSOffice 16)", "Slackbot-LinkExpanding 1.0",
]  # fmt: skip


@pytest.mark.parametrize("name", [*PEOPLE, "", "curl/8.5.0", "Python/3.11 aiohttp/3.10"])
def test_whoever_says_nothing_else_is_a_person(name: str) -> None:
    assert who("GET", {"User-Agent": name, "Sec-Fetch-Mode": "navigate"}) == "person"


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_by_their_names(name: str) -> None:
    assert who("GET", {"User-Agent": name}) == "machine"


def test_rule_02_looking_is_no_following() -> None:
    assert who("HEAD", {"User-Agent": PEOPLE[0]}) == "machine"
    assert who("GET", {"Sec-Purpose": "prefetch;prerender"}) == "machine"
    assert who("GET", {"X-Purpose": "preview"}) == "machine"


@pytest.mark.parametrize(("seconds", "most"), [(-1, 2), (0, 2), (2.9, 2), (3, 3), (300, 3), (-3_600, 3)])
def test_so_soon_nobody_follows_two(seconds: float, most: int) -> None:
    assert most_at_once(SENT, SENT + timedelta(seconds=seconds)) == most
