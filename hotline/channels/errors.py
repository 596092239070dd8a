"""How a provider refuses what was to be sent. One of these is all that a sender function may raise: who sends
decides by the class what becomes of the message, and keeps ``code`` for people."""

from __future__ import annotations

from typing import ClassVar

from hotline.errors import HotlineError


class ChannelError(HotlineError):
    """The provider did not take it."""

    code = "channel"
    status = 502

    def __init__(self, detail: str = "", *, provider_code: int | None = None) -> None:
        super().__init__(detail)
        #: The provider's own code for it, None without one.
        self.provider_code = provider_code


class NotConfigured(ChannelError):
    """This channel is not set up: its settings are empty."""

    code = "not_configured"
    status = 503


class TemporarilyRefused(ChannelError):
    """The provider did not take it now and did nothing: it may be sent again later."""

    code = "temporarily_refused"
    status = 503
    retry = True

    def __init__(
        self,
        detail: str = "",
        *,
        provider_code: int | None = None,
        retry_after: float | None = None,
        tries: int | None = None,
    ) -> None:
        super().__init__(detail, provider_code=provider_code)
        #: Seconds until it is worth trying again, where the provider says so.
        self.retry_after = retry_after
        #: Most further tries, where a limit of its own makes sense.
        self.tries = tries


class WindowClosed(TemporarilyRefused):
    """The message was too old or the hour was wrong when it was to leave: compute anew when it may be sent."""

    code = "window_closed"


class PermanentlyRefused(ChannelError):
    """The provider will never take this."""

    code = "permanently_refused"
    status = 422
    #: Many of these from one sender mean that the sender's reputation suffers.
    harms_sender: ClassVar[bool] = False


class Filtered(PermanentlyRefused):
    """The message was filtered or blocked on its way; too many of these and sending must stop."""

    code = "filtered"
    harms_sender = True


class MachineAnswered(PermanentlyRefused):
    """A machine answered the call; nothing was said to it."""

    code = "machine"


class AddressRefused(PermanentlyRefused):
    """Nothing reaches this address: mark it, and do not try again."""

    code = "address_refused"


class OptedOut(PermanentlyRefused):
    """The recipient wants no messages from here: suppress the address."""

    code = "opted_out"


class TemplateNeeded(PermanentlyRefused):
    """The recipient has not written for 24 hours: only an approved template may be sent."""

    code = "template_needed"


class SenderPaused(ChannelError):
    """This sender may send nothing at present: pause all that it sends, and tell the administrators."""

    code = "sender_paused"
    status = 503

    def __init__(
        self, detail: str = "", *, provider_code: int | None = None, resume_after: float | None = None
    ) -> None:
        super().__init__(detail, provider_code=provider_code)
        #: Seconds after which it may go on by itself; None: when a person has mended it.
        self.resume_after = resume_after


class Unknown(ChannelError):
    """Nobody knows whether the provider took it: never send it again by yourself. A callback or its list may tell."""

    code = "unknown"


class MediaRefused(ChannelError):
    """A file is not fetched: its address, its size or its type is not allowed."""

    code = "media_refused"
    status = 422
