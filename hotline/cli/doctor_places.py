"""What of this machine the settings point at: folders, the key of mail, addresses to listen on."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from hotline.channels.mail.signing import Signer
from hotline.errors import SettingError
from hotline.settings import Settings
from hotline.settings.values import Bind
from hotline.telephony.findings import Finding


def examine_places(settings: Settings) -> Iterator[Finding]:
    """What is wrong with them; nothing else is told."""
    if settings.flows_dir is not None and not settings.flows_dir.is_dir():
        yield _wrong("flows", f"{settings.flows_dir} is no folder", "HOTLINE_FLOWS_DIR")
    if settings.ami_ca_file is not None and not os.access(settings.ami_ca_file, os.R_OK):
        yield _wrong("pbx", f"{settings.ami_ca_file} cannot be read", "HOTLINE_AMI_CA_FILE")
    for folder, name in (
        (settings.recordings_dir, "HOTLINE_RECORDINGS_DIR"),
        (settings.prompts_dir, "HOTLINE_PROMPTS_DIR"),
    ):
        if folder is not None and not _writable(folder):
            yield _wrong("folders", f"{folder} cannot be written", name)
    if settings.dkim_key_file is not None:
        try:
            Signer.read(settings.dkim_key_file, settings.dkim_selector)
        except SettingError as error:
            yield _wrong("mail key", error.detail, "HOTLINE_DKIM_KEY_FILE")
    for bind, name in (
        (settings.http_bind, "HOTLINE_HTTP_BIND"),
        (settings.agi_bind if settings.agi_key.get_secret_value() else None, "HOTLINE_AGI_BIND"),
        (settings.mail_lmtp_bind, "HOTLINE_MAIL_LMTP_BIND"),
    ):
        if bind is not None and (why := _unbindable(bind)):
            yield _wrong("addresses", f"nobody can listen at {bind}: {why}", name)


def _wrong(name: str, found: str, setting: str) -> Finding:
    return Finding(name, "wrong", found, (setting,))


def _writable(folder: Path) -> bool:
    """Whether it can be written, or be made where it is not there yet. Nothing is made."""
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    try:
        # A system of files may refuse what the modes allow, such as /proc or one mounted to be read.
        return there.is_dir() and os.access(there, os.W_OK) and not os.statvfs(there).f_flag & os.ST_RDONLY
    except OSError:
        return False


def _unbindable(bind: Bind) -> str:
    """Why nobody can listen there; empty when somebody can, or does."""
    try:
        found = socket.getaddrinfo(bind.host, bind.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, number, _, address = found[0]
        with socket.socket(family, kind, number) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
    except OSError as error:
        return "" if error.errno == errno.EADDRINUSE else error.strerror or type(error).__name__
    return ""
