"""Installs what the end-to-end tests need of the system, and says so. Run by ``make rig`` and ``make test``.

Everything comes from the package mirror that the machine itself is set up with, read when this runs. Asterisk
lives in root file systems of its own under the cache folder and never touches the machine's configuration.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from ctypes.util import find_library
from pathlib import Path

from tests.rig.roots import ADDED, FONTS, LIBRARIES, PROGRAMS, ROOTS, Root, missing

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PACKAGES = ("asterisk", "asterisk-core-sounds-en-gsm", "asterisk-moh-opsound-gsm", "ca-certificates", *ADDED.values())
#: A mirror that stands still has release files past their date; their signatures are checked all the same.
APT = {"Apt::Install-Recommends": "false", "Acquire::Check-Valid-Until": "false"}


def main() -> int:
    """Provision; with ``--for-tests`` only where it is allowed, else say how."""
    for_tests = "--for-tests" in sys.argv[1:]
    lacks = missing() + missing_fonts()
    if not lacks:
        return 0
    allowed = os.geteuid() == 0 and shutil.which("apt-get") is not None
    if not allowed:
        say("the end-to-end tests need: " + ", ".join(lacks))
        say("install it with: sudo make rig   (Debian or Ubuntu)")
        return 0 if for_tests and os.environ.get("CI") != "true" else 1
    install_packages()
    for root in ROOTS.values():
        if not root.built:
            build(root)
        elif not root.ready:
            complete(root)
    if lacks := missing() + missing_fonts():
        say("still missing: " + ", ".join(lacks))
        return 1
    say("the rig is ready: " + ", ".join(f"Asterisk {root.version} in {root.path}" for root in ROOTS.values()))
    return 0


def say(line: str) -> None:
    """One line to the person who watches."""
    print(f"rig: {line}", flush=True)


def missing_fonts() -> list[str]:
    """The fonts that are not installed."""
    if not shutil.which("fc-list"):
        return list(FONTS)
    listed = subprocess.run(["fc-list", ":lang=zh"], capture_output=True, text=True, check=True).stdout
    return [] if listed.strip() else [FONTS[0]]


def install_packages() -> None:
    """Install the host's programs with apt-get, only what is missing."""
    wanted = sorted({package for program, package in PROGRAMS.items() if not shutil.which(program)})
    wanted += [package for name, package in LIBRARIES.items() if not find_library(name)]
    if missing_fonts():
        wanted += FONTS
    if not KEYRING.exists():
        wanted.append("debian-archive-keyring")
    if not wanted:
        return
    say("installing with apt-get: " + " ".join(wanted))
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    quiet = ["-qq", "-o=Dpkg::Use-Pty=0"]
    subprocess.run(["apt-get", *quiet, "update"], env=environ, check=True)
    subprocess.run(
        ["apt-get", *quiet, "install", "--yes", "--no-install-recommends", *wanted],
        env=environ,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def build(root: Root) -> None:
    """Build one root file system beside its place and move it there when it is whole."""
    say(f"building Asterisk {root.version} (Debian {root.suite}, 340 MB) in {root.path}")
    unfinished = root.path.with_name(f"{root.path.name}.{os.getpid()}")
    shutil.rmtree(root.path, ignore_errors=True)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    source = f"deb [signed-by={KEYRING}] {debian_mirror()} {root.suite} main"
    command = [
        "mmdebstrap",
        "--quiet",
        "--mode=root",
        "--variant=essential",
        f"--include={','.join(PACKAGES)}",
    ]
    command += [f"--aptopt={name} {value}" for name, value in APT.items()]
    command += ["--skip=check/qemu", root.suite, str(unfinished), source]
    try:
        subprocess.run(command, check=True)
        unfinished.rename(root.path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def complete(root: Root) -> None:
    """Add to a root of an earlier version what it lacks. In place: an Asterisk may be running in it."""
    lacks = [package for program, package in ADDED.items() if not (root.path / program).exists()]
    say(f"adding {' '.join(lacks)} to {root.path}")
    # The root has no apt of its own: the machine's works in it, and runs the root's dpkg. apt's own user may not
    # enter the cache folder.
    options = {"Dir": root.path, "Dir::State::status": root.path / "var/lib/dpkg/status", **APT}
    options["APT::Sandbox::User"] = "root"
    apt = ["apt-get", "-qq", "-o=Dpkg::Use-Pty=0", f"-o=DPkg::Chroot-Directory={root.path}"]
    apt += [f"-o={name}={value}" for name, value in options.items()]
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*apt, "update"], env=environ, check=True)
    subprocess.run([*apt, "install", "--yes", *lacks], env=environ, check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*apt, "clean"], env=environ, check=True)
    shutil.rmtree(root.path / "var/lib/apt/lists")


def debian_mirror() -> str:
    """The Debian mirror of this machine's own apt sources, or the one that DEBIAN_MIRROR names (Ubuntu)."""
    if named := os.environ.get("DEBIAN_MIRROR"):
        return named
    places = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    for place in places:
        if not place.is_file():
            continue
        for line in place.read_text(errors="replace").splitlines():
            found = re.match(r"URIs:\s*(\S+)", line) or re.match(r"deb\s+(?:\[[^\]]*\]\s*)?(\S+)", line)
            if found and "security" not in found[1] and "ubuntu" not in found[1]:
                return found[1]
    sys.exit("rig: no Debian mirror in /etc/apt: add one, for example in /etc/apt/sources.list.d/debian.sources")


if __name__ == "__main__":
    sys.exit(main())
