"""Where the real material lies that nobody here wrote: recordings and vectors, read in place, never copied.

It is looked for in HOTLINE_REAL_MATERIAL, then beside the checkout. Without it a test skips, but fails in CI.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "real"


def real_file(path: str) -> Path:
    """One file or folder of the material."""
    root = Path(os.environ.get("HOTLINE_REAL_MATERIAL") or _BESIDE)
    found = root / path
    if not found.exists():
        reason = f"the real material has no {path} (set HOTLINE_REAL_MATERIAL to its folder)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found
