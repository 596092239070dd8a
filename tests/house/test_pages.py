"""The docs against the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hotline.calls import story
from hotline.crm.viewer import PERMISSIONS
from hotline.events import EVENT_TYPES
from hotline.settings import setting_names
from tests.house.pages import DOCS, PAGES

ROOT = DOCS.parent
MARKDOWN = [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]


@pytest.mark.parametrize("name", PAGES)
def test_a_written_page_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text() == PAGES[name](), "run: make docs"


def test_every_setting_has_a_description_and_a_line() -> None:
    text = (DOCS / "settings.md").read_text()
    for name in setting_names():
        (line,) = [line for line in text.splitlines() if line.startswith(f"| `{name}` |")]
        assert len(line.split("|")[3].strip()) > 15, name


def test_every_event_and_permission_is_explained() -> None:
    text = (DOCS / "reference.md").read_text()
    for name in (*EVENT_TYPES, *PERMISSIONS):
        assert f"| `{name}` |" in text


def test_docs_name_only_settings_that_exist() -> None:
    known = set(setting_names())
    name_of = re.compile(r"\bHOTLINE_[A-Z_]+[A-Z]\b")
    dialplan = {"HOTLINE_COMMAND", "HOTLINE_PORT"}
    for path in (ROOT / "dialplans").rglob("*.conf"):
        dialplan |= set(name_of.findall(path.read_text()))
    for path in MARKDOWN:
        for name in name_of.findall(path.read_text()):
            assert name in known | dialplan, f"{path.name}: {name}"


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_files_that_the_docs_name_exist() -> None:
    text = (DOCS / "architecture.md").read_text()
    for name in re.findall(r"`((?:calls|workflows|web|pbx|crm|jobs|telephony)/[a-z_/]+\.py)`", text):
        assert (ROOT / "hotline" / name).exists(), name


def test_the_glossary_has_the_words_of_the_story() -> None:
    text = (DOCS / "glossary.md").read_text().lower()
    for word in story.Disposition.__args__:  # type: ignore[attr-defined]
        assert word.replace("_", " ") in text
