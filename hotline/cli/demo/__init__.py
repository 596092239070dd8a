"""``hotline demo``: everything on this machine with invented customers and a PBX to play with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from hotline.cli.loading import at_once
from hotline.errors import SettingError
from hotline.settings import EMBEDDED, Settings, load_settings

#: Settings of the company's mail.
_MAIL = ("smtp_url", "imap_url", "mail_lmtp_bind")


def demo(
    asterisk: Annotated[
        bool, typer.Option("--asterisk", help="Use the real Asterisk of HOTLINE_AMI_URLS instead of the simulated one.")
    ] = False,
) -> None:
    """Try hotline: invented customers, and a page with a telephone to call the hotline from.

    Works in a folder of its own beside HOTLINE_DATA_DIR, never on your records. Stops with Ctrl-C.
    """
    settings = demo_settings(load_settings(), asterisk=asterisk)
    import uvloop

    with at_once():
        from hotline.cli.demo.run import run  # here: the other commands need not load the whole service

    uvloop.run(run(settings, _say, asterisk=asterisk))


def demo_settings(settings: Settings, *, asterisk: bool) -> Settings:
    """The person's settings, away from their records. Raises SettingError when ``asterisk`` has no address."""
    if asterisk and not settings.ami_urls:
        raise SettingError(
            "HOTLINE_AMI_URLS: hotline demo --asterisk needs the address of your Asterisk (docs/runbook.md)"
        )
    changes: dict[str, object] = {
        "database_url": SecretStr(EMBEDDED),
        "redis_url": SecretStr(""),
        "data_dir": _beside(settings.data_dir),
    }
    # Nobody outside hears of what is tried here: no message leaves by the company's own accounts.
    for name in ("twilio_account_sid", "twilio_auth_token", "twilio_api_url", "twilio_sip_url", *_MAIL):
        changes[name] = type(settings).model_fields[name].get_default(call_default_factory=True)
    if "log_level" not in settings.model_fields_set:
        changes["log_level"] = "error"
    return settings.model_copy(update=changes)


def _beside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}-demo")


def _say(line: str) -> None:
    typer.echo(line)
