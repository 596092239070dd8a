"""What a reviewer should know of a content before they approve it: what the rules of a channel ask for and is not
there, links that are not what they look like, how many parts an SMS takes. Rule 13 is that of Chinese SMS.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from ipaddress import ip_address
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from hotline.campaigns import links, markup
from hotline.campaigns.consent import Channel
from hotline.campaigns.fields import ADDRESSES
from hotline.campaigns.placeholders import Placeholder, parse
from hotline.campaigns.render import LONGEST_SIGNED, SIGNATURE, urls_of
from hotline.conversations import segments

Severity = Literal["stop", "warn", "info"]

#: How long a value is taken for, where only its recipient tells; and the recipient's own links, with an address of the
#: installation such as https://hotline.example.com.
TYPICAL_VALUE: Final = 10
TYPICAL_LINK: Final = 27 + len("/u/") + 39
#: Mailboxes cut mails that are longer (Gmail at 102 kB).
LONGEST_HTML: Final = 100_000
LONGEST_SUBJECT: Final = 70
MOST_SEGMENTS: Final = 3

_SAYS_STOP: Final = re.compile(
    r"\b(?:STOPP?|ARRET|ARRÊT|BAJA|opt[ -]?out|unsubscribe)\b|退订|退訂|拒收|取消订阅|回复?\s*TD?\b",
    re.IGNORECASE,
)
# 拒收请回复R, 回T退订, TD退订: at the end, what closes the sentence aside.
_ENDS_WITH_STOP: Final = re.compile(r"(?:退订|退訂|拒收|取消订阅|回复?\s*(?:TD|T|R|N))[^【】]{0,12}$", re.IGNORECASE)
#: The recipient's own link at which they stop; what closes the sentence behind it is no matter.
_STOP_LINK: Final = re.compile(r"\{\{\s*unsubscribe_url\b[^{}]{0,200}\}\}")
_SIGNED: Final = re.compile(r"【[^【】]{2,20}】")
_BAD_SPELLING: Final = re.compile(
    r"\b(?:htp|htps|hhtps?|htttps?|httpss|ttps?)://|\bhttps?(?:://){2,}|\bhttps?:/(?!/)|\bhttps?//|\bhttps?[;：]//"
    r"|\bhttps?://(?:https?\b|www\.?(?=[\s/]|$)|[^\s/?#]*(?:\.\.|,))",
    re.IGNORECASE,
)
# People write it so, but telephones make no link of it everywhere.
_BARE: Final = re.compile(r"(?<![/.\w@])www\.[\w-]+\.\w+", re.IGNORECASE)
# Bounded everywhere: what never ends is looked at once, not once from each of its beginnings.
_ANCHOR: Final = re.compile(
    r"<a\b[^>]{0,500}?\bhref\s{0,9}=\s{0,9}([\"'])([^\"'<>]{1,2000})\1[^>]{0,2000}>(.{0,500}?)</a>",
    re.IGNORECASE | re.DOTALL,
)
_TAG: Final = re.compile(r"<[^>]+>")
_SHOWN_HOST: Final = re.compile(r"^\s*(?:https?://)?((?:[\w-]+\.)+[a-z]{2,})(?:[/?#:]\S*)?\s*$", re.IGNORECASE)
_SHORTENERS: Final = frozenset(
    {"bit.ly", "tinyurl.com", "t.co", "goo.gl", "ow.ly", "is.gd", "buff.ly", "rebrand.ly", "cutt.ly", "t.cn", "dwz.cn",
     "url.cn", "suo.im", "rb.gy", "shorturl.at", "s.id", "v.gd", "tiny.cc"}
)  # fmt: skip
_OWN_NETWORK: Final = (".local", ".internal", ".localhost", ".lan", ".home", ".test", ".invalid")


@dataclass(frozen=True, slots=True)
class Finding:
    """One of them, in one language. ``values`` are what its words need: a count, a host, names."""

    code: str
    severity: Severity
    locale: str
    values: Mapping[str, Any] = field(default_factory=dict)


def findings_of(channel: Channel, content: Mapping[str, Any], *, purpose: str = "marketing") -> tuple[Finding, ...]:
    """What there is to know of a version's content, language by language. Pure: no link is asked for."""
    found: list[Finding] = []
    for locale, each in content["locales"].items():
        tracked = bool(content.get("track_links"))
        found += _of_channel(channel, locale, each, purpose == "marketing", tracked)
        found += _of_links(channel, locale, {"default": locale, "locales": {locale: each}})
        if tracked and (loose := _loose_links(channel, each)):
            found.append(Finding("link_not_tracked", "info", locale, {"names": loose}))
        if bare := _without_default(channel, each):
            found.append(Finding("no_default", "info", locale, {"names": bare}))
    return tuple(found)


def _of_channel(
    channel: Channel, locale: str, each: Mapping[str, Any], marketing: bool, tracked: bool
) -> Iterator[Finding]:
    body = each.get("body") or ""
    if channel == "sms":
        yield from _of_sms(locale, body, marketing, tracked)
    elif channel == "email":
        if marketing and "unsubscribe_url" not in each["html"]:
            yield Finding("mail_without_unsubscribe", "warn", locale)
        if len(each["html"].encode()) > LONGEST_HTML:
            yield Finding("mail_too_large", "warn", locale, {"kilobytes": len(each["html"].encode()) // 1000})
        if len(_typical(each["subject"])) > LONGEST_SUBJECT:
            yield Finding("subject_long", "info", locale, {"letters": len(_typical(each["subject"]))})
        for host, shown in _disguised(each["html"]):
            yield Finding("link_disguised", "stop", locale, {"host": host, "shown": shown})
    elif channel == "whatsapp" and marketing:
        if not each.get("content_sid"):
            # Rule 12: outside of 24 hours after they wrote nothing but an approved template reaches anybody.
            yield Finding("whatsapp_without_template", "warn", locale)
        elif body and not _says_stop(" ".join((body, *(each.get("variables") or {}).values()))):
            yield Finding("opt_out_missing", "warn", locale)
    elif channel == "voice" and each.get("recording"):
        yield Finding("voice_recording", "info", locale, {"name": each["recording"]})


def _of_sms(locale: str, body: str, marketing: bool, tracked: bool) -> Iterator[Finding]:
    typical = _typical(body, tracked)
    chinese = locale.partition("-")[0] == "zh"
    if chinese:
        yield from _of_chinese(locale, body, typical, marketing)
    elif marketing and not _says_stop(body):
        yield Finding("opt_out_missing", "stop", locale)
    parts = segments.count(typical)
    severity: Severity = "warn" if parts.count > MOST_SEGMENTS else "info"
    yield Finding("sms_segments", severity, locale, {"segments": parts.count, "letters": len(typical)})
    if parts.encoding == "ucs2" and not chinese and len(parts.letters) <= 3 and parts.count > 1:
        yield Finding("sms_letters", "warn", locale, {"letters": " ".join(parts.letters)})


def _of_chinese(locale: str, body: str, typical: str, marketing: bool) -> Iterator[Finding]:
    """Rule 13: the company's 【签名】 once, at the start; how to stop at the end; 500 characters at most."""
    signed = _SIGNED.match(body)
    if signed is None:
        yield Finding("sms_signature_missing", "stop", locale)
    if body.count(SIGNATURE) > 1 or (signed is None and SIGNATURE in body):
        yield Finding("sms_signature_in_text", "stop", locale)
    # The link by which they stop may close the text: 退订点 https://…
    if marketing and not _ENDS_WITH_STOP.search(_typical(_STOP_LINK.sub("", body)).rstrip()):
        yield Finding("opt_out_not_at_end" if _says_stop(body) else "opt_out_missing", "stop", locale)
    if len(typical) > LONGEST_SIGNED:
        yield Finding("sms_too_long", "stop", locale, {"letters": len(typical), "most": LONGEST_SIGNED})


def _of_links(channel: Channel, locale: str, content: Mapping[str, Any]) -> Iterator[Finding]:
    each = content["locales"][locale]
    seen: set[tuple[str, str]] = set()
    for url in urls_of(channel, content):
        for code, severity in _of_url(url):
            host = urlsplit(url).hostname or url
            if (code, host) not in seen:
                seen.add((code, host))
                yield Finding(code, severity, locale, {"host": host})
    text = " ".join(str(each.get(name) or "") for name in ("subject", "title", "body", "text") if name != "body" or channel != "email")  # noqa: E501  # fmt: skip
    bare = () if channel == "email" else _BARE.finditer(text)
    for match in (*_BAD_SPELLING.finditer(text), *bare):
        yield Finding("link_misspelt", "warn", locale, {"written": text[match.start() : match.start() + 40].split()[0]})


def _of_url(url: str) -> Iterator[tuple[str, Severity]]:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".").lower()
        strange = parts.port not in (None, 80, 443)
    except ValueError:
        yield "link_misspelt", "stop"
        return
    if parts.scheme.lower() == "http":
        yield "link_not_encrypted", "warn"
    if parts.username is not None:
        yield "link_disguised", "stop"
    try:
        yield ("link_to_number", "warn") if ip_address(host).is_global else ("link_to_own_network", "stop")
    except ValueError:
        if "." not in host or host.endswith(_OWN_NETWORK):
            yield "link_to_own_network", "stop"
    if strange:
        yield "link_port", "warn"
    if host in _SHORTENERS:
        yield "link_shortened", "warn"
    if "xn--" in host or not host.isascii():
        yield "link_other_script", "warn"


def _disguised(html: str) -> Iterator[tuple[str, str]]:
    """(where it leads, what it shows) of links whose words are another host's address."""
    for match in _ANCHOR.finditer(html):
        shown = _SHOWN_HOST.match(unescape(_TAG.sub("", match[3])))
        try:
            host = (urlsplit(unescape(match[2]).strip()).hostname or "").lower()
        except ValueError:
            continue
        if shown is not None and host and "{{" not in match[2].partition("//")[2].partition("/")[0]:
            named = shown[1].lower()
            if host.removeprefix("www.") != named.removeprefix("www.") and not host.endswith(f".{named}"):
                yield host, named


def _says_stop(body: str) -> bool:
    """Whether a text says how to stop: by a word, or by the recipient's own link."""
    return bool(_SAYS_STOP.search(body) or _STOP_LINK.search(body))


def _loose_links(channel: Channel, each: Mapping[str, Any]) -> tuple[str, ...]:
    """Values that are the whole address of a link: nobody approved where it leads, so nothing leads there over us."""
    names: dict[str, None] = {}
    if channel == "email":
        for piece in markup.read(parse(each["html"], "html", markup=True), "html"):
            if isinstance(piece, markup.Hole) and piece.place == "address":
                names[piece.placeholder.name] = None
    for text in (each.get("text"), each.get("body") if channel != "email" else None):
        for part in parse(text or "", "body", numbered=True):
            if isinstance(part, Placeholder) and part.name in ADDRESSES:
                names[part.name] = None
    names.pop("unsubscribe_url", None)
    return tuple(names)


def _typical(source: str, tracked: bool = False) -> str:
    """A text with its placeholders filled in by something of usual length; ``tracked``: its links lead over us."""
    filled: list[str] = []
    parts = parse(source, "body", numbered=True)
    for piece in links.in_parts(parts):
        if isinstance(piece, str):
            filled.append(piece)
        elif isinstance(piece, int):
            filled.append("x" * _length(parts[piece]))
        elif tracked:
            filled.append("x" * TYPICAL_LINK)
        else:
            filled += [part if isinstance(part, str) else "x" * _length(part) for part in piece.parts]
    return "".join(filled)


def _length(part: str | Placeholder) -> int:
    return TYPICAL_LINK if isinstance(part, Placeholder) and part.name == "unsubscribe_url" else TYPICAL_VALUE


def _without_default(channel: Channel, each: Mapping[str, Any]) -> tuple[str, ...]:
    names: dict[str, None] = {}
    fields = ("subject", "html") if channel == "email" else ("title", "body", "link")
    texts = [str(each.get(name) or "") for name in fields if not (name == "body" and each.get("content_sid"))]
    for text in [*texts, *(each.get("variables") or {}).values()]:
        for part in parse(text, "body", markup=True):
            if isinstance(part, Placeholder) and part.default is None and part.name not in _ALWAYS:
                names[part.name] = None
    return tuple(names)


_ALWAYS: Final = frozenset({"unsubscribe_url", "today", "customer.reference"})
