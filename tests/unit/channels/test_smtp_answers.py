"""What a relay's answers mean, by a table: what may end a mail for good, and what says nothing of it."""

from __future__ import annotations

import pytest

from hotline.channels.errors import (
    AddressRefused,
    ChannelError,
    Filtered,
    PermanentlyRefused,
    SenderPaused,
    TemporarilyRefused,
)
from hotline.channels.mail.answers import GivenUp, content_error, recipient_error, sender_error

#: Answers that mean the same wherever they come.
ANYWHERE = [
    ("421 4.3.2 service ends", GivenUp),
    ("421", GivenUp),
    ("450 4.2.1 busy", TemporarilyRefused),
    ("451 4.7.1 greylisted", TemporarilyRefused),
    ("452 4.5.3 too many recipients", TemporarilyRefused),
    ("454 4.7.0 no TLS now", TemporarilyRefused),
    ("455 4.5.4 parameters", TemporarilyRefused),
    ("500 unknown command", GivenUp),
    ("502 5.5.1 not here", GivenUp),
    ("503 5.5.1 bad sequence", GivenUp),
    ("503 send MAIL first", GivenUp),
    ("504 no such parameter", GivenUp),
    ("554 5.5.1 no valid recipients", GivenUp),
    ("354 go on", GivenUp),
    ("-1 nonsense", GivenUp),
    ("530 5.7.0 authentication required", SenderPaused),
    ("534 5.7.9 too weak", SenderPaused),
    ("535 5.7.8 wrong password", SenderPaused),
    ("538 5.7.11 encryption required", SenderPaused),
    ("550 5.7.14 sign in anew", SenderPaused),
    ("550 5.4.5 sent enough for today", TemporarilyRefused),
    ("552 5.2.2 mailbox full", TemporarilyRefused),
    ("452 4.2.2 mailbox full", TemporarilyRefused),
    ("554 5.3.2 no mail now", TemporarilyRefused),
]


def meant(found: ChannelError, expected: type[ChannelError], code: int) -> None:
    assert type(found) is expected
    assert found.provider_code == code


@pytest.mark.parametrize(("answer", "expected"), ANYWHERE)
def test_what_is_not_said_of_the_mail_ends_none(answer: str, expected: type[ChannelError]) -> None:
    code, _, words = answer.partition(" ")
    meant(recipient_error(int(code), words), expected, int(code))
    meant(content_error(int(code), words), expected, int(code))
    for sender in ("news@company.example", ""):
        meant(sender_error(int(code), words, sender), expected, int(code))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("550 no such user", AddressRefused),
        ("550 5.1.1 no such user", AddressRefused),
        ("550 5.2.1 mailbox disabled", AddressRefused),
        ("550 5.4.1 access denied", AddressRefused),
        ("556 5.1.10 no mail for this domain", AddressRefused),
        ("501 5.1.3 no address", AddressRefused),
        ("501 syntax", PermanentlyRefused),
        ("550 5.1.8 no such domain of yours", SenderPaused),
        ("550 5.7.1 not you", Filtered),
        ("553 5.7.1 not owned by the user", Filtered),
        ("554 5.7.1 blocked", Filtered),
        ("550 5.3.0 something of ours", PermanentlyRefused),
        ("550 5.6.0 content", PermanentlyRefused),
        ("552 storage", TemporarilyRefused),
        ("552 5.5.3 too many recipients", TemporarilyRefused),
        ("552 5.3.4 too large", PermanentlyRefused),
    ],
)
def test_what_a_recipient_is_refused_for(answer: str, expected: type[ChannelError]) -> None:
    code, _, words = answer.partition(" ")
    meant(recipient_error(int(code), words), expected, int(code))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("550 not wanted", PermanentlyRefused),
        ("550 5.1.1 no such user", AddressRefused),
        ("552 too large", PermanentlyRefused),
        ("554 spam", Filtered),
        ("554 5.6.0 content", Filtered),
        ("550 5.7.1 spam", Filtered),
    ],
)
def test_what_content_is_refused_for(answer: str, expected: type[ChannelError]) -> None:
    code, _, words = answer.partition(" ")
    meant(content_error(int(code), words), expected, int(code))


@pytest.mark.parametrize(
    ("answer", "sender", "expected"),
    [
        ("550 5.1.8 no such domain", "s@a.example", SenderPaused),
        ("553 sign in first", "s@a.example", SenderPaused),
        ("501 5.1.7 no address", "s@a.example", SenderPaused),
        ("552 5.3.4 too large", "s@a.example", PermanentlyRefused),
        ("550 5.1.7 no null sender", "", Filtered),
    ],
)
def test_what_a_return_path_is_refused_for(answer: str, sender: str, expected: type[ChannelError]) -> None:
    code, _, words = answer.partition(" ")
    meant(sender_error(int(code), words, sender), expected, int(code))
