"""Writes locks/: exact versions with hashes for every platform and Python from 3.11 on."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEADER = "# Written by `make lock` from pyproject.toml; installed with pip --require-hashes.\n"


def main() -> None:
    """Write both locks; run.txt takes the versions of dev.txt, so that what is tested is what runs."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    build = "\n".join(pyproject["build-system"]["requires"])
    dev, run = ROOT / "locks" / "dev.txt", ROOT / "locks" / "run.txt"
    write(dev, "dev", build)
    write(run, "embedded", build, "--constraint", str(dev))


def write(target: Path, extra: str, build: str, *options: str) -> None:
    """Compile one lock: the project with ``extra``, and what builds it."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-config", "--universal"]
    command += [
        "--python-version",
        "3.11",
        "--generate-hashes",
        "--no-emit-index-url",
        "--no-emit-find-links",
    ]
    command += [
        "--no-header",
        "--no-annotate",
        "--upgrade",
        "--extra",
        extra,
        *options,
        "pyproject.toml",
        "-",
    ]
    lock = subprocess.run(command, cwd=ROOT, input=build, text=True, check=True, stdout=subprocess.PIPE).stdout
    target.parent.mkdir(exist_ok=True)
    target.write_text(HEADER + lock)


if __name__ == "__main__":
    main()
