"""What a relay's answers mean (RFC 5321 4.2, 4.3.2; RFC 3463): they are of the mail, of its recipient, of ourselves, or
of nothing but the dialogue. Only what is said of the mail or its recipient may end it for good."""

from __future__ import annotations

from typing import Final

from hotline.channels.errors import (
    AddressRefused,
    ChannelError,
    Filtered,
    PermanentlyRefused,
    SenderPaused,
    TemporarilyRefused,
)

#: After the relay refused us ourselves, it is asked again after so many seconds.
REFUSED_SECONDS: Final = 900.0

#: The service ends, an unknown command, one that is not there, one out of its order, an unknown parameter.
_OF_THE_DIALOGUE: Final = frozenset({421, 500, 502, 503, 504})
_WRONG_COMMAND: Final = frozenset({"5.5.0", "5.5.1"})
#: We should have signed in, or otherwise than we did (RFC 4954 6).
_OF_OUR_ACCOUNT: Final = frozenset({530, 534, 535, 538})
_ACCOUNT: Final = frozenset({"5.7.8", "5.7.9", "5.7.10", "5.7.11", "5.7.14"})
#: The address that sends, not the one that is written to.
_OUR_ADDRESS: Final = frozenset({"5.1.7", "5.1.8"})
#: A mailbox or a relay that is full or does not take mail now, one that sent enough for today, too many recipients:
#: worth another try, whatever the code says.
_LATER: Final = frozenset({"5.2.2", "5.3.1", "5.3.2", "5.4.5", "5.5.3"})
_TOO_LARGE: Final = frozenset({"5.2.3", "5.3.4"})
_NO_SUCH: Final = frozenset({550, 551, 553, 556})
#: What a refused recipient is not about, by the second number: the system, the protocol, the content, the policy.
_NOT_THE_ADDRESS: Final = ("5.3.", "5.5.", "5.6.", "5.7.")


class GivenUp(TemporarilyRefused):
    """The answer says nothing of the mail: the dialogue is out of step, or ends. The connection is of no more use, and
    the mail is worth another one."""


def sender_error(code: int, message: str, sender: str) -> ChannelError:
    """The relay refuses the return path: whatever the code says of an address, it says it of ours. No mail would get
    through, but for the size; without a return path it is the automatic answer alone that it does not want."""
    status = _enhanced(message)
    found = _of_no_mail(code, status)
    if found is not None:
        return found
    if code == 552 or status in _TOO_LARGE:
        return PermanentlyRefused("The mail is too large for the mail relay.", provider_code=code)
    if not sender:
        return Filtered("The mail relay takes no mail without a return path.", provider_code=code)
    return _our_address(code)


def recipient_error(code: int, message: str) -> ChannelError:
    """The relay refuses a recipient."""
    status = _enhanced(message)
    found = _of_no_mail(code, status)
    if found is not None:
        return found
    if status in _OUR_ADDRESS:
        return _our_address(code)
    if code == 552 and status not in _TOO_LARGE:
        # It was the code for too many recipients, and is to be taken as 452 (RFC 5321 4.5.3.1.10).
        return _later(code)
    if code in _NO_SUCH and not status.startswith(_NOT_THE_ADDRESS):
        return _no_such_address(code)
    return _refused(code, status)


def content_error(code: int, message: str) -> ChannelError:
    """The relay refuses the content, or to be told it."""
    status = _enhanced(message)
    return _of_no_mail(code, status) or _refused(code, status)


def _of_no_mail(code: int, status: str) -> ChannelError | None:
    """The answers that end no mail for good."""
    if not 400 <= code < 600 or code in _OF_THE_DIALOGUE or status in _WRONG_COMMAND:
        return GivenUp("The mail relay ended the dialogue.", provider_code=code)
    if code < 500:
        return TemporarilyRefused("The mail relay refuses it for now.", provider_code=code)
    if code in _OF_OUR_ACCOUNT or status in _ACCOUNT:
        return SenderPaused("The mail relay wants us to sign in.", provider_code=code, resume_after=REFUSED_SECONDS)
    return _later(code) if status in _LATER else None


def _refused(code: int, status: str) -> ChannelError:
    if status in _OUR_ADDRESS:
        return _our_address(code)
    if status.startswith("5.1."):
        return _no_such_address(code)
    if status.startswith("5.7.") or code == 554:
        return Filtered("The mail relay refuses it.", provider_code=code)
    return PermanentlyRefused("The mail relay refuses it.", provider_code=code)


def _later(code: int) -> ChannelError:
    return TemporarilyRefused("The mail relay refuses it for now.", provider_code=code)


def _our_address(code: int) -> ChannelError:
    return SenderPaused("The mail relay refuses our address.", provider_code=code, resume_after=REFUSED_SECONDS)


def _no_such_address(code: int) -> ChannelError:
    return AddressRefused("The mail relay knows no such address.", provider_code=code)


def _enhanced(message: str) -> str:
    first = message.split(maxsplit=1)[0] if message.split() else ""
    return first if first[:2] in ("2.", "4.", "5.") else ""
