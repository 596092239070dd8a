"""``hotline triage``: what messages are about, line by line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer

from hotline.errors import Invalid
from hotline.tickets.triage import LONGEST, Language
from hotline.tickets.triage import triage as decide

#: Bytes of a line that are read; the rest of a longer one is passed over.
_LINE_BYTES: Final = LONGEST * 8


def triage(
    file: Annotated[Path | None, typer.Argument(help="A file, a message on each line; without it: stdin.")] = None,
    language: Annotated[
        Language | None, typer.Option("--language", "-l", help="Words of this language only; without it: both.")
    ] = None,
) -> None:
    """Tell of each line whether it is a consultation, a complaint or a request for service, as JSON lines.

    ``words`` are those that decided, the strongest first; ``because`` has every word that counted, for which kind and
    how much (natural logarithm of the odds); in brackets stands how the text is written. No service needs to run.
    """
    if file is None or str(file) == "-":
        _tell(sys.stdin.buffer, language)
        return
    try:
        with file.open("rb") as source:
            _tell(source, language)
    except OSError as error:
        raise Invalid(f"{file} cannot be read ({error.strerror}).") from None


def _tell(source: BinaryIO, language: Language | None) -> None:
    for line in _lines(source):
        found = decide(line, language)
        decided = [each for each in found.words if each.kind == found.kind]
        shown = {
            "kind": found.kind,
            "confidence": found.confidence,
            # How a text is written decides, too, but what is looked for are its words.
            "words": [each.word for each in decided if not each.form] or [each.word for each in decided],
            "because": [{"word": each.word, "kind": each.kind, "weight": each.weight} for each in found.words],
            "priority": found.priority,
            "priority_words": found.priority_words,
        }
        typer.echo(json.dumps(shown, ensure_ascii=False))


def _lines(source: BinaryIO) -> Iterator[str]:
    """A text for every line, empty ones too, so that answers can be laid beside them."""
    first = True
    while piece := source.readline(_LINE_BYTES):
        line = piece
        while len(piece) == _LINE_BYTES and not piece.endswith(b"\n"):
            piece = source.readline(_LINE_BYTES)
        yield line.decode("utf-8-sig" if first else "utf-8", "replace").rstrip("\r\n")
        first = False
