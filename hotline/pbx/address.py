"""Where a PBX is and how to log in: one entry of ``HOTLINE_AMI_URLS``."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from hotline.errors import SettingError

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
_OPTIONS = {"auth", "ca", "verify"}


@dataclass(frozen=True, slots=True)
class PbxAddress:
    """``ami://user:secret@host:5038/name``; ``amis://`` for TLS (port 5039 when none is given).

    Options after ``?``: ``auth=md5`` or ``auth=plain`` (without it: plain over TLS or on this machine, else
    MD5 and plain only when the PBX has no MD5), ``ca=FILE`` (whom to trust over TLS), ``verify=no`` (trust
    anybody).
    """

    name: str
    host: str
    port: int
    user: str
    secret: str = field(repr=False)
    tls: bool = False
    auth: Literal["auto", "md5", "plain"] = "auto"
    ca: str | None = None
    verify: bool = True

    @classmethod
    def parse(cls, url: str) -> PbxAddress:
        """Raises SettingError whose text names the setting and what is wrong, never the secret."""
        try:
            parts = urlsplit(url.strip())
            port = parts.port
            options = (
                {key: values[-1] for key, values in parse_qs(parts.query, strict_parsing=True).items()}
                if (parts.query)
                else {}
            )
        except ValueError as error:
            raise _wrong("has an address that cannot be read (escape special letters as %XX)") from error
        if parts.scheme not in ("ami", "amis"):
            raise _wrong("must start with ami:// or amis://")
        if not parts.hostname:
            raise _wrong("names no host")
        if not parts.username or parts.password is None:
            raise _wrong("needs user:secret@ before the host")
        name = parts.path.strip("/") or parts.hostname
        if not _NAME.fullmatch(name):
            raise _wrong("needs a short name after the port: small letters, digits, '-', '_' and '.'")
        if unknown := sorted(options.keys() - _OPTIONS):
            raise _wrong(f"has the unknown option {unknown[0]!r}")
        auth = options.get("auth", "auto")
        verify = options.get("verify", "yes")
        if auth not in ("auto", "md5", "plain"):
            raise _wrong("has auth= other than md5 or plain")
        if verify not in ("yes", "no"):
            raise _wrong("has verify= other than yes or no")
        tls = parts.scheme == "amis"
        return cls(
            name=name,
            host=parts.hostname,
            port=port or (5039 if tls else 5038),
            user=unquote(parts.username),
            secret=unquote(parts.password),
            tls=tls,
            auth=auth,  # type: ignore[arg-type]
            ca=options.get("ca"),
            verify=verify == "yes",
        )

    @property
    def local(self) -> bool:
        """Whether the PBX is on this machine, so that nobody can listen on the way."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def tls_context(self) -> ssl.SSLContext | None:
        """How to trust the PBX, None without TLS; raises SettingError when the CA file cannot be read."""
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except OSError as error:
            raise _wrong(f"names a ca= file that cannot be read ({error.strerror})") from error
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def parse_addresses(urls: str | list[str] | tuple[str, ...]) -> tuple[PbxAddress, ...]:
    """Every PBX of ``HOTLINE_AMI_URLS``, names unique; raises SettingError."""
    parts = urls.split(",") if isinstance(urls, str) else list(urls)
    found = tuple(PbxAddress.parse(part) for part in parts if part.strip())
    names = [address.name for address in found]
    if double := sorted({name for name in names if names.count(name) > 1}):
        raise _wrong(f"names two PBXs {double[0]!r}; give each a name of its own after the port")
    return found


def _wrong(what: str) -> SettingError:
    return SettingError(f"HOTLINE_AMI_URLS {what}; the form is ami://user:secret@host:5038/name.")
