"""Where Asterisk's root file systems are, and whether the rig's system parts are all there."""

from __future__ import annotations

import os
import shutil
from ctypes.util import find_library
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Root:
    """A private root file system with one version of Asterisk in it, made from one Debian suite."""

    version: int
    suite: str

    @property
    def path(self) -> Path:
        """The folder, outside the checkout: a second run and another checkout find it."""
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return cache / "hotline" / f"asterisk-{self.suite}"

    @property
    def built(self) -> bool:
        """Whether Asterisk is in it. It is moved to its place when it is whole."""
        return (self.path / "usr/sbin/asterisk").exists() and (self.path / "var/lib/dpkg/status").exists()

    @property
    def ready(self) -> bool:
        """Whether it has everything, also what a root of an earlier version did not have."""
        return self.built and all((self.path / program).exists() for program in ADDED)


#: Programs that roots of earlier versions lack, each with its Debian package: the shipped upload script runs curl.
ADDED: Final = {"usr/bin/curl": "curl"}
ROOTS: Final = {22: Root(22, "sid"), 16: Root(16, "bullseye")}
#: Programs of the host that the rig runs, each with the Debian package that has it.
PROGRAMS: Final = {
    "sipp": "sip-tester",
    "mmdebstrap": "mmdebstrap",
    "chromium": "chromium",
    "fc-list": "fontconfig",
    "espeak-ng": "espeak-ng",
}
#: Libraries that the browser's driver is linked with.
LIBRARIES: Final = {"atomic": "libatomic1"}
#: Fonts without which Chinese pages show boxes.
FONTS: Final = ("fonts-noto-cjk", "fonts-dejavu-core")


def missing() -> list[str]:
    """What the rig still needs, in words; empty when it can run."""
    lacks = [f"{program} ({package})" for program, package in PROGRAMS.items() if not shutil.which(program)]
    lacks += [f"lib{name} ({package})" for name, package in LIBRARIES.items() if not find_library(name)]
    lacks += [f"Asterisk {root.version} in {root.path}" for root in ROOTS.values() if not root.ready]
    if os.geteuid() != 0:
        lacks.append("root, to give Asterisk its own root file system")
    return lacks
