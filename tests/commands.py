"""Commands as processes of their own that need not load the program first: a helper process has loaded it, and each
command is a copy of that one (``fork``). Its arguments, environment, folder and files are as a shell would give them.

Run as ``python -m tests.commands`` it is the helper: a line of JSON for each command, answered by its exit code.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NoReturn

#: What nearly every command needs.
LOADED: Final = ("hotline.cli.house", "hotline.workflows.background_kinds", "rich.console", "typer.rich_utils")
#: Seconds until a command that does not end is ended, and fails its test; a loaded machine needs some.
PATIENCE: Final = 120
_STANDARD: Final = ("stdin", "stdout", "stderr")
_ROOT: Final = Path(__file__).resolve().parents[1]
_TURN: Final = threading.Lock()


def run(
    *arguments: str, environ: Mapping[str, str], place: Path, stdin: str = "", together: bool = False
) -> tuple[int, str, str]:
    """Run ``hotline`` with these arguments to its end: exit code, output, errors (``together``: in the output)."""
    with tempfile.TemporaryDirectory() as files, _TURN:
        for name in _STANDARD:
            Path(files, name).write_text(stdin if name == "stdin" else "", encoding="utf-8")
        asked = {"arguments": arguments, "environ": dict(environ), "place": str(place), "files": files}
        helper = _helper()
        assert helper.stdin is not None
        assert helper.stdout is not None
        helper.stdin.write(json.dumps({**asked, "together": together}) + "\n")
        helper.stdin.flush()
        code = int(helper.stdout.readline())
        out, errors = (Path(files, name).read_text(encoding="utf-8") for name in ("stdout", "stderr"))
        return code, out, errors


async def hotline(
    *arguments: str, environ: Mapping[str, str], place: Path, stdin: str = "", together: bool = False
) -> tuple[int, str, str]:
    """As ``run``, beside the event loop."""
    return await asyncio.to_thread(run, *arguments, environ=environ, place=place, stdin=stdin, together=together)


def clean_environment(**settings: str) -> dict[str, str]:
    """This process's environment with these settings of hotline's and no others."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HOTLINE_")} | settings


@cache
def _helper() -> subprocess.Popen[str]:
    # It ends when this process does, since then nobody asks any more.
    return subprocess.Popen(
        [sys.executable, "-m", "tests.commands"],
        cwd=_ROOT,
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _serve() -> None:
    for name in LOADED:
        import_module(name)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(asked)
        signal.signal(signal.SIGALRM, lambda *_, child=child: os.kill(child, signal.SIGKILL))
        signal.alarm(PATIENCE)
        _, status = os.waitpid(child, 0)
        signal.alarm(0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _become(asked: Mapping[str, Any]) -> NoReturn:
    """In the new process: be the command."""
    os.environ.clear()
    os.environ.update(asked["environ"])
    os.chdir(asked["place"])
    for number, name in enumerate(_STANDARD):
        file = Path(asked["files"], "stdout" if asked["together"] and name == "stderr" else name)
        descriptor = os.open(file, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_APPEND)
        os.dup2(descriptor, number)
        os.close(descriptor)
        setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115
    sys.argv = ["hotline", *asked["arguments"]]
    code = 1
    try:
        from hotline.cli import main

        main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
