"""SIPp processes: the agents' phones and the callers, each ended by the pid that was started."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from tests.rig.ports import free_port


class Sipp:
    """One SIPp with one scenario, sending to a PBX's SIP port."""

    def __init__(self, name: str, scenario: str, pbx_port: int, *, port: int, calls: int | None = None) -> None:
        self.name = name
        self._folder = tempfile.TemporaryDirectory(prefix="hotline-sipp-")
        folder = Path(self._folder.name)
        (folder / "scenario.xml").write_text(scenario)
        self._errors = folder / "errors.log"
        command = ["sipp", "-sf", str(folder / "scenario.xml"), "-nostdin", "-rtp_echo", "-aa"]
        # Sound on the media port, video two above it, each with RTCP on the next one.
        command += ["-i", "127.0.0.1", "-p", str(port), "-mi", "127.0.0.1", "-mp", str(free_port(4))]
        command += ["-trace_err", "-error_file", str(self._errors), "-watchdog_interval", "3600000"]
        if calls is not None:
            command += ["-m", str(calls), "-l", str(calls), "-r", str(calls)]
        self.port = port
        with (folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [*command, f"127.0.0.1:{pbx_port}"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=folder,
            )
        self._wait_until_bound()

    def _wait_until_bound(self) -> None:
        wanted = f":{self.port:04X} "
        deadline = time.monotonic() + 30
        while self._process.poll() is None and time.monotonic() < deadline:
            if wanted in Path("/proc/net/udp").read_text():
                return
            time.sleep(0.02)
        if self._process.poll() != 0:
            raise RuntimeError(f"SIPp for {self.name} did not start: {self.errors()}")

    def wait(self, timeout: float = 60) -> int:
        """Wait until all calls are over; SIPp's exit code, 0 when each went by the scenario."""
        return self._process.wait(timeout)

    @property
    def running(self) -> bool:
        """Whether it still handles calls."""
        return self._process.poll() is None

    def errors(self) -> str:
        """What SIPp complained about."""
        return self._errors.read_text(errors="replace") if self._errors.exists() else ""

    def stop(self) -> None:
        """End it; a phone that is on a call goes dead without a word."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._folder.cleanup()
