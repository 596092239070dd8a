"""docker-compose.yml and the Dockerfiles against the settings and the files, without an engine."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from hotline.settings import load_settings, setting_names

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = (ROOT / "Dockerfile", ROOT / "dialplans/docker/Dockerfile")


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    text = re.sub(r"\\\n", " ", dockerfile.read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def hotline_environment() -> dict[str, str]:
    environment: dict[str, str] = compose()["services"]["hotline"]["environment"]
    return {**environment, "HOTLINE_SECRET_KEY": "x" * 32}


def test_compose_has_every_part() -> None:
    assert set(compose()["services"]) == {"hotline", "postgres", "valkey", "asterisk", "mail"}


def test_compose_sets_only_settings_that_exist_and_are_right() -> None:
    environment = hotline_environment()
    assert set(environment) <= set(setting_names())
    settings = load_settings(environment, env_file=None)
    services = compose()["services"]
    assert settings.ami_urls[0].host in services
    for url in (settings.database_url, settings.redis_url, settings.smtp_url):
        host = re.sub(r".*[/@]([a-z]+):\d+.*", r"\1", url.get_secret_value())
        assert host in services


def test_compose_and_its_asterisk_share_the_managers_secret() -> None:
    settings = load_settings(hotline_environment(), env_file=None)
    manager = (ROOT / "dialplans/docker/manager.conf").read_text()
    address = settings.ami_urls[0]
    assert f"[{address.user}]" in manager
    assert f"secret = {address.secret.get_secret_value()}\n" in manager
    assert f"port = {address.port}\n" in manager


def test_compose_and_its_postgres_share_the_password() -> None:
    postgres = compose()["services"]["postgres"]["environment"]
    wanted = "postgresql://{POSTGRES_USER}:{POSTGRES_PASSWORD}@postgres:5432/{POSTGRES_DB}".format(**postgres)
    assert hotline_environment()["HOTLINE_DATABASE_URL"] == wanted


def test_the_published_port_is_the_one_that_hotline_binds() -> None:
    bind = load_settings(hotline_environment(), env_file=None).http_bind
    (published,) = compose()["services"]["hotline"]["ports"]
    assert published.rsplit(":", 1)[1] == str(bind.port)
    assert ("EXPOSE", str(bind.port)) in instructions(ROOT / "Dockerfile")


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_dockerfile_copies_exists_and_is_sent(dockerfile: Path) -> None:
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for name, rest in instructions(dockerfile):
        if name != "COPY" or "--from=" in rest:
            continue
        *sources, _ = shlex.split(rest)
        for source in sources:
            assert list(ROOT.glob(source)), f"COPY {source}: there is no such file"
            assert any(source == entry or source.startswith(f"{entry}/") for entry in kept), source


def test_the_image_sets_only_settings_that_exist() -> None:
    named = {
        name
        for instruction, rest in instructions(ROOT / "Dockerfile")
        if instruction == "ENV"
        for name in re.findall(r"(HOTLINE_\w+)=", rest)
    }
    assert named
    assert named <= set(setting_names())


def test_the_image_installs_the_lock_and_the_build_needs_nothing_more() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert "--require-hashes -r locks/run.txt" in text
    lock = (ROOT / "locks/run.txt").read_text()
    for requirement in tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]:
        name = re.split(r"[<>=]", requirement)[0]
        assert re.search(rf"^{re.escape(name)}==", lock, re.MULTILINE), f"{name} is not locked"


def test_the_build_hooks_inputs_are_in_the_image() -> None:
    """What pyproject.toml and the front end's build name must be copied before the project is installed."""
    copied = " ".join(rest for name, rest in instructions(ROOT / "Dockerfile") if name == "COPY")
    for name in ("pyproject.toml", "hatch_build.py", "package.json", "package-lock.json", "README.md", "LICENSE"):
        assert name in copied
