"""How many mails hotline answers by itself in an hour: of one domain, and in all. A machine that writes from ever new
addresses would have each of them answered otherwise (RFC 3834 2, 5)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from hotline.workflows.house import House

log = structlog.get_logger(__name__)

HOUR: Final = timedelta(hours=1)
#: Answers of one process in an hour: to the addresses of one domain, and to all.
PER_DOMAIN: Final = 100
IN_ALL: Final = 1_000
#: Letters of a name such as the ``co`` of ``co.uk``, under which everybody has domains.
_SHORT: Final = 3


@dataclass
class Given:
    """What this process answered in the last hour: when, and whose domain; and when each bound was told of."""

    answers: deque[tuple[datetime, str]] = field(default_factory=deque, repr=False)
    told: dict[str, datetime] = field(default_factory=dict)


def may_answer_mail(house: House, address: str, now: datetime) -> bool:
    """Whether a mail from this address may have an automatic answer still; it counts as given then."""
    given: Given = house.kept.setdefault(Given, Given())
    while given.answers and not now - HOUR < given.answers[0][0] <= now:
        given.answers.popleft()  # also what a clock that was put back left in the future
    domain = domain_of(address)
    bound = None
    if len(given.answers) >= IN_ALL:
        bound = "all"
    elif sum(each == domain for _, each in given.answers) >= PER_DOMAIN:
        bound = "domain"
    if bound is None:
        given.answers.append((now, domain))
        return True
    last = given.told.get(bound)
    if last is None or not last <= now < last + HOUR:
        given.told[bound] = now
        log.warning("mail.too_many_answers", bound=bound, most=IN_ALL if bound == "all" else PER_DOMAIN)
    return False


def domain_of(address: str) -> str:
    """The domain that somebody registered, as far as its labels tell: names below it are free to make."""
    labels = address.rpartition("@")[2].lower().rstrip(".").split(".")
    below = 3 if len(labels) > 2 and len(labels[-2]) <= _SHORT else 2
    return ".".join(labels[-below:])
