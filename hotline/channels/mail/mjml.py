"""MJML made into the HTML that mail programs understand, and the text part of a mail made from its HTML.

Nothing is loaded: ``mj-include`` is refused, fonts come from the reader's own device.
"""

from __future__ import annotations

import re
from typing import Final

import mrml
from inscriptis import get_text
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig

from hotline.channels.mail.html import as_text
from hotline.errors import Invalid

#: More elements, and more of MJML's own, a mail does not have. The library goes down into them by recursion: thousands
#: within each other would take the whole process with them (2,000 of MJML's, 10,000 of HTML's, with 8 MB of stack).
MOST_ELEMENTS: Final = 2_000
MOST_PARTS: Final = 400
#: Most letters of HTML that a mail becomes.
LONGEST_HTML: Final = 500_000
_BEGINS: Final = re.compile(r"<[A-Za-z]")
_PART: Final = re.compile(r"<mj")
_WHERE: Final = re.compile(r" at position (\d+):\d+$")
_ELEMENT: Final = re.compile(r"<(mj-[a-z-]+|mjml)[\s/>]")
_LINK: Final = re.compile(r"\[([^\[\]]*)\]\(([^()\s]*)\)")
_BLANK_LINES: Final = re.compile(r"\n{3,}")
_GAP: Final = re.compile(r"(?<=\S)[ \t]{2,}(?=\S)")


def html_of(mjml: str) -> str:
    """The HTML of a mail in MJML (documentation.mjml.io). Raises Invalid that says in which line the mistake is."""
    if len(_BEGINS.findall(mjml)) > MOST_ELEMENTS or len(_PART.findall(mjml)) > MOST_PARTS:
        raise Invalid(f"this is not MJML: at most {MOST_PARTS} elements of its own, {MOST_ELEMENTS} in all.")
    options = mrml.ParserOptions(include_loader=mrml.noop_loader())
    try:
        made = mrml.to_html(mjml, options, mrml.RenderOptions(fonts={})).content
    except OSError as error:
        told = str(error)
        where = _WHERE.search(told)
        if where is None:
            raise Invalid(f"this is not MJML: {told.removesuffix(' in root template')}.") from None
        line = mjml.encode()[: int(where[1])].count(b"\n") + 1
        problem = told[: where.start()].removesuffix(" in root template").removesuffix(" template in")
        raise Invalid(f"line {line} is not MJML: {problem}.") from None
    if (unknown := _ELEMENT.search(made)) is not None:
        raise Invalid(f"this is not MJML: there is no element <{unknown[1]}> here.")
    if len(made) > LONGEST_HTML:
        raise Invalid(f"the mail becomes longer than {LONGEST_HTML // 1000} kB.")
    return made


def text_of(html: str) -> str:
    """The text part of a mail: what a reader sees, each link's address behind its words."""
    config = ParserConfig(css=CSS_PROFILES["relaxed"], display_links=True, display_images=False)
    try:
        text = get_text(html, config)
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError, IndexError, AssertionError):
        return as_text(html)  # broken beyond what the reader bears
    lines = (_GAP.sub(" ", line).strip() for line in _LINK.sub(_told, text).replace("\xa0", " ").splitlines())
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def _told(match: re.Match[str]) -> str:
    words, address = " ".join(match[1].split()), match[2]
    if not words or not address or address.startswith("#"):
        return words
    bare = address.removeprefix("mailto:").removeprefix("tel:")
    told = words if words in (address, bare) else f"{words}: {bare}"
    # Two links beside each other are two, whatever stood between them.
    following = match.string[match.end() : match.end() + 1]
    return f"{told} " if following.isalnum() or following == "[" else told
