"""Who follows a link: a person, or a program that looks where it leads before a person does. Mailboxes and telephones
have links looked at as a message arrives (Microsoft Safe Links, Proofpoint, previews of chats); that is no click.

What tells them apart, as far as anything does: they ask by HEAD, say that they look ahead, name themselves, or follow
every link at once, the faster after the sending the fewer it takes. Whatever else follows a link counts as its person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal

Who = Literal["person", "machine"]

#: Whoever follows so many links of one message within so long is a program, however it calls itself.
MOST_AT_ONCE: Final = 3
AT_ONCE: Final = timedelta(seconds=5)
#: So soon after a message left nobody has read it and followed two of its links.
SOON: Final = timedelta(seconds=3)
MOST_SOON: Final = 2

_PROGRAM: Final = re.compile(
    r"bot\b|bots?/|crawl|spider|slurp|scanner|\bscan\b|preview|prefetch|headless|phantomjs|"
    r"facebookexternalhit|whatsapp/|telegram|slack|skypeuri|discord|imageproxy|safelinks|proofpoint|mimecast|barracuda|"
    r"ironport|symantec|forcepoint|fireeye|trendmicro|sophos|messagelabs|appriver|urldefense|validator|linkcheck|"
    r"ms-office|MSOffice",
    re.IGNORECASE,
)
#: Browsers and mailboxes that only look ahead say so in one of these (Sec-Purpose: HTML §4.2.4.10).
_LOOKING_AHEAD: Final = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
#: Letters of a client's name that are looked at.
_LONGEST_NAME: Final = 500


def who(method: str, headers: Mapping[str, str]) -> Who:
    """Who asks where a link leads, by the request itself."""
    if method != "GET" or any("pre" in headers.get(name, "").lower() for name in _LOOKING_AHEAD):
        return "machine"
    return "machine" if _PROGRAM.search(headers.get("User-Agent", "")[:_LONGEST_NAME]) else "person"


def most_at_once(sent_at: datetime, now: datetime) -> int:
    """From how many links of a message on that are followed within ``AT_ONCE`` it is a program. ``sent_at``: when the
    message left, or began to; that is noted a moment later than it may have been looked at."""
    return MOST_SOON if abs(now - sent_at) < SOON else MOST_AT_ONCE
