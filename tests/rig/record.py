"""Records tests/tapes from the real Asterisks: ``python -m tests.rig.record [ACT …]``, as root, after ``make rig``.

A tape is what a manager session was sent from before the call until after its end, as it came, and beside it the
story that was acted. Only what makes tapes long and tells nothing is left out (``trimmed``).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from tests.rig.acts import ACTS, Act
from tests.rig.ami import Ami
from tests.rig.asterisk import Asterisk
from tests.rig.config import RIG
from tests.rig.roots import ROOTS
from tests.rig.stage import Stage

TAPES = Path(__file__).resolve().parents[1] / "tapes"
OVER_SECONDS = 20
#: The variables whose VarSet stays on a tape: those that tell something, and some that must be ignored.
VARIABLES = tuple(
    b"\r\nVariable: " + name
    for name in (b"HOTLINE_", b"QUEUESTATUS", b"DIALSTATUS", b"MEMBERINTERFACE", b"BLINDTRANSFER", b"ATTENDEDTRANSFER")
)


def main() -> None:
    """Record every act, or those that are named, on both versions."""
    wanted = sys.argv[1:]
    for version in ROOTS:
        folder = TAPES / f"asterisk{version}"
        folder.mkdir(parents=True, exist_ok=True)
        for act in ACTS:
            if not wanted or act.name in wanted:
                record(version, act, folder)


def record(version: int, act: Act, folder: Path) -> None:
    """Play one act on a fresh Asterisk and keep its tape."""
    with (
        Asterisk(version) as asterisk,
        Stage(asterisk) as stage,
        asterisk.ami() as ami,
        Ami(asterisk.ports.ami, *RIG) as reader,
    ):
        reader.record()
        act.play(stage, ami)
        deadline = time.monotonic() + OVER_SECONDS
        while ami.channels():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{act.name}: channels stay: {[c['Channel'] for c in ami.channels()]}")
            time.sleep(0.1)
        length = -1
        while len(reader.tape()) != length:  # queue members settle a moment after the last hang-up
            length = len(reader.tape())
            time.sleep(0.5)
        tape = trimmed(reader.tape())
    (folder / f"{act.name}.ami").write_bytes(tape)
    story = {"pbx": "rig", "asterisk": version, "calls": list(act.calls)}
    (folder / f"{act.name}.json").write_text(json.dumps(story, indent=2) + "\n")
    print(f"{folder.name}/{act.name}: {len(tape)} bytes", flush=True)


def trimmed(tape: bytes) -> bytes:
    """Without what hotline never asks for and would make tapes three times as long."""
    frames = tape.split(b"\r\n\r\n")[:-1]
    kept = [
        frame
        for frame in frames
        if not frame.startswith((b"Event: Newexten", b"Event: DeviceStateChange"))
        and not (frame.startswith(b"Event: VarSet") and not any(name in frame for name in VARIABLES))
    ]
    return b"".join(frame + b"\r\n\r\n" for frame in kept)


if __name__ == "__main__":
    main()
