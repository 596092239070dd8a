"""HTML of mail: as text, and made safe to be shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape, unescape
from typing import Final

import nh3
from inscriptis import get_text
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig

#: Most letters of HTML that are read; what is longer is cut there.
LONGEST: Final = 500_000
#: Deeper nests and more elements than these are read as text without their elements: a browser's parser takes quadratic
#: time for them, and readers of trees go down by recursion.
DEEPEST: Final = 200
MOST_ELEMENTS: Final = 20_000

_TAGS: Final = {
    "a", "abbr", "b", "blockquote", "br", "caption", "center", "cite", "code", "col", "colgroup", "dd", "del", "div",
    "dl", "dt", "em", "font", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "li", "ol", "p", "pre", "q",
    "s", "small", "span", "strike", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt",
    "u", "ul",
}  # fmt: skip
_ATTRIBUTES: Final = {
    "*": {"dir", "lang", "title", "align"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan", "valign"},
    "th": {"colspan", "rowspan", "valign"},
    "font": {"color", "size"},
    "ol": {"start"},
}
_DROPPED: Final = {"script", "style", "head", "title", "template", "noscript", "svg", "math", "iframe", "object"}
_ELEMENT: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*>?")
_HIDDEN: Final = re.compile(r"<(script|style|head)\b[^<]*(?:<(?!/\1)[^<]*)*(?:</\1[^<>]*>)?", re.IGNORECASE)
_VOID: Final = frozenset(
    {"br", "img", "hr", "meta", "link", "input", "col", "wbr", "area", "base", "source", "p", "li"}
)
_BLANK_LINES: Final = re.compile(r"\n{3,}")


def cleaned(html: str) -> str:
    """``html`` without what runs, loads or hides: to be kept. Pictures stay only where the mail carries them."""
    return _clean(html, _kept, {})


def for_view(html: str, pictures: Mapping[str, str]) -> str:
    """HTML to be shown: made safe once more, links open elsewhere, ``cid:`` pictures come from ``pictures`` (Content-ID
    without brackets → address) and others from nowhere."""

    def kept(tag: str, name: str, value: str) -> str | None:
        if tag == "img" and name == "src":
            return pictures.get(value.removeprefix("cid:").strip("<>")) if value.startswith("cid:") else None
        return _kept(tag, name, value)

    return _clean(html, kept, {"a": {"target": "_blank"}})


def _clean(html: str, kept: Callable[[str, str, str], str | None], attributes: Mapping[str, Mapping[str, str]]) -> str:
    html = html[:LONGEST]
    if _unreasonable(html):
        return f"<pre>{escape(_stripped(html))}</pre>"
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        clean_content_tags=_DROPPED,
        url_schemes={"http", "https", "mailto", "tel", "cid"},
        attribute_filter=kept,
        set_tag_attribute_values={tag: dict(values) for tag, values in attributes.items()},
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
    )


def _kept(tag: str, name: str, value: str) -> str | None:
    if tag == "img" and name == "src":
        return value if value.startswith("cid:") else None
    if name in ("width", "height"):
        return value if value.isdecimal() and len(value) < 5 else None
    return value


def as_text(html: str) -> str:
    """What a reader sees of ``html``, as plain text."""
    html = html[:LONGEST]
    if _unreasonable(html):
        return _squeezed(_stripped(html))
    config = ParserConfig(css=CSS_PROFILES["relaxed"], display_links=False, display_images=False)
    try:
        return _squeezed(get_text(html, config))
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError, IndexError, AssertionError):
        # Broken beyond what the reader bears.
        return _squeezed(_stripped(html))


def _stripped(html: str) -> str:
    return unescape(_ELEMENT.sub(" ", _HIDDEN.sub(" ", html)))


def _unreasonable(html: str) -> bool:
    if html.count("<") > MOST_ELEMENTS:
        return True
    depth = 0
    for match in _ELEMENT.finditer(html):
        if match[2].lower() in _VOID:
            continue
        depth = max(0, depth - 1) if match[1] else depth + 1
        if depth > DEEPEST:
            return True
    return False


def _squeezed(text: str) -> str:
    lines = (line.rstrip() for line in text.replace("\xa0", " ").splitlines())
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()
