"""Twilio's webhooks and status callbacks as the lines of a call's story. Pure: forms in, lines out.

Parameters: https://www.twilio.com/docs/voice/twiml#request-parameters and, of status callbacks,
https://www.twilio.com/docs/voice/api/call-resource#statuscallback. Every value is a stranger's text. Callbacks come
late, twice and in any order, so each is read by itself; what has ended stays so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, Literal
from uuid import UUID

from hotline.calls.fields import caller_name, caller_number
from hotline.calls.story import Alias, CallArrived, CallEnded, Disposition, RingEnd

Form = Mapping[str, str]
LeftHow = Literal["answered", "timeout", "empty", "full", "failed"]
Progress = Literal["queued", "ringing", "answered", "ended"]

CALL_SID: Final = re.compile(r"CA[0-9a-fA-F]{32}")
#: What stands for the trunk in a story: no interface of any user.
TWILIO_TRUNK: Final = "twilio"
#: What Twilio says for a caller without a number: the word as it stands on a telephone's keys (ANONYMOUS, BLOCKED,
#: RESTRICTED, UNAVAILABLE, UNKNOWN).
_WORDS_AS_KEYS: Final = frozenset({"266696687", "2562533", "7378742833", "86282452253", "8656696"})
#: A callback's Timestamp has whole seconds; only one that is older than this says more than when it came.
_LATE: Final = timedelta(seconds=5)

#: How far a leg is, by CallStatus. ``queued`` is before the phone rings.
_PROGRESS: Final[Mapping[str, Progress]] = {
    "queued": "queued",
    "initiated": "queued",
    "ringing": "ringing",
    "in-progress": "answered",
    "answered": "answered",
    "completed": "ended",
    "busy": "ended",
    "no-answer": "ended",
    "failed": "ended",
    "canceled": "ended",
}
#: How a ring that nobody answered ended.
_RING_ENDS: Final[Mapping[str, RingEnd]] = {
    "busy": "busy",
    "no-answer": "no_answer",
    "failed": "failed",
    "canceled": "cancelled",
    "completed": "no_answer",
}
_CAUSES: Final[Mapping[str, int]] = {"completed": 16, "busy": 17, "no-answer": 19, "failed": 38, "canceled": 16}
_QUEUE_LEFT: Final[Mapping[str, LeftHow]] = {
    "timeout": "timeout",
    "leave_empty": "empty",
    "withdrawn": "failed",
    "unknown": "failed",
}
_CAUSE_LEFT: Final[Mapping[int, LeftHow]] = {17: "full", 19: "timeout", 34: "empty"}
#: AnsweredBy of https://www.twilio.com/docs/voice/answering-machine-detection that no person is.
_MACHINES: Final = ("machine_", "fax")


def call_sid(form: Form) -> str | None:
    """The CallSid, when it is one."""
    sid = form.get("CallSid", "")
    return sid if CALL_SID.fullmatch(sid) else None


def progress(form: Form) -> Progress | None:
    """How far the leg is; None for a status that nobody knows."""
    return _PROGRESS.get(form.get("CallStatus", ""))


def moment(form: Form, at: datetime) -> datetime:
    """When it happened: as it came (``at``), or as Twilio says where it comes late."""
    try:
        told = parsedate_to_datetime(form.get("Timestamp", ""))
    except (ValueError, TypeError, IndexError):
        return at
    told = told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
    return told if timedelta() < at - told and at - told > _LATE and at - told < timedelta(days=2) else at


def party(value: str) -> str | None:
    """The number of a From or To: of a SIP address its user part when that is a number; None for none."""
    text = value.strip()
    if text.startswith(("sip:", "sips:")):
        text = text.partition(":")[2].partition("@")[0]
    elif text.startswith("client:"):
        return None
    number = caller_number(text)
    if number is not None and number.lstrip("+") in _WORDS_AS_KEYS:
        return None
    return number if number is not None and re.fullmatch(r"\+?[0-9*#]{1,40}", number) else None


def arrived(call_id: UUID, form: Form, at: datetime) -> CallArrived:
    """A caller's first webhook."""
    number = party(form.get("From", ""))
    return CallArrived(
        call_id,
        at,
        TWILIO_TRUNK,
        number,
        caller_name(form.get("CallerName")),
        number is None,
        party(form.get("To", "")) or (form.get("To", "").strip()[:100] or None),
        (Alias("uniqueid", form["CallSid"]),),
    )


def ended(call_id: UUID, form: Form, at: datetime, disposition: Disposition) -> CallEnded:
    """The end of a call."""
    return CallEnded(call_id, moment(form, at), disposition, _CAUSES.get(form.get("CallStatus", "")))


def disposition(status: str, *, direction: str, answered: bool, voicemail: bool, left: str | None) -> Disposition:
    """How a call ended. ``status`` is the last leg's CallStatus, ``left`` how the caller came back from a queue."""
    if answered:
        return "answered"
    if voicemail:
        return "voicemail"
    if direction == "out":
        return {"busy": "busy", "failed": "failed"}.get(status, "no_answer")  # type: ignore[return-value]
    if status == "failed":
        return "failed"
    return "no_answer" if left in ("timeout", "empty", "full", "failed", "callback") else "abandoned"


def ring_end(status: str, *, answered: bool, taken_elsewhere: bool, caller_gone: bool) -> RingEnd:
    """How an agent's phone stopped ringing, or the leg that came of it ended."""
    if answered:
        return "completed"
    if taken_elsewhere:
        return "answered_elsewhere"
    if caller_gone:
        return "cancelled"
    return _RING_ENDS.get(status, "no_answer")


def is_machine(answered_by: str) -> bool:
    """Whether no person answered."""
    return answered_by.startswith(_MACHINES)


def left_of_queue(reason: str) -> LeftHow | None:
    """What the reason of a CallUnqueued means for a flow; None: it goes on elsewhere, or the caller is gone."""
    return _QUEUE_LEFT.get(reason)


def left_of_cause(cause: int | None) -> LeftHow:
    """What the shipped dialplan says by the cause with which it hangs up a caller whom nobody answered."""
    return _CAUSE_LEFT.get(cause or 0, "failed")


def left_of_dial(status: str) -> LeftHow:
    """What DialCallStatus means for a caller of whom nothing else is known (verb Dial, action)."""
    match status:
        case "completed" | "answered":
            return "answered"
        case "busy":
            return "full"
        case "no-answer" | "canceled":
            return "timeout"
        case _:
            return "failed"


def left_of_enqueue(result: str) -> LeftHow | None:
    """What QueueResult means for a caller of whom nothing else is known (verb Enqueue, action); None: they are gone."""
    match result:
        case "bridged" | "bridging-in-process":
            return "answered"
        case "queue-full":
            return "full"
        case "hangup":
            return None
        case "leave" | "redirected" | "redirected-from-bridged":
            return "timeout"
        case _:
            return "failed"
