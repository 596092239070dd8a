"""What a file is, by its content: what its sender says of it is believed by nobody. And names of files, made safe."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath
from typing import Final

import puremagic

from hotline.customers.text import one_line
from hotline.errors import Invalid

LONGEST_NAME: Final = 200
UNKNOWN: Final = "application/octet-stream"
#: Bytes from the beginning of a file that tell what it is.
HEAD: Final = 8_192

#: What browsers show as a picture, and nothing else: no scripts, no links.
PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})

#: Content that runs, on the computer of who opens it.
_PROGRAMS: Final = (
    b"MZ",
    b"\x7fELF",
    b"\xca\xfe\xba\xbe",
    b"\xcf\xfa\xed\xfe",
    b"\xce\xfa\xed\xfe",
    b"#!",
    b"L\x00\x00\x00\x01\x14\x02",
)
_PROGRAM_ENDINGS: Final = re.compile(
    r"\.(exe|dll|com|scr|pif|msi|msp|bat|cmd|ps1|vbs|vbe|js|jse|wsf|wsh|hta|jar|lnk|cpl|reg|sh|app|apk|dmg|iso|img|vhd"
    r"|url|scf|chm|sys|drv)",
    re.IGNORECASE,
)
_MARKUP: Final = re.compile(
    rb"<\s*(!doctype\s+html|html|head|body|script|iframe|svg|math|\?xml|object|embed|form|link|meta|style|img|a\s)",
    re.IGNORECASE,
)
#: Type by content → endings that fit it. Types that are not here are told apart by puremagic alone.
_ENDINGS: Final = {
    "image/png": {".png"}, "image/jpeg": {".jpg", ".jpeg", ".jfif"}, "image/gif": {".gif"}, "image/webp": {".webp"},
    "application/pdf": {".pdf"}, "text/html": {".html", ".htm", ".xhtml"}, "image/svg+xml": {".svg"},
    "text/plain": {".txt", ".csv", ".md", ".log", ".json", ".eml", ".vcf", ".ics", ".tsv", ".yaml", ".yml"},
}  # fmt: skip
_CONTAINERS: Final = {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
}


def file_name(text: str, field: str = "name") -> str:
    """The last part of a name, whatever path it came with; nothing that a file system or a header takes for more.

    Raises Invalid naming ``field``.
    """
    last = re.split(r"[/\\]", text.replace("\0", ""))[-1]
    line = one_line(unicodedata.normalize("NFC", last), field, LONGEST_NAME * 4)
    line = re.sub(r'[<>:"|?*;]', "_", line).strip(" .")
    if not line:
        raise Invalid(f"{field}: something must stand here.")
    if len(line) > LONGEST_NAME:
        ending = PurePosixPath(line).suffix[:20]
        line = line[: LONGEST_NAME - len(ending)] + ending
    return line


def media_type(head: bytes, name: str) -> str:
    """What a file is by its first bytes; ``name`` only tells documents apart that are all ZIP files."""
    if not head:
        return UNKNOWN
    text = _is_text(head)
    if _MARKUP.search(head[:HEAD]) and (text or head.lstrip()[:1] == b"<"):
        return "image/svg+xml" if re.search(rb"<\s*svg", head, re.IGNORECASE) else "text/html"
    if head.startswith(b"%PDF-"):
        return "application/pdf"
    if head.startswith(b"PK\x03\x04"):
        return _CONTAINERS.get(PurePosixPath(name).suffix.lower(), "application/zip")
    if not text:
        try:
            found = puremagic.magic_string(head)
        except (puremagic.PureError, ValueError):
            return UNKNOWN
        best = max(found, key=lambda match: match.confidence, default=None)
        kind = best.mime_type if best is not None and best.confidence >= 0.5 else ""
        return kind if re.fullmatch(r"[a-z0-9.+-]+/[a-z0-9.+-]+", kind) and len(kind) <= 100 else UNKNOWN
    return "text/plain"


def is_program(head: bytes, name: str) -> bool:
    """Whether it would run on the computer of who opens it, by its content or by its name."""
    # A right-to-left mark or spaces may hide the ending; names are cleaned of them before.
    return head.startswith(_PROGRAMS) or bool(_PROGRAM_ENDINGS.fullmatch(PurePosixPath(name).suffix))


def lies(kind: str, name: str) -> bool:
    """Whether a file's name says another kind than its content is: a picture that is a page."""
    ending = PurePosixPath(name).suffix.lower()
    if not ending:
        return False
    claimed = next((known for known, endings in _ENDINGS.items() if ending in endings), _CONTAINERS.get(ending))
    return claimed is not None and claimed != kind and not (claimed == "text/plain" and kind == UNKNOWN)


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # The head may end in the middle of a letter.
        return error.start > len(head) - 4
    return True
