"""The names that outsiders rely on: make's targets, the command line, a wrong setting."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.commands import clean_environment, run

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ("help", "demo", "run", "test", "rig", "bench", "lint", "format")
COMMANDS = ("demo", "serve", "migrate", "doctor", "user", "token", "audit", "replay", "flow", "settings")


def hotline(*arguments: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    code, out, errors = run(*arguments, environ=clean_environment(**environ), place=folder)
    return subprocess.CompletedProcess(arguments, code, out, errors)


def test_make_help_names_every_target() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in TARGETS:
        assert re.search(rf"^  make {target}\s+\S", shown, re.MULTILINE), target


def test_what_the_readme_tells_to_type_exists(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text() + (ROOT / "docs/runbook.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"^(?:sudo )?make ([a-z]+)", text, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    help_text = hotline("--help", folder=tmp_path).stdout
    for name in set(re.findall(r"hotline (serve|doctor|user|token|audit|demo|migrate)\b", text)):
        assert re.search(rf"\b{name}\b", help_text), name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, tmp_path: Path) -> None:
    shown = hotline(name, "--help", folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "Usage:" in shown.stdout


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HOTLINE_AMI_URL", "x", "no such setting; did you mean HOTLINE_AMI_URLS?"),
        ("HOTLINE_AMI_URLS", "ami://hotline:geheim@", "expected ami://USER:SECRET@HOST:PORT/NAME"),
        ("HOTLINE_DATABASE_URL", "mysql://root:geheim@db/x", "expected embedded or postgresql://"),
        ("HOTLINE_HTTP_BIND", "geheim", "expected HOST:PORT"),
        ("HOTLINE_SECRET_KEY", "geheim", "at least 16 characters"),
        ("HOTLINE_TIMEZONE", "Mars/geheim", "expected a time zone"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it_and_not_its_value(
    name: str, value: str, said: str, tmp_path: Path
) -> None:
    done = hotline("serve", folder=tmp_path, **{name: value})
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"hotline: {name}: ")
    assert said in line
    assert "geheim" not in line


def test_a_line_of_the_env_file_counts_and_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HOTLINE_LOCALE=fr\nOTHER=1\n")
    assert hotline("serve", folder=tmp_path).stderr.startswith("hotline: HOTLINE_LOCALE: ")
    done = hotline("serve", folder=tmp_path, HOTLINE_LOCALE="en", HOTLINE_REGION="XX")
    assert done.stderr.startswith("hotline: HOTLINE_REGION: ")
