"""``hotline replay``: the story that a recorded AMI tape tells."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hotline.telephony.replay import read_tape, show, tell


def replay(
    tape: Annotated[Path, typer.Argument(help="Raw AMI bytes (.ami, .bin) or cacofonisk's JSON (.json).")],
    pbx: str = typer.Option("tape", "--pbx", help="Name of the PBX, which the calls' ids depend on."),
) -> None:
    """Play a recorded AMI tape through the call tracker and print the story. Nothing is written anywhere."""
    start = None
    for line in tell(read_tape(tape), pbx):
        start = start or line.at
        typer.echo(show(line, start))
