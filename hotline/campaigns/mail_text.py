"""Mails of what somebody wrote as plain text, and placeholders carried through what knows none of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from typing import Final

from hotline.campaigns import links
from hotline.campaigns.fields import ADDRESSES
from hotline.campaigns.placeholders import Parts, Placeholder

_BODY: Final = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
_PARAGRAPHS: Final = re.compile(r"\n\s*\n")
_PAGE: Final = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title></head>
<body style="margin:0;padding:24px;background:#ffffff;color:#1a1a1a">
<div style="max-width:600px;margin:0 auto;font:16px/1.5 {fonts}">
{paragraphs}
</div></body></html>
"""
#: Fonts that mail programs have, Chinese ones among them.
_FONTS: Final = "-apple-system,'Segoe UI',Roboto,'PingFang SC','Microsoft YaHei','Noto Sans SC',Arial,sans-serif"
_HIDDEN: Final = "display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden"


def through(parts: Parts, make: Callable[[str], str]) -> str:
    """What ``make`` makes of a text, its placeholders untouched: for the time being each is a word that nothing
    changes."""
    words, marked = _marked(parts)
    made = make(marked)
    return _restored(made, words, lambda placeholder: placeholder.source)


def page(parts: Parts, locale: str, subject: Parts) -> str:
    """The HTML of a mail that was written as text: its paragraphs, its links to be clicked."""
    words, marked = _marked(parts)
    paragraphs = "\n".join(
        f"<p>{_linked(each, words)}</p>" for each in _PARAGRAPHS.split(marked.strip()) if each.strip()
    )
    made = _PAGE.format(lang=escape(locale), title="\0", fonts=_FONTS, paragraphs=paragraphs)
    made = _restored(made, words, lambda placeholder: placeholder.source)
    return made.replace("\0", _escaped(subject))


def with_preheader(html: str, preheader: Parts) -> str:
    """HTML with the words that mailboxes show beside the subject."""
    shown = f'<div style="{_HIDDEN}">{_escaped(preheader)}</div>'
    match = _BODY.search(html)
    return html[: match.end()] + shown + html[match.end() :] if match else shown + html


def _escaped(parts: Parts) -> str:
    return "".join(escape(part) if isinstance(part, str) else part.source for part in parts)


def _marked(parts: Parts) -> tuple[dict[str, Placeholder], str]:
    beginning = "hlq"
    while any(beginning in part for part in parts if isinstance(part, str)):
        beginning += "q"
    words = {f"{beginning}{at}zq": part for at, part in enumerate(parts) if isinstance(part, Placeholder)}
    spelled = iter(words)
    return words, "".join(part if isinstance(part, str) else next(spelled) for part in parts)


def _restored(text: str, words: dict[str, Placeholder], written: Callable[[Placeholder], str]) -> str:
    if not words:
        return text
    found = re.compile("|".join(sorted(map(re.escape, words), key=len, reverse=True)))
    return found.sub(lambda match: written(words[match[0]]), text)


def _linked(text: str, words: dict[str, Placeholder]) -> str:
    """A paragraph as HTML: addresses become links, a placeholder that is an address, too."""
    made, at = [], 0
    for start, end, url in links.in_text(text):
        made += [_lines(text[at:start], words), f'<a href="{escape(url)}">{escape(url)}</a>']
        at = end
    return "".join([*made, _lines(text[at:], words)])


def _lines(text: str, words: dict[str, Placeholder]) -> str:
    made = escape(text).replace("\n", "<br>\n")
    for word, placeholder in words.items():
        if placeholder.name in ADDRESSES and word in made:
            made = made.replace(word, f'<a href="{word}">{word}</a>')
    return made
