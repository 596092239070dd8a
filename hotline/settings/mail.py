"""Where mail leaves and comes in: the addresses of HOTLINE_SMTP_URL and HOTLINE_IMAP_URL, read from their text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, get_args
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pydantic import BeforeValidator, SecretStr

StartTls = Literal["auto", "yes", "no"]
_STARTTLS: Final[tuple[StartTls, ...]] = get_args(StartTls)

_SMTP: Final = "expected smtp://USER:PASSWORD@HOST:587 or smtps://…:465 (special characters percent-encoded)"
_IMAP: Final = "expected imaps://USER:PASSWORD@HOST/INBOX (special characters percent-encoded)"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A mail relay. ``tls``: from the first byte (port 465); else ``starttls`` says whether it must be offered
    (``yes``), is taken when offered (``auto``), or is left alone; ``verify`` False: any certificate will do."""

    host: str
    port: int
    tls: bool
    user: str
    password: SecretStr
    starttls: StartTls = "auto"
    verify: bool = True


@dataclass(frozen=True, slots=True)
class ImapServer:
    """A mailbox that is read."""

    host: str
    port: int
    tls: bool
    user: str
    password: SecretStr
    folder: str = "INBOX"
    verify: bool = True


def smtp_server(text: str) -> SmtpServer:
    """The relay of an address. Raises ValueError, which says what is expected."""
    url, port, options = _split(text, ("smtp", "smtps"), {"starttls", "verify"}, _SMTP)
    if url.path.strip("/"):
        raise ValueError(_SMTP)
    tls = url.scheme == "smtps"
    user, password = _credentials(url)
    return SmtpServer(
        host=url.hostname or "",
        port=port or (465 if tls else 587),
        tls=tls,
        user=user,
        password=SecretStr(password),
        starttls=_starttls(options),
        verify=_verify(options),
    )


def imap_server(text: str) -> ImapServer:
    """The mailbox of an address. Raises ValueError, which says what is expected."""
    url, port, options = _split(text, ("imap", "imaps"), {"verify"}, _IMAP)
    tls = url.scheme == "imaps"
    user, password = _credentials(url)
    folder = unquote(url.path.strip("/")) or "INBOX"
    if not user or any(ord(letter) < 32 or letter in '"\\' for letter in folder):
        raise ValueError(_IMAP)
    return ImapServer(
        host=url.hostname or "",
        port=port or (993 if tls else 143),
        tls=tls,
        user=user,
        password=SecretStr(password),
        folder=folder,
        verify=_verify(options),
    )


def _starttls(options: dict[str, str]) -> StartTls:
    wanted = options.get("starttls", "auto")
    for choice in _STARTTLS:
        if wanted == choice:
            return choice
    raise ValueError("starttls= after the address is auto, yes or no")


def _split(
    value: str, schemes: tuple[str, ...], known: set[str], expected: str
) -> tuple[SplitResult, int | None, dict[str, str]]:
    try:
        url = urlsplit(value)
        port = url.port
    except ValueError:
        raise ValueError(expected) from None
    if url.scheme not in schemes or not url.hostname or url.fragment:
        raise ValueError(expected)
    options = dict(parse_qsl(url.query, keep_blank_values=True))
    if unknown := sorted(options.keys() - known):
        raise ValueError(f"unknown option {unknown[0]} after the address; there are {', '.join(sorted(known))}")
    return url, port, options


def _credentials(url: SplitResult) -> tuple[str, str]:
    user, password = unquote(url.username or ""), unquote(url.password or "")
    if any(ord(letter) < 32 for letter in user + password):
        raise ValueError("the user and the password must not hold control characters")
    return user, password


def _verify(options: dict[str, str]) -> bool:
    verify = options.get("verify", "yes")
    if verify not in ("yes", "no"):
        raise ValueError("verify= after the address is yes or no")
    return verify == "yes"


def readable_by(read: Callable[[str], object]) -> BeforeValidator:
    """Only what ``read`` reads, or nothing."""

    def check(value: object) -> object:
        if isinstance(value, str) and value:
            read(value)
        return value

    return BeforeValidator(check)
