"""The plugin that refuses skips with CI=true."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = "import pytest\n\ndef test_it() -> None:\n    pytest.skip('no such server')\n"


@pytest.mark.parametrize(("ci", "code", "said"), [("true", 1, "skipped with CI=true: "), ("", 0, "1 skipped")])
def test_a_skip_fails_only_with_ci(tmp_path: Path, ci: str, code: int, said: str) -> None:
    (tmp_path / "test_it.py").write_text(SKIPPED)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.house.no_skips", "--rootdir", str(tmp_path), str(tmp_path)],
        env={**os.environ, "CI": ci, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == code, run.stdout
    assert said in run.stdout
