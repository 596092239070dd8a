"""Checks of the IVR: is FastAGI served with a key, and does the PBX's dialplan ask it by the right address?"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final
from urllib.parse import unquote, urlsplit

from hotline.pbx.agi import command
from hotline.pbx.wire import Reply
from hotline.settings import PbxAddress, Settings
from hotline.telephony.findings import Finding

_SECONDS: Final = 3.0
_KEY_ADVICE: Final = ("openssl rand -hex 16   and, in the environment or .env:", "HOTLINE_AGI_KEY=THAT KEY")


async def examine_server(settings: Settings) -> Finding:
    """Is FastAGI answered at HOTLINE_AGI_BIND, with this key?"""
    key = settings.agi_key.get_secret_value()
    if not key:
        return Finding("ivr", "warning", "no HOTLINE_AGI_KEY: calls reach the queue without a menu", _KEY_ADVICE)
    if not settings.ami_urls:
        return Finding("ivr", "warning", "no PBX may ask: HOTLINE_AMI_URLS is empty")
    host = "127.0.0.1" if settings.agi_bind.host in ("0.0.0.0", "::") else settings.agi_bind.host  # noqa: S104
    try:
        async with asyncio.timeout(_SECONDS):
            answered = await _asked(host, settings.agi_bind.port, f"{settings.ami_urls[0].name}/{key}/check")
    except (OSError, TimeoutError):
        return Finding(
            "ivr",
            "warning",
            f"nobody answers FastAGI at {settings.agi_bind}",
            ("start the service: hotline serve", "or is HOTLINE_AGI_BIND another one there?"),
        )
    if not answered:
        return Finding(
            "ivr",
            "wrong",
            f"FastAGI at {settings.agi_bind} refuses this key",
            ("the service was started with another HOTLINE_AGI_KEY, or HOTLINE_AGI_SOURCES leaves this machine out",),
        )
    return Finding("ivr", "ok", f"FastAGI answers at {settings.agi_bind}")


async def _asked(host: str, port: int, path: str) -> bool:
    """Play a dialplan that asks whether the address is right; True when the server asks back."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"agi_network: yes\nagi_network_script: {path}\n\n".encode())
        line = await reader.readline()
        if line.startswith(command("NOOP", "hotline")[:4]):
            writer.write(b"200 result=0\n")
            return True
        return False
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def examine_dialplan(settings: Settings, address: PbxAddress, shown: Reply | None) -> AsyncIterator[Finding]:
    """``shown`` is what the PBX tells of its context hotline-settings; None when it does not."""
    key = settings.agi_key.get_secret_value()
    if not key:
        return
    wanted = f"agi://HOST:{settings.agi_bind.port}/{address.name}/KEY/flow/main"
    advice = (
        "extensions_hotline.conf, [hotline-settings]; then asterisk -rx 'dialplan reload':",
        f"same => n,Set(HOTLINE_AGI={wanted})",
    )
    if shown is None or not shown.success:
        yield Finding("ivr dialplan", "unknown", "the PBX does not show the context hotline-settings", advice)
        return
    values = [
        event.get("AppData").partition("=")[2]
        for event in shown.events
        if event.get("Application") == "Set" and event.get("AppData").startswith("HOTLINE_AGI=")
    ]
    url = values[0] if values else ""
    parts = [unquote(part) for part in urlsplit(url).path.strip("/").split("/")]
    if not url:
        yield Finding("ivr dialplan", "warning", "HOTLINE_AGI is empty: calls reach the queue without a menu", advice)
    elif len(parts) < 4 or parts[2] != "flow" or parts[0] != address.name:
        yield Finding("ivr dialplan", "wrong", "HOTLINE_AGI does not name this PBX and a flow", advice)
    elif not hmac.compare_digest(parts[1].encode(), key.encode()):
        yield Finding("ivr dialplan", "wrong", "HOTLINE_AGI has another key than HOTLINE_AGI_KEY", advice)
    else:
        yield Finding("ivr dialplan", "ok", f"the dialplan asks for the flow {'/'.join(parts[3:])}")
