"""Where in HTML a placeholder stands, for what is filled in there must not become markup; and the links in it.

The reader knows as much of HTML as that takes (WHATWG HTML §13.2.5): text, tags, quoted attributes, comments (those of
Outlook count as text) and elements whose content is no markup. What runs, or loads another page, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import unescape
from typing import Final, Literal

from hotline.campaigns.fields import ADDRESSES
from hotline.campaigns.placeholders import Parts, Placeholder, source
from hotline.errors import Invalid

#: ``url``: inside an address, behind its host; ``address``: the address begins with it.
Place = Literal["text", "url", "address"]

_FORBIDDEN: Final = frozenset(
    {"script", "iframe", "object", "embed", "applet", "form", "input", "button", "select", "textarea", "base", "frame",
     "frameset", "video", "audio", "portal", "foreignobject"}
)  # fmt: skip
_RAW: Final = frozenset({"style", "title", "noscript", "xmp"})
_ENDS: Final = {tag: re.compile(f"</{tag}", re.IGNORECASE) for tag in _RAW}
_ADDRESS_ATTRIBUTES: Final = frozenset({"href", "src", "background", "poster", "cite", "longdesc", "xlink:href"})
_UNSAFE_ATTRIBUTES: Final = frozenset({"style", "srcset", "srcdoc", "formaction", "action", "ping"})
_NAME: Final = re.compile(r"/?([A-Za-z][A-Za-z0-9:-]*)")
_IN_TAG: Final = re.compile(r"""(>)|([^\s=>"'/<]+)\s*(?:(=)\s*(["'])?)?|[\s"'/=<]+""")
_UNQUOTED: Final = re.compile(r"[^\s>]+")
# All of the host stands before the first placeholder: nobody's value chooses where a link leads.
_HOST: Final = re.compile(r"\s*(?:https?://[^/?#\s@{}]+[/?#]|mailto:|tel:|sms:|#)", re.IGNORECASE)
_RUNS: Final = re.compile(r"(?:java|vb|live)script:|data:(?!image/(?:png|jpe?g|gif|webp))", re.IGNORECASE)
# Browsers leave these out of addresses before they look at the scheme.
_LEFT_OUT: Final = re.compile(r"[\x00-\x20]+")
_TRACKABLE: Final = re.compile(r"https?://[^\s/?#@]+\S*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Hole:
    """A placeholder in HTML, and where it stands."""

    placeholder: Placeholder
    place: Place


@dataclass(frozen=True, slots=True)
class Link:
    """The address of a link: ``pieces`` as it stands in the source, ``parts`` as a browser reads it."""

    pieces: tuple[str | Hole, ...]
    parts: Parts

    @property
    def written(self) -> str:
        """As it is known by (``links.Address``)."""
        return source(self.parts)


Piece = str | Hole | Link


def read(parts: Iterable[str | Placeholder], place: str) -> tuple[Piece, ...]:
    """The pieces of HTML in parts. Raises Invalid, naming ``place``, for a placeholder where none may stand and for
    what runs."""
    reader = _Reader(place)
    for part in parts:
        if isinstance(part, str):
            reader.literal(part)
        else:
            reader.placeholder(part)
    return reader.finished()


@dataclass
class _Reader:
    place: str
    pieces: list[Piece] = field(default_factory=list)
    #: text, tag, value (of an attribute, in quotes), bare (without), raw (no markup inside), comment
    state: str = "text"
    tag: str = ""
    attribute: str = ""
    quote: str = ""
    #: What stands of the attribute's value already, and whether a placeholder is in it.
    value: str = ""
    filled: bool = False
    #: The place of the value's first piece.
    begins: int = 0
    kept: list[str] = field(default_factory=list)

    def literal(self, text: str) -> None:
        at = 0
        while at < len(text):
            at = getattr(self, f"_{self.state}")(text, at)

    def placeholder(self, found: Placeholder) -> None:
        self._flush()
        self.pieces.append(Hole(found, self._place(found)))
        self.filled = True

    def finished(self) -> tuple[Piece, ...]:
        self._flush()
        return tuple(self.pieces)

    # Each reads on from ``at`` and answers how far it came.

    def _text(self, text: str, at: int) -> int:
        end = text.find("<", at)
        if end < 0:
            self.kept.append(text[at:])
            return len(text)
        if text.startswith("<!--", end) and not text.startswith(("<!--[if", "<!-->"), end):
            self.state = "comment"
            return self._keep(text, at, end + 4)
        if text.startswith(("<!", "<?"), end):
            close = text.find(">", end)
            return self._keep(text, at, len(text) if close < 0 else close + 1)
        name = _NAME.match(text, end + 1)
        if name is None:
            return self._keep(text, at, end + 1)
        self.tag = name[1].lower() if text[end + 1] != "/" else ""
        if self.tag in _FORBIDDEN:
            raise Invalid(f"{self.place}: <{self.tag}> does not belong into a mail.")
        self.state = "tag"
        return self._keep(text, at, name.end())

    def _tag(self, text: str, at: int) -> int:
        match = _IN_TAG.match(text, at)
        if match is None:
            return self._keep(text, at, at + 1)
        if match[1]:
            self.state = "raw" if self.tag in _RAW else "text"
        elif match[2]:
            self.attribute = match[2].lower()
            if self.attribute.startswith("on"):
                raise Invalid(f"{self.place}: {self.attribute}=… does not belong into a mail.")
            if match[3]:
                self.state, self.quote = ("value", match[4]) if match[4] else ("bare", "")
                self.value, self.filled = "", False
                if match[4]:
                    at = self._keep(text, at, match.end())
                    self._flush()
                    self.begins = len(self.pieces)
                    return at
        return self._keep(text, at, match.end())

    def _value(self, text: str, at: int) -> int:
        end = text.find(self.quote, at)
        if end < 0:
            self.value += text[at:]
            return self._keep(text, at, len(text))
        self.value += text[at:end]
        self._check_address()
        self.kept.append(text[at:end])
        if self.attribute == "href" and self.tag in ("a", "area", "v:roundrect", "v:rect"):
            self._note_link()
        self.state = "tag"
        return self._keep(text, end, end + 1)

    def _note_link(self) -> None:
        """The value is a link's address: make one piece of it when it can be tracked, its host being written in it."""
        self._flush()
        pieces = tuple(piece for piece in self.pieces[self.begins :] if not isinstance(piece, Link))
        parts: list[str | Placeholder] = [
            unescape(piece) if isinstance(piece, str) else piece.placeholder for piece in pieces
        ]
        if parts and isinstance(parts[0], str):
            parts[0] = parts[0].lstrip()
        if parts and isinstance(parts[-1], str):
            parts[-1] = parts[-1].rstrip()
        if _TRACKABLE.fullmatch("".join(part if isinstance(part, str) else "x" for part in parts)) and isinstance(
            parts[0], str
        ):
            self.pieces[self.begins :] = [Link(pieces, tuple(part for part in parts if part))]

    def _bare(self, text: str, at: int) -> int:
        match = _UNQUOTED.match(text, at)
        self.value = match[0] if match else ""
        self._check_address()
        if match and match.end() == len(text):
            return self._keep(text, at, len(text))
        self.state = "tag"
        return self._keep(text, at, match.end() if match else at)

    def _raw(self, text: str, at: int) -> int:
        match = _ENDS[self.tag].search(text, at)
        if match is None:
            return self._keep(text, at, len(text))
        end = match.start()
        self.state, name = "tag", len(self.tag)
        self.tag = ""
        return self._keep(text, at, end + 2 + name)

    def _comment(self, text: str, at: int) -> int:
        end = text.find("-->", at)
        if end < 0:
            return self._keep(text, at, len(text))
        self.state = "text"
        return self._keep(text, at, end + 3)

    def _keep(self, text: str, at: int, end: int) -> int:
        self.kept.append(text[at:end])
        return end

    def _flush(self) -> None:
        if self.kept:
            self.pieces.append("".join(self.kept))
            self.kept.clear()

    def _check_address(self) -> None:
        if self.attribute in _ADDRESS_ATTRIBUTES and _RUNS.match(_LEFT_OUT.sub("", unescape(self.value))):
            raise Invalid(f"{self.place}: {self.attribute} holds what runs instead of an address.")

    def _place(self, found: Placeholder) -> Place:
        if self.state == "text" or (self.state == "raw" and self.tag == "title"):
            before = self.pieces[-1] if self.pieces else ""
            # Behind a < that opens nothing a value would open something.
            if not (isinstance(before, str) and before.endswith(("<", "</"))):
                return "text"
        if self.state == "value" and self.attribute not in _UNSAFE_ATTRIBUTES:
            if self.attribute not in _ADDRESS_ATTRIBUTES:
                return "text"
            if not self.value.strip() and not self.filled:
                if found.name in ADDRESSES or found.name.startswith("custom."):
                    return "address"
            elif _HOST.match(unescape(self.value)) or (self.filled and self._address_first()):
                return "url"
            raise Invalid(
                f"{self.place}: {found.source} cannot choose where a link leads: write the host before it, "
                "https://www.example.com/…"
            )
        raise Invalid(
            f"{self.place}: {found.source} cannot stand here: put it into a text, a quoted attribute or a link."
        )

    def _address_first(self) -> bool:
        return any(isinstance(piece, Hole) and piece.place == "address" for piece in self.pieces[-4:])
