"""Hangup causes (ITU-T Q.850, as Asterisk's causes.h numbers them) and dial statuses, and what they mean for a call."""

from __future__ import annotations

from typing import Final

from .story import Disposition, RingEnd

NORMAL_CLEARING: Final = 16
ANSWERED_ELSEWHERE: Final = 26

_BUSY = frozenset({17, 21})  # user busy, call rejected
_NO_ANSWER = frozenset({18, 19, 23})  # no user response, alerting without answer, redirected to another phone
#: Says nothing by itself: no cause (0), normal clearing, normal unspecified, interworking (an odd SIP code).
_PLAIN = frozenset({0, NORMAL_CLEARING, ANSWERED_ELSEWHERE, 31, 127})

#: DIALSTATUS of a finished attempt → how that ring ended. CANCEL alone does not tell who gave up.
DIAL_STATUS: Final[dict[str, RingEnd]] = {
    "BUSY": "busy",
    "DONTCALL": "busy",
    "TORTURE": "busy",
    "NOANSWER": "no_answer",
    "FORWARD": "no_answer",
    "CHANUNAVAIL": "failed",
    "CONGESTION": "failed",
    "INVALIDARGS": "failed",
}

#: QUEUESTATUS → why the caller left the queue (app_queue.c, queue_results).
QUEUE_STATUS: Final[dict[str, str]] = {
    "TIMEOUT": "timeout",
    "LEAVEEMPTY": "leave_empty",
    "LEAVEUNAVAIL": "leave_empty",
    "WITHDRAW": "withdrawn",
    "CONTINUE": "moved",
}


def meaning(cause: int | None) -> Disposition | None:
    """What a hangup cause says of a call that nobody answered; None when it says nothing."""
    if cause is None or cause in _PLAIN:
        return None
    if cause in _BUSY:
        return "busy"
    if cause in _NO_ANSWER:
        return "no_answer"
    return "failed"


def ring_end(cause: int | None) -> RingEnd | None:
    """What a hangup cause says of a phone that was not picked up; None when it says nothing."""
    if cause == ANSWERED_ELSEWHERE:
        return "answered_elsewhere"
    match meaning(cause):
        case "busy":
            return "busy"
        case "no_answer":
            return "no_answer"
        case "failed":
            return "failed"
    return None
