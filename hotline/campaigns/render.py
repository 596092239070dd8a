"""Filling templates in, for one recipient after the other: what a version says is compiled once, each recipient only
joins its parts. Values are made harmless for the place that they stand in: a header stays one line, a value in HTML
never becomes markup, one in an address never another host.

Some 100,000 SMS or 60,000 mails of 4 kB a second and core (``bench/render``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final

from hotline.campaigns import links as link_rules
from hotline.campaigns import markup
from hotline.campaigns.consent import Channel
from hotline.campaigns.fields import OWN_WORDS
from hotline.campaigns.joined import Joined, Make, Values, joined
from hotline.campaigns.placeholders import Parts, Placeholder, changes, parse
from hotline.campaigns.render_errors import MissingValue, TooLong, UnusableValue
from hotline.conversations import segments
from hotline.errors import Invalid

#: Most letters of an SMS that begins with a 【签名】 (通信短信息服务管理规定; carriers' limit).
LONGEST_SIGNED: Final = 500
SIGNATURE: Final = "【"

_Clean = Callable[[str, str], str]

# Controls, what turns the direction of writing, separators of lines that no channel knows, halves of letters.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
)
_SPACES: Final = re.compile(r"\s+")
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"'/?#@]+(?:[/?#][^\s<>\"']*)?", re.IGNORECASE)
_OPEN_HOST: Final = re.compile(r"https?://[^\s/?#]*$", re.IGNORECASE)
_LURE: Final = re.compile(r"://|\bwww\.", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rendered:
    """One message for one recipient, ready for its channel. ``body`` is the text (of a mail its text part, of a call
    what is read out); ``link`` and ``expires_hours`` are of in-app messages, ``content_sid`` and ``variables`` of
    WhatsApp's approved templates, ``recording``, ``opt_out`` (said first) and ``opt_out_key`` of calls."""

    body: str = field(default="", repr=False)
    subject: str = field(default="", repr=False)
    html: str | None = field(default=None, repr=False)
    title: str = field(default="", repr=False)
    link: str | None = field(default=None, repr=False)
    expires_hours: int | None = None
    content_sid: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    recording: str | None = None
    opt_out: str = ""
    opt_out_key: str | None = None

    @property
    def segments(self) -> int:
        """How many parts the text takes as SMS."""
        return segments.count(self.body).count


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a version says in one language. ``fields`` are the values that it needs or uses, ``links`` the numbers of
    its tracked links, whose addresses are values, too: ``link:1``."""

    channel: Channel
    locale: str
    texts: Mapping[str, Joined]
    variables: tuple[tuple[str, Joined], ...]
    constants: Mapping[str, Any]
    fields: frozenset[str]
    links: frozenset[int]
    longest: int | None


@dataclass(frozen=True, slots=True)
class CompiledVersion:
    """A version in all its languages; ``default`` is for recipients whose language it lacks."""

    channel: Channel
    default: str
    locales: Mapping[str, Compiled]

    def locale_for(self, locale: str | None) -> str:
        """The language that a recipient gets: theirs, one of the same language elsewhere, else the default."""
        return locale_for(tuple(self.locales), self.default, locale)

    def for_locale(self, locale: str | None) -> Compiled:
        """What is said to a recipient of this language."""
        return self.locales[self.locale_for(locale)]

    @property
    def fields(self) -> frozenset[str]:
        """The values that it needs or uses, in any language."""
        return frozenset().union(*(each.fields for each in self.locales.values()))

    @property
    def links(self) -> frozenset[int]:
        """The numbers of its tracked links, in any language."""
        return frozenset().union(*(each.links for each in self.locales.values()))


def locale_for(offered: Sequence[str], default: str, locale: str | None) -> str:
    """Which of the offered languages a recipient of ``locale`` gets: zh-CN finds zh, zh finds zh-CN."""
    wanted = (locale or "").replace("_", "-").lower()
    by_name = {each.lower(): each for each in offered}
    while wanted:
        if wanted in by_name:
            return by_name[wanted]
        if "-" not in wanted:
            return next((each for name, each in by_name.items() if name.partition("-")[0] == wanted), default)
        wanted = wanted.rpartition("-")[0]
    return default


def compile_version(
    channel: Channel, content: Mapping[str, Any], links: Mapping[str, int] | None = None
) -> CompiledVersion:
    """A version's content compiled. ``links``: the numbers of the addresses that are tracked; the others stay as they
    are. Raises Invalid for content that was never checked."""
    known = links or {} if content.get("track_links") else {}
    locales = {locale: compile_content(channel, each, locale, known) for locale, each in content["locales"].items()}
    return CompiledVersion(channel, content["default"], locales)


def compile_content(
    channel: Channel, content: Mapping[str, Any], locale: str = "", links: Mapping[str, int] | None = None
) -> Compiled:
    """What is said in one language, compiled. Raises Invalid naming the field that is wrong."""
    compiler = _Compiler(links or {}, signed=channel == "sms" and _body(content).startswith(SIGNATURE))
    texts: dict[str, Joined] = {}
    if channel == "email":
        texts["subject"] = compiler.text(content["subject"], "subject", _line, track=False)
        texts["html"] = compiler.html(content["html"], "html")
        texts["body"] = compiler.text(content["text"], "text", _several_lines)
    elif channel == "inapp":
        texts["title"] = compiler.text(content["title"], "title", _line, track=False)
        texts["body"] = compiler.text(content["body"], "body", _several_lines, track=False)
        if content.get("link"):
            texts["link"] = compiler.text(content["link"], "link", _address_part)
    elif channel != "whatsapp" or not content.get("content_sid"):
        spoken = channel == "voice"
        texts["body"] = compiler.text(_body(content), "body", _several_lines, track=not spoken)
    if channel == "voice":
        texts["opt_out"] = compiler.text(content.get("opt_out", ""), "opt_out", _line, track=False)
    variables = {
        number: compiler.text(text, f"variables.{number}", _line, track=False)
        for number, text in (content.get("variables") or {}).items()
    }
    if content.get("content_sid"):
        texts["body"] = _gaps_filled(_body(content), variables)
    constants = {name: content[name] for name in _CONSTANTS if content.get(name) is not None}
    longest = None
    if channel in ("sms", "whatsapp"):
        longest = LONGEST_SIGNED if compiler.signed else segments.LONGEST_SMS
    return Compiled(
        channel, locale, texts, tuple(variables.items()), constants, frozenset(compiler.fields),
        frozenset(compiler.links), longest,
    )  # fmt: skip


def render(compiled: Compiled, values: Values) -> Rendered:
    """The message for one recipient.

    Raises MissingValue for a value that is empty and has no default, UnusableValue, TooLong; their ``reason`` is what
    the recipient's delivery is marked with.
    """
    made: dict[str, Any] = {name: joined.fill(values) for name, joined in compiled.texts.items()}
    if compiled.longest is not None and len(made.get("body", "")) > compiled.longest:
        raise TooLong(f"With this recipient's values the text is longer than {compiled.longest} characters.")
    if compiled.variables:
        variables = {number: joined.fill(values) for number, joined in compiled.variables}
        return Rendered(**made, **compiled.constants, variables=variables)
    return Rendered(**made, **compiled.constants)


def urls_of(channel: Channel, content: Mapping[str, Any]) -> tuple[str, ...]:
    """Every address in a version's content that can be tracked, each once, in order, as ``links.Address.written``. One
    that begins with a placeholder cannot: its host would be anybody's."""
    found: dict[str, None] = {}
    for each in content["locales"].values():
        compiler = _Compiler(_Everything(found), signed=False)
        if channel == "email":
            compiler.html(each["html"], "html")
            compiler.text(each["text"], "text", _several_lines)
        elif channel == "inapp":
            compiler.text(each.get("link") or "", "link", _line)
        elif channel != "voice" and not each.get("content_sid"):
            compiler.text(_body(each), "body", _several_lines)
    return tuple(found)


class _Everything(dict[str, int]):
    """Takes every address for a tracked one, and notes it."""

    def __init__(self, found: dict[str, None]) -> None:
        super().__init__()
        self._found = found

    def get(self, url: str, default: Any = None) -> Any:
        del default
        self._found[url] = None
        return len(self._found)


_CONSTANTS: Final = ("expires_hours", "content_sid", "recording", "opt_out_key")


def _body(content: Mapping[str, Any]) -> str:
    return content.get("body") or ""


class _Compiler:
    def __init__(self, links: Mapping[str, int], *, signed: bool) -> None:
        self.signed = signed
        self.fields: set[str] = set()
        self.links: set[int] = set()
        self._numbers = links
        # The same place of the same value is made once for each recipient.
        self._of_links: dict[int, Make] = {}
        self._of_values: dict[tuple[Placeholder, _Clean], Make] = {}

    def text(self, source: str, place: str, clean: _Clean, *, track: bool = True) -> Joined:
        """A plain text. A placeholder behind the host of an address is written as addresses are."""
        parts = parse(source, place)
        makes: dict[int, Make] = {}
        for at, part in enumerate(parts):
            if isinstance(part, Placeholder):
                before = parts[at - 1] if at else ""
                tail = before if isinstance(before, str) else ""
                if _OPEN_HOST.search(tail):
                    raise Invalid(f"{place}: {part.source} cannot choose where a link leads: write the host before it.")
                within = _within_address(parts, at, tail)
                makes[at] = self._value(part, _address_part if within else self._cleaner(clean))
        made: list[str | Make] = []
        for piece in link_rules.in_parts(parts):
            if isinstance(piece, link_rules.Address):
                places = iter(piece.at)
                address = [part if isinstance(part, str) else makes[next(places)] for part in piece.parts]
                made += self._address(piece.written, address) if track else address
            else:
                made.append(makes[piece] if isinstance(piece, int) else piece)
        return joined(made)

    def html(self, source: str, place: str) -> Joined:
        """HTML, each placeholder escaped for where it stands."""
        made: list[str | Make] = []
        for piece in markup.read(parse(source, place, markup=True), place):
            if isinstance(piece, str):
                made.append(piece)
            elif isinstance(piece, markup.Link):
                made += self._address(piece.written, [self._piece(each) for each in piece.pieces])
            else:
                made.append(self._piece(piece))
        return joined(made)

    def _piece(self, piece: str | markup.Hole) -> str | Make:
        return piece if isinstance(piece, str) else self._value(piece.placeholder, _IN_HTML[piece.place])

    def _cleaner(self, clean: _Clean) -> _Clean:
        return _UNSIGNED[clean] if self.signed else clean

    def _address(self, written: str, address: list[str | Make]) -> list[str | Make]:
        """An address as it is written, or the recipient's own link in its place where it is tracked."""
        number = self._numbers.get(written)
        if number is None:
            return address
        self.links.add(number)
        if number not in self._of_links:
            self._of_links[number] = _own_link(number, joined(address))
        return [self._of_links[number]]

    def _value(self, placeholder: Placeholder, clean: _Clean) -> Make:
        self.fields.add(placeholder.name)
        found = self._of_values.get((placeholder, clean))
        if found is None:
            found = self._of_values[placeholder, clean] = _maker(placeholder, clean)
        return found


def _own_link(number: int, address: Joined) -> Make:
    name = f"{link_rules.VALUE}{number}"

    def value(values: Values) -> str:
        address.fill(values)  # whoever lacks a value would be led nowhere
        try:
            return values[name]
        except KeyError:
            raise MissingValue(name) from None

    return value


def _maker(placeholder: Placeholder, clean: _Clean) -> Make:
    name, default, filters = placeholder.name, placeholder.default, changes(placeholder)
    guarded = name in OWN_WORDS

    def value(values: Values) -> str:
        text = values.get(name)
        if not text or text.isspace():
            if default is None:
                raise MissingValue(name)
            text = default
        elif guarded and _LURE.search(text):
            # Names come from whoever typed them somewhere: nobody advertises through our messages.
            raise UnusableValue(name)
        for change in filters:
            text = change(text)
        return clean(text, name)

    return value


def _gaps_filled(body: str, variables: Mapping[str, Joined]) -> Joined:
    """What an approved WhatsApp template says, for eyes: only its variables are sent."""
    parts = parse(body, "body", numbered=True)
    return joined(
        piece for part in parts for piece in ((part,) if isinstance(part, str) else variables[part.name].parts())
    )


def _within_address(parts: Parts, at: int, tail: str) -> bool:
    """Whether the placeholder at ``at`` stands in an address whose host is written before it."""
    while tail == "" and at > 1 and isinstance(parts[at - 1], Placeholder):
        at -= 1
        before = parts[at - 1]
        tail = before if isinstance(before, str) else ""
    word = tail[max(tail.rfind(" "), tail.rfind("\n"), -1) + 1 :]
    start = max(word.lower().rfind("https://"), word.lower().rfind("http://"))
    return start >= 0 and _ADDRESS.fullmatch(word[start:]) is not None


# How a value is made harmless; each takes (value, name of the value).


def _several_lines(text: str, name: str) -> str:
    del name
    return text if text.isprintable() else _UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _line(text: str, name: str) -> str:
    del name
    return text if text.isprintable() else _SPACES.sub(" ", _UNSEEN.sub(" ", text)).strip()


def _unsigned(clean: _Clean) -> _Clean:
    """Without the brackets of a signature: there is one, at the start, and it is the company's (rule 13)."""
    return lambda text, name: clean(text, name).replace("【", "[").replace("】", "]")


def _html(text: str, name: str) -> str:
    return escape(_several_lines(text, name))


def _address_part(text: str, name: str) -> str:
    del name
    return link_rules.as_part(text)


def _address(text: str, name: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise UnusableValue(name)
    return escape(text)


_UNSIGNED: Final[Mapping[_Clean, _Clean]] = {each: _unsigned(each) for each in (_several_lines, _line)}
_IN_HTML: Final[Mapping[markup.Place, _Clean]] = {"text": _html, "url": _address_part, "address": _address}
