"""The map of keys names every key that a page or a script listens to, and no other."""

from __future__ import annotations

import re

from hotline.web.desktop.keys import KEYS, at_the_desk
from hotline.web.locale.update import WEB

NAMED = {key for _, keys in KEYS for key, _ in keys}
#: The browser's own: links open, dialogs close.
BROWSERS = {"Enter", "Esc"}


def listened() -> set[str]:
    """Keys by attribute in the templates, and by name in the scripts."""
    found: set[str] = set()
    for path in (WEB / "templates").glob("*.html"):
        found |= set(re.findall(r'data-(?:\w+-)?key="([^"{]+)"', path.read_text("utf-8")))
        if 'data-outcome-key="Alt {{' in path.read_text("utf-8"):
            found.add("Alt 1")
    for name in ("app.js", "shell/rows.js", "shell/toast.js", "desk/wrapUp.js", "desk/rings.js"):
        source = (WEB / "frontend" / name).read_text("utf-8")
        found |= {a or b for a, b in re.findall(r'"((?:Alt|Ctrl) \w+|[?/])":|dataset\.key = "([^"]+)"', source)}
        if name == "shell/rows.js":
            found |= set(re.findall(r"^  ([A-Z]\d?): ", source, re.MULTILINE))
    return found


def test_the_map_is_whole() -> None:
    assert listened() - NAMED == set(), "name it in web/desktop/keys.py"
    assert NAMED - listened() == BROWSERS, "no page listens to it"


def test_each_key_has_one_meaning() -> None:
    keys = [key for _, keys in KEYS for key, _ in keys]
    assert len(keys) == len(set(keys))
    assert len(at_the_desk()) == 8
