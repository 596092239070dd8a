"""What ``hotline doctor`` says of one check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warning", "wrong", "unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. ``advice`` are the lines to change, the first one naming where."""

    name: str
    verdict: Verdict
    found: str
    advice: tuple[str, ...] = ()
