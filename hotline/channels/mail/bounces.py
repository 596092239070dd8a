"""Mail that did not arrive: what delivery reports say (RFC 3464, RFC 3463), and mail servers that know no such report.

flufl.bounce knows the forms of dozens of servers; the fields of RFC 3464 give the code and tell a delay from a failure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from typing import Any, Final, Literal

import structlog
from flufl.bounce import all_failures

from hotline.channels.mail.charsets import header_text

log = structlog.get_logger(__name__)

#: ``failed``: this mail will not arrive; ``delayed``: the server tries on; ``delivered``: it arrived; ``complaint``:
#: its reader marked it as unwanted (RFC 5965).
Fate = Literal["failed", "delayed", "delivered", "complaint"]

#: Most bytes of a report that are read: the mail that came back may hang on it whole.
LONGEST: Final = 1_000_000
MOST_RECIPIENTS: Final = 100
_STATUS: Final = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_ADDRESS: Final = re.compile(r"[^@\s.]+(?:\.[^@\s.]+)*@[^@\s.]+(?:\.[^@\s.]+)*")
_MESSAGE_ID: Final = re.compile(rb"^message-id:[ \t]*(?:\r?\n[ \t]+)?<([^<>\s]{1,900})>", re.IGNORECASE | re.MULTILINE)
_OF_ARRIVAL: Final = frozenset({"delivered", "relayed", "expanded"})
#: Feedback of other kinds (RFC 5965 7.3, RFC 6591): somebody says that it was wanted, or a signature did not fit.
_NO_COMPLAINT: Final = frozenset({"not-spam", "auth-failure", "virus"})


@dataclass(frozen=True, slots=True)
class Recipient:
    """What became of one address; ``status`` by RFC 3463, empty where it is not told, as is the ``address`` of who
    complains."""

    address: str = field(repr=False)
    fate: Fate
    status: str = ""

    @property
    def hard(self) -> bool:
        """Nothing will arrive there; a failure with a code of class 4 says that for now only."""
        return self.fate == "failed" and not self.status.startswith("4")


@dataclass(frozen=True, slots=True)
class Report:
    """A delivery report. ``message_ids`` are of the mail that it is about, as far as it carries it."""

    recipients: tuple[Recipient, ...]
    message_ids: tuple[str, ...]


def read_report(raw: bytes) -> Report | None:
    """The report in a mail; None for a mail that is none. Takes a while: call it in a thread."""
    raw = raw[:LONGEST]
    try:
        message = BytesParser(policy=compat32).parsebytes(raw)
        temporary, permanent = all_failures(message)
        told = _by_fields(message)
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError, AssertionError, UnicodeError) as error:
        log.info("mail.report_unreadable", error=type(error).__name__)
        return None
    found: dict[str, Recipient] = {}
    for address in sorted(permanent | temporary):
        text = address.decode("utf-8", "replace").strip().lower()
        if not _ADDRESS.fullmatch(text):
            continue
        known = told.get(text)
        if address in permanent and (known is None or known.fate != "failed"):
            known = Recipient(text, "failed")
        found[text] = known or Recipient(text, "delayed")
    for text, recipient in told.items():
        found.setdefault(text, recipient)
    if not found:
        return None
    # The report's own Message-ID stands first in it; those of what came back follow.
    own = str(message.get("message-id", "")).strip().strip("<>")
    ids = dict.fromkeys(each.decode("ascii", "replace") for each in _MESSAGE_ID.findall(raw))
    return Report(tuple(found.values())[:MOST_RECIPIENTS], tuple(each for each in ids if each != own)[:10])


def _by_fields(message: Message) -> dict[str, Recipient]:
    """What the fields of RFC 3464 or RFC 5965 say, by address."""
    if message.get_content_type() != "multipart/report":
        return {}
    payload: Any = message.get_payload()
    found: dict[str, Recipient] = {}
    for part in (payload if isinstance(payload, list) else [])[:10]:
        if part.get_content_type() == "message/delivery-status":
            blocks: Any = part.get_payload()
            for block in (blocks if isinstance(blocks, list) else [])[: MOST_RECIPIENTS + 1]:
                recipient = _recipient(block)
                if recipient is not None:
                    found[recipient.address] = recipient
        elif part.get_content_type() == "message/feedback-report":
            text = part.get_payload(decode=False)
            address = _feedback(text[0].as_string() if isinstance(text, list) and text else str(text))
            if address is not None:
                found[address] = Recipient(address, "complaint")
    return found


def _recipient(block: Message) -> Recipient | None:
    stated = str(block.get("original-recipient") or block.get("final-recipient") or "")
    address = header_text(stated.partition(";")[2] or stated).strip("<> ").lower()
    action = str(block.get("action", "")).strip().lower()
    if not action or not _ADDRESS.fullmatch(address):
        return None
    status = _STATUS.search(str(block.get("status", "")) or str(block.get("diagnostic-code", "")))
    code = status[0] if status else ""
    if action == "delayed":
        fate: Fate = "delayed"
    elif action in _OF_ARRIVAL:
        fate = "delivered"
    elif action == "failed":
        fate = "failed"
    else:
        return None
    return Recipient(address, fate, code)


def _feedback(text: str) -> str | None:
    """Who complains, empty where it is left out, as most providers do; None for feedback that is no complaint."""
    kind = re.search(r"^feedback-type:[ \t]*([a-z-]+)", text, re.IGNORECASE | re.MULTILINE)
    if kind is not None and kind[1].lower() in _NO_COMPLAINT:
        return None
    found = re.search(r"^original-rcpt-to:[ \t]*<?([^\s<>]{3,320})>?", text, re.IGNORECASE | re.MULTILINE)
    return found[1].lower() if found else ""
