"""Checks of recordings on the PBX: is the spool's folder there, is the script that sends recordings, and does it?"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from hotline.pbx.wire import Reply
from hotline.settings import PbxAddress
from hotline.telephony.findings import Finding

#: Where the shipped dialplan has them.
SPOOL: Final = "/var/spool/asterisk/hotline"
UPLOAD: Final = "/usr/local/bin/hotline-upload"
#: Seconds after which a recording should have been sent.
LATE: Final = 3600.0

#: Asks the PBX for the value of a dialplan function; None when it does not say.
Evaluate = Callable[[str], Awaitable[str | None]]

_INSTALL: Final = (
    "on the PBX (the script is dialplans/hotline-upload):",
    "install -m 755 hotline-upload {upload}",
    "install -d -o asterisk -g asterisk -m 700 {spool}",
    "echo '*/5 * * * * asterisk {upload} --all' > /etc/cron.d/hotline-upload",
)


@dataclass(frozen=True, slots=True)
class Places:
    """The folder of recordings that wait, and the script that sends them, as the dialplan names them."""

    spool: str = SPOOL
    upload: str = UPLOAD

    def any_here(self) -> bool:
        """Whether one of them is on this machine."""
        return Path(self.spool).exists() or Path(self.upload).exists()

    @property
    def advice(self) -> tuple[str, ...]:
        """How to install both."""
        return tuple(line.format(spool=self.spool, upload=self.upload) for line in _INSTALL)


def places(shown: Reply | None) -> Places:
    """What the context hotline-settings says, else what is shipped."""
    found = {}
    for event in shown.events if shown is not None and shown.success else ():
        name, _, value = event.get("AppData").partition("=")
        if event.get("Application") == "Set" and value.startswith("/"):
            found[name] = value
    return Places(found.get("HOTLINE_SPOOL", SPOOL), found.get("HOTLINE_UPLOAD", UPLOAD))


async def examine_recordings(address: PbxAddress, shown: Reply | None, evaluate: Evaluate) -> Finding:
    """Look on this machine when the PBX is on it, else ask the PBX."""
    where = places(shown)
    if _is_here(address.host) and await asyncio.to_thread(where.any_here):
        return await asyncio.to_thread(examine_here, where, time.time())
    there = {path: await evaluate(f"STAT(e,{path})") for path in (where.spool, where.upload)}
    missing = [path for path, value in there.items() if value == "0"]
    if missing:
        return Finding("recordings", "wrong", f"not on the PBX: {', '.join(missing)}", where.advice)
    if all(value == "1" for value in there.values()):
        return Finding("recordings", "ok", f"{where.spool} and {where.upload} are on the PBX")
    return Finding(
        "recordings",
        "unknown",
        "the PBX does not let this user look for the spool and the upload script",
        (f"on the PBX: ls -ld {where.spool} {where.upload}; they come so:", *where.advice[1:]),
    )


def examine_here(where: Places, now: float) -> Finding:
    """The spool and the script on this machine."""
    spool, upload = Path(where.spool), Path(where.upload)
    if not spool.is_dir():
        return Finding("recordings", "wrong", f"there is no folder {spool}: nothing can be recorded", where.advice)
    if not upload.is_file():
        return Finding("recordings", "wrong", f"there is no script {upload}: recordings stay here", where.advice)
    if not os.access(upload, os.X_OK):
        return Finding("recordings", "wrong", f"{upload} cannot be run", (f"chmod 755 {upload}",))
    try:
        waiting = [path for path in spool.glob("*.wav") if now - path.stat().st_mtime > LATE]
        refused = list((spool / "refused").glob("*.wav"))
    except OSError:
        return Finding("recordings", "unknown", f"{spool} cannot be read by this user", ("run it as root",))
    if waiting:
        advice = (f"sudo -u asterisk {upload} --all   and look at its lines: journalctl -t hotline-upload",)
        return Finding("recordings", "warning", f"{len(waiting)} recording(s) wait for more than an hour", advice)
    if refused:
        advice = (f"look at {spool / 'refused'} and at: journalctl -t hotline-upload",)
        return Finding("recordings", "warning", f"hotline refused {len(refused)} recording(s)", advice)
    return Finding("recordings", "ok", f"{spool} is empty of late ones, {upload} can be run")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
