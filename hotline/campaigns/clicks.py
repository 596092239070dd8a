"""Who follows a link: a person, or a program that looks where it leads before a person does. Mailboxes and telephones
have links looked at as a message arrives (Microsoft Safe Links, Proofpoint, previews of chats); that is no click.

What tells them apart, as far as anything does: programs name themselves, they are there within the second, and they
follow every link at once. People have browsers, whose names all begin alike (RFC 9110 §10.1.5 and what became of it).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal

Who = Literal["person", "machine"]

#: Nobody has read a message and followed its link within so long after it left.
SHORTEST: Final = timedelta(seconds=3)
#: Whoever follows so many links of one message within so long is a program, however it calls itself.
MOST_AT_ONCE: Final = 3
AT_ONCE: Final = timedelta(seconds=5)

_BROWSER: Final = re.compile(r"(?:Mozilla|Opera)/\d")
_PROGRAM: Final = re.compile(
    r"bot\b|bots?/|crawl|spider|slurp|scanner|\bscan\b|preview|prefetch|headless|phantomjs|selenium|playwright|"
    r"puppeteer|lighthouse|curl/|wget|python|java/|libwww|go-http|okhttp|node-fetch|axios|ruby|perl|php/|"
    r"facebookexternalhit|whatsapp/|telegram|slack|skypeuri|discord|imageproxy|safelinks|proofpoint|mimecast|barracuda|"
    r"ironport|symantec|forcepoint|fireeye|trendmicro|sophos|messagelabs|appriver|urldefense|monitor|uptime|validator|"
    r"compatible;\s*[^;)]*(?:search|check|fetch)|Office/|ms-office|MSOffice|Outlook-",
    re.IGNORECASE,
)
#: Browsers and mailboxes that only look ahead say so in one of these (Sec-Purpose: HTML §4.2.4.10).
_LOOKING_AHEAD: Final = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")


def only_looks(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request asks where a link leads and nothing more: HEAD, and who says that they look ahead."""
    return method != "GET" or any("pre" in headers.get(name, "").lower() for name in _LOOKING_AHEAD)


def who(user_agent: str, sent_at: datetime, now: datetime) -> Who:
    """Who follows a link. ``sent_at``: when its message left, or began to; that is noted a moment later than it may
    have been looked at."""
    if not _BROWSER.match(user_agent) or _PROGRAM.search(user_agent):
        return "machine"
    return "machine" if abs(now - sent_at) < SHORTEST else "person"
