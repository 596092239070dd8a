"""``hotline support``: one file with what whoever helps needs to see, and nothing that is secret or anybody's."""

from __future__ import annotations

import asyncio
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Annotated

import typer

from hotline import logs
from hotline.cli.doctor import examine
from hotline.crm.viewer import SYSTEM
from hotline.errors import HotlineError, SettingError
from hotline.settings import Settings, load_settings
from hotline.workflows.quiet_house import quiet_house
from hotline.workflows.upkeep import support as workflow


def support(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The zip to write.")] = Path("hotline-support.zip"),
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="FILE", help="A log of the service: its last lines are added, masked."),
    ] = None,
) -> None:
    """Write a support bundle: versions, settings without secrets, the doctor, sizes, migrations, health, masked logs.

    It holds nothing that is secret, and nothing of any customer; it is text, to be read before it is sent on.
    """
    settings = load_settings()
    logs.configure("warning", json=settings.log_format == "json")
    more = {"doctor.txt": _doctor(settings)}
    if log is not None:
        more["service.log"] = sys.stdin.read() if str(log) == "-" else workflow.tail(log)
    try:
        made = asyncio.run(_bundle(settings, more))
    except HotlineError as error:
        made = workflow.offline(settings, error.detail, more)
    try:
        file.write_bytes(made)
    except OSError as error:
        raise SettingError(f"{file} cannot be written: {error.strerror}") from None
    file.chmod(0o600)
    typer.echo(f"{file}: {len(made) / 1000:,.0f} kB. Look into it before you send it on.")


def _doctor(settings: Settings) -> str:
    """What ``hotline doctor`` says."""
    said = StringIO()
    try:
        with redirect_stdout(said):
            asyncio.run(examine(settings, ""))
    except HotlineError as error:
        said.write(f"the doctor stopped: {error.detail}\n")
    return said.getvalue()


async def _bundle(settings: Settings, more: dict[str, str]) -> bytes:
    house = await quiet_house(settings)
    try:
        return await workflow.bundle(house, SYSTEM, more)
    finally:
        await house.close()
