"""How a call came out, in words that are translated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hotline.web.desktop.words import N_

#: Disposition → word.
DISPOSITIONS: Final[Mapping[str, str]] = {
    "answered": N_("answered"),
    "abandoned": N_("abandoned"),
    "no_answer": N_("not answered"),
    "busy": N_("busy"),
    "failed": N_("failed"),
    "voicemail": N_("voicemail"),
}
#: Those in which nobody spoke to the caller.
MISSED: Final = frozenset({"abandoned", "no_answer", "busy", "failed"})
