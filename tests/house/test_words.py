"""What may stand in the tracked files at all."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = {".py", ".md", ".txt", ".toml", ".yml", ".yaml", ".js", ".mjs", ".css", ".html", ".json", ".conf", ".po", ""}


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def lines(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines() if path.suffix in TEXT else []


def test_no_address_of_a_package_index() -> None:
    """Where packages come from is the machine's business; locks hold hashes, no hosts."""
    hosts = re.compile(
        r"(pypi|files\.pythonhosted|registry\.npmjs|registry\.yarnpkg|deb\.debian|security\.debian|archive\.ubuntu)"
        r"\.(org|com|net)"
    )
    found = [str(path) for path in tracked() if any(hosts.search(line) for line in lines(path))]
    assert found == []


def test_no_marks_of_unfinished_work() -> None:
    marks = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
    code = [path for path in tracked() if path.suffix in {".py", ".js", ".mjs", ".html", ".css"}]
    found = [f"{path}:{n}" for path in code for n, line in enumerate(lines(path), 1) if marks.search(line)]
    assert found == []


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    homes = re.compile(r"(^|[\s\"'`=:(])/(home|work|root|Users)/[a-z]")
    found = [f"{path}:{n}" for path in tracked() for n, line in enumerate(lines(path), 1) if homes.search(line)]
    assert found == []


def test_locks_are_hashes_only() -> None:
    for lock in (ROOT / "locks").glob("*.txt"):
        text = lock.read_text()
        assert "://" not in text
        pinned = re.findall(r"^[a-z][^\s]*==[^\s]+", text, re.MULTILINE)
        assert pinned
        assert text.count("--hash=sha256:") >= len(pinned)
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text()


def test_both_locks_agree() -> None:
    """What is tested is what runs."""

    def versions(name: str) -> dict[str, str]:
        text = (ROOT / "locks" / name).read_text()
        return dict(re.findall(r"^([a-z][^\s=]*)==([^\s;]+)", text, re.MULTILINE))

    run, dev = versions("run.txt"), versions("dev.txt")
    assert {name: dev.get(name) for name in run} == run
