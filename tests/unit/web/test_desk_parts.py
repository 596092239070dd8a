"""Small parts of the desk that no browser is needed for."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from hotline.web.desktop.assets import DIST, asset, manifest
from hotline.web.desktop.components import colours, icons
from hotline.web.desktop.people.sign_in import own_address

ROOT = Path(__file__).parents[3]
_COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)|\brgba?\(|\bhsla?\(")


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ("/", "/"),
        ("/customers?q=li&after=x", "/customers?q=li&after=x"),
        ("", "/"),
        ("customers", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/customers\r\nSet-Cookie: x", "/"),
        ("/sign-in?next=/sign-in", "/"),
        ("/api/v1/customers", "/"),
    ],
)
def test_signing_in_leads_to_pages_of_ours_only(asked: str, got: str) -> None:
    assert own_address(asked) == got


def test_every_built_file_is_there_under_a_name_that_changes_with_it() -> None:
    assert set(manifest()) >= {"app.js", "signin.js", "app.css", "icons.svg", "favicon.svg"}
    for name, built in manifest().items():
        stem, dot, kind = name.rpartition(".")
        assert built.startswith(f"{stem}-")
        assert built.endswith(dot + kind)
        assert (DIST / built).is_file()
        assert asset(name) == f"/static/{built}"


def test_the_lock_file_names_no_host() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    for name, package in packages.items():
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name
    assert "://" not in (ROOT / ".npmrc").read_text("utf-8")


def test_every_class_of_the_styles_is_somebody_s() -> None:
    web = ROOT / "hotline" / "web"
    users = [web.parent / "ivr" / "draw.py", *web.rglob("*.py"), *web.glob("templates/**/*.html")]
    users += [path for path in web.glob("frontend/**/*.js") if "node_modules" not in path.parts]
    words = set(re.findall(r"[\w-]+", "\n".join(path.read_text("utf-8") for path in users)))
    beginnings = tuple(word for word in words if word.endswith("-") and len(word) > 2)
    dead = {
        name
        for path in (web / "frontend" / "styles").glob("*.css")
        for selector in re.findall(r"([^{}]*)\{", re.sub(r"/\*.*?\*/", "", path.read_text("utf-8"), flags=re.DOTALL))
        for name in re.findall(r"\.(-?[a-zA-Z_][\w-]*)", selector)
        if name not in words and not name.startswith(beginnings)
    }
    assert dead == set()


def test_colours_stand_in_the_tokens_alone() -> None:
    styles = ROOT / "hotline" / "web" / "frontend" / "styles"
    for path in styles.glob("*.css"):
        if path.name == "tokens.css":
            continue
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            bare = line.split("url(")[0]
            assert not _COLOUR.search(bare), f"{path.name}:{number}: a colour outside tokens.css"


def test_the_components_page_knows_every_colour_and_icon() -> None:
    assert {"--hl-accent", "--hl-ringing", "--hl-on-ringing", "--hl-breach-line"} <= set(colours())
    assert {"phone", "alert", "offline"} <= set(icons())
    sprite = (ROOT / "hotline" / "web" / "frontend" / "icons.svg").read_text("utf-8")
    assert sprite.count("<symbol") == len(icons())


def test_no_template_breaks_the_content_security_policy() -> None:
    for path in (ROOT / "hotline" / "web" / "templates").glob("*.html"):
        text = path.read_text("utf-8")
        assert " style=" not in text, path.name
        # The report of a person is a file that stands by itself, wherever it is kept.
        assert "<style" not in text or path.name == "person_report.html", path.name
        assert " onclick=" not in text, path.name
        assert "|safe" not in text.replace("'|safe", ""), f"{path.name}: only fixed words may be marked safe"
