"""One real Asterisk: started in a root file system of its own, stopped by the pid that was started."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

from tests.rig.ami import Ami
from tests.rig.config import AGENTS, HOTLINE, RIG, Ports, edit_dialplan, write_config
from tests.rig.ports import free_port
from tests.rig.roots import ROOTS

START_SECONDS = 120


class Asterisk:
    """A running Asterisk with the rig's trunk, phones and queues."""

    def __init__(self, version: int, *, agi: str = "") -> None:
        """``agi`` is what an administrator writes into HOTLINE_AGI; without it calls go straight to the queues."""
        self.version = version
        self.root = ROOTS[version]
        #: Its own files, inside the root file system: several instances share one and nothing has to be mounted.
        self.folder = Path(tempfile.mkdtemp(prefix="rig-", dir=self.root.path / "srv"))
        self.inside = f"/srv/{self.folder.name}"
        self.ports = Ports(
            ami=free_port(),
            sip=free_port(),
            trunk=free_port(),
            phones={agent: free_port() for agent in AGENTS},
        )
        write_config(self.folder, self.inside, self.root.path, version, self.ports)
        settings = self.folder / "etc" / "extensions_hotline.conf"
        settings.write_text(settings.read_text().replace("Set(HOTLINE_AGI=)", f"Set(HOTLINE_AGI={agi})"))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Asterisk:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def ami_url(self) -> str:
        """What HOTLINE_AMI_URLS takes, without the PBX's name."""
        user, secret = HOTLINE
        return f"ami://{user}:{secret}@127.0.0.1:{self.ports.ami}"

    def start(self) -> None:
        """Start and wait until the manager says FullyBooted."""
        command = ["chroot", str(self.root.path), "/usr/sbin/asterisk", "-f", "-C", f"{self.inside}/etc/asterisk.conf"]
        with (self.folder / "log" / "console").open("ab") as console:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
                env={"PATH": os.environ["PATH"], "HOME": "/root"},
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with self.ami() as ami:
                    ami.wait("FullyBooted", lambda event: event["Event"] == "FullyBooted", timeout=10)
                return
            except (OSError, TimeoutError):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    log = (self.folder / "log" / "console").read_text(errors="replace")[-2000:]
                    self.kill()
                    raise RuntimeError(f"Asterisk {self.version} did not start:\n{log}") from None
                time.sleep(0.1)

    def set(self, **settings: str) -> None:
        """Set variables of [hotline-settings], ``HOTLINE_AGI="agi://…"``; a running Asterisk reads them anew."""
        edit_dialplan(self.folder, settings)
        if self._process is not None:
            with self.ami() as ami:
                ami.action("Command", Command="dialplan reload")

    def ami(self) -> Ami:
        """A manager session of the rig's own account."""
        return Ami(self.ports.ami, *RIG)

    def stop(self) -> None:
        """End it the orderly way, or hard when that takes too long."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def log(self) -> str:
        """What Asterisk logged, for a failed test's report."""
        path = self.folder / "log" / "full.log"
        return path.read_text(errors="replace") if path.exists() else ""
