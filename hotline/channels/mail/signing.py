"""Signatures of own mail (DKIM, RFC 6376), where the relay does not make them. Both headers of one-click unsubscribing
are signed, as RFC 8058 3.1 wants, and those that a mail could be given a second time are signed as being there once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import dkim

from hotline.errors import SettingError

#: What is signed wherever a mail has it.
SIGNED: Final = (
    b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type", b"list-unsubscribe",
    b"list-unsubscribe-post", b"content-language",
)  # fmt: skip


class Signer:
    """One key under one selector. It takes milliseconds for each mail: call ``sign`` in a thread."""

    def __init__(self, key: bytes, selector: str) -> None:
        self._key = key
        self._selector = selector.encode("ascii")

    @classmethod
    def read(cls, path: Path, selector: str) -> Signer:
        """The key of a PEM file. Raises SettingError for one that cannot sign."""
        try:
            signer = cls(path.read_bytes(), selector)
            signer.sign(b"From: <a@example.com>\r\nTo: <b@example.com>\r\n\r\nx\r\n", "example.com")
        except OSError as error:
            raise SettingError(f"HOTLINE_DKIM_KEY_FILE: {path} cannot be read ({error.strerror})") from None
        except (dkim.DKIMException, ValueError, IndexError, TypeError):
            raise SettingError(f"HOTLINE_DKIM_KEY_FILE: {path} holds no private key that signs mail") from None
        return signer

    def sign(self, mail: bytes, domain: str) -> bytes:
        """The mail with its signature in front; ``domain`` is the sender's."""
        present = mail.partition(b"\r\n\r\n")[0].lower().split(b"\r\n")
        names = [name for name in SIGNED if any(line.startswith(name + b":") for line in present)]
        header: bytes = dkim.sign(
            mail, self._selector, domain.encode("ascii"), self._key,
            canonicalize=(b"relaxed", b"relaxed"), include_headers=[*names, b"from"],
        )  # fmt: skip
        return header + mail
