"""Who follows a link: people, and programs that look first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hotline.campaigns.clicks import only_looks, who

SENT = datetime(2030, 5, 1, 9, tzinfo=UTC)
LATER = SENT + timedelta(minutes=5)
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
    "", "curl/8.5.0", "python-requests/2.32", "Go-http-client/2.0", "WhatsApp/2.23.20.0", "okhttp/4.12",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0) Chrome/116.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 HeadlessChrome/131.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "facebookexternalhit/1.1", "Mozilla/4.0 (compatible; ms-office; MSOffice 16)", "Slackbot-LinkExpanding 1.0",
]  # fmt: skip


@pytest.mark.parametrize("name", PEOPLE)
def test_browsers_of_people(name: str) -> None:
    assert who(name, SENT, LATER) == "person"


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_by_their_names(name: str) -> None:
    assert who(name, SENT, LATER) == "machine"


@pytest.mark.parametrize("seconds", [-1, 0, 2.9])
def test_nobody_reads_that_fast(seconds: float) -> None:
    assert who(PEOPLE[0], SENT, SENT + timedelta(seconds=seconds)) == "machine"


def test_a_clock_that_was_set_back_makes_no_machines() -> None:
    assert who(PEOPLE[0], SENT, SENT - timedelta(hours=1)) == "person"


def test_rule_02_looking_is_no_following() -> None:
    assert only_looks("HEAD", {})
    assert only_looks("GET", {"Sec-Purpose": "prefetch;prerender"})
    assert only_looks("GET", {"X-Purpose": "preview"})
    assert not only_looks("GET", {"Sec-Fetch-Mode": "navigate"})
