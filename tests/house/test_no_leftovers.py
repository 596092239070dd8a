"""The plugin that finds processes which a test left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.pytest_runs import run_in

STARTS = """
import asyncio, sys
process = None  # what is garbage, Python finds

async def test_it():
    global process
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
"""
ENDS = "    process.kill()\n    await process.wait()\n"


@pytest.mark.parametrize(("end", "code", "said"), [("", 1, "1 of its processes were left behind"), (ENDS, 0, "passed")])
def test_a_process_left_behind_fails_the_test(tmp_path: Path, end: str, code: int, said: str) -> None:
    (tmp_path / "test_it.py").write_text(STARTS + end)
    plugins = ("-p", "pytest_asyncio.plugin", "-p", "tests.house.no_leftovers", "-o", "asyncio_mode=auto")
    run = run_in(
        tmp_path, "-m", "pytest", *plugins, "--rootdir", tmp_path, tmp_path, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"
    )
    assert run.returncode == code, run.stdout
    assert said in run.stdout
