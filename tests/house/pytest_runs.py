"""pytest, run by a test in a folder of its own: for the house's plugins."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]


def run_in(folder: Path, *arguments: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments in a folder, with the project's plugins within reach and no options of ours."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": "", **environ},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
