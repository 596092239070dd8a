"""Processes of hotline's own that need not load the program first: a helper process has loaded it, and each command is
a copy of that one (``fork``). Its arguments, environment, folder and files are as a shell would give them.

Run as ``python -m tests.commands <socket>`` it is the helper: a line of JSON and three files for each command, answered
by the number of its process, and later by its exit code.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from functools import cache
from importlib import import_module
from pathlib import Path
from queue import Queue
from select import select
from typing import IO, Any, Final, NoReturn

#: What nearly every command needs, and the whole service.
LOADED: Final = (
    "hotline.cli.house",
    "hotline.workflows.background_kinds",
    "rich.console",
    "typer.rich_utils",
    "hotline.app",
)
#: Seconds until a command that does not end is ended, and fails its test; a loaded machine needs some.
PATIENCE: Final = 120
#: Bytes of one message between a test and its helper.
_LARGEST: Final = 200_000
_STANDARD: Final = ("stdin", "stdout", "stderr")
_ROOT: Final = Path(__file__).resolve().parents[1]


def run(
    *arguments: str, environ: Mapping[str, str], place: Path, stdin: str = "", together: bool = False
) -> tuple[int, str, str]:
    """Run ``hotline`` with these arguments to its end: exit code, output, errors (``together``: in the output)."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        given.write(stdin.encode())
        given.seek(0)
        pid, over = _helper().start(arguments, environ, place, (given, out, out if together else errors))
        try:
            code = over.result(PATIENCE)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            code = over.result()
        out.seek(0)
        errors.seek(0)
        return code, out.read().decode(), errors.read().decode()


async def hotline(
    *arguments: str, environ: Mapping[str, str], place: Path, stdin: str = "", together: bool = False
) -> tuple[int, str, str]:
    """As ``run``, beside the event loop."""
    return await asyncio.to_thread(run, *arguments, environ=environ, place=place, stdin=stdin, together=together)


class Running:
    """A command that runs. As ``asyncio.subprocess.Process`` has it, and no more of it than tests need."""

    def __init__(self, pid: int, over: Future[int], stdout: asyncio.StreamReader, pipe: asyncio.ReadTransport) -> None:
        self.pid = pid
        self.stdout = stdout
        self.loop = asyncio.get_running_loop()
        self._over = over
        self._pipe = pipe
        _running.add(self)

    @property
    def returncode(self) -> int | None:
        """Its exit code, negative for the signal that ended it; None while it runs."""
        return self._over.result() if self._over.done() else None

    async def wait(self) -> int:
        """Wait until it is over."""
        code = await asyncio.shield(asyncio.wrap_future(self._over))
        self._pipe.close()
        _running.discard(self)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal; nothing happens when it is over."""
        if not self._over.done():
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


#: Those whose end nobody has waited for yet.
_running: Final[set[Running]] = set()


def left_behind() -> list[Running]:
    """What runs though the test that started it is over. It is ended, and not told of again."""
    left = [each for each in _running if each.loop.is_closed()]
    for each in left:
        each.kill()
        _running.discard(each)
    return left


async def start(*arguments: str, environ: Mapping[str, str], place: Path, stderr: IO[bytes] | None = None) -> Running:
    """Start ``hotline`` with these arguments. Whoever starts it ends it, and waits for that."""
    read, write = os.pipe()
    reader = asyncio.StreamReader()
    with os.fdopen(write, "wb") as out:
        files = (None, out, sys.__stderr__ if stderr is None else stderr)
        pid, over = await asyncio.to_thread(_helper().start, arguments, environ, place, files)
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read, "rb", buffering=0)
    )
    return Running(pid, over, reader, pipe)


def clean_environment(**settings: str) -> dict[str, str]:
    """This process's environment with these settings of hotline's and no others."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HOTLINE_")} | settings


class _Helper:
    """The helper, from our side. It ends when this process does, and what it started with it."""

    def __init__(self) -> None:
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.commands", str(other.fileno())],
                cwd=_ROOT,
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                pass_fds=[other.fileno()],
            )
        self._turn = threading.Lock()
        self._started: Queue[tuple[int, Future[int]]] = Queue()
        self._over: dict[int, Future[int]] = {}
        threading.Thread(target=self._listen, name="commands", daemon=True).start()

    def start(
        self, arguments: tuple[str, ...], environ: Mapping[str, str], place: Path, files: tuple[Any, Any, Any]
    ) -> tuple[int, Future[int]]:
        """Start a command with its standard files: the number of its process, and its exit code to come."""
        asked = json.dumps({"arguments": arguments, "environ": dict(environ), "place": str(place)}).encode()
        with self._turn, Path(os.devnull).open("rb") as nothing:
            socket.send_fds(self._socket, [asked], [(file or nothing).fileno() for file in files])
            return self._started.get(timeout=PATIENCE)

    def _listen(self) -> None:
        while told := self._socket.recv(_LARGEST):
            pid, code = json.loads(told)
            if code is None:
                over: Future[int] = Future()
                self._over[pid] = over
                self._started.put((pid, over))
            else:
                self._over.pop(pid).set_result(code)


@cache
def _helper() -> _Helper:
    return _Helper()


def _serve(asking: socket.socket) -> None:
    """In the helper: one process for each command, until nobody asks any more."""
    gc.disable()
    for name in LOADED:
        import_module(name)
    gc.collect()
    gc.freeze()
    gc.enable()
    running: dict[int, int] = {}
    while True:
        for ready in select([asking.fileno(), *running], [], [])[0]:
            if ready in running:
                pid = running.pop(ready)
                os.close(ready)
                _, status = os.waitpid(pid, 0)
                asking.send(json.dumps([pid, os.waitstatus_to_exitcode(status)]).encode())
                continue
            asked, files, _, _ = socket.recv_fds(asking, _LARGEST, len(_STANDARD))
            if not asked:
                for pid in running.values():
                    os.kill(pid, signal.SIGKILL)
                return
            pid = os.fork()
            if pid == 0:
                for descriptor in (asking.detach(), *running):
                    os.close(descriptor)
                _become(json.loads(asked), files)
            for descriptor in files:
                os.close(descriptor)
            running[os.pidfd_open(pid)] = pid
            asking.send(json.dumps([pid, None]).encode())


def _become(asked: Mapping[str, Any], files: list[int]) -> NoReturn:
    """In the new process: be the command."""
    os.environ.clear()
    os.environ.update(asked["environ"])
    os.chdir(asked["place"])
    for number, name in enumerate(_STANDARD):
        os.dup2(files[number], number)
        setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115
    for descriptor in files:
        os.close(descriptor)
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
    _serve(socket.socket(fileno=int(sys.argv[1])))
