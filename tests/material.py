"""Where the real material lies that nobody here wrote: recordings and vectors, read in place, never copied.

It is looked for in HOTLINE_REAL_MATERIAL, then beside the checkout. Without it a test skips, but fails in CI.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "real"


def material_of(path: str) -> Path | None:
    """One file or folder of the material, None without it."""
    found = Path(os.environ.get("HOTLINE_REAL_MATERIAL") or _BESIDE) / path
    return found if found.exists() else None


def real_file(path: str) -> Path:
    """One file or folder of the material."""
    found = material_of(path)
    if found is None:
        reason = f"the real material has no {path} (set HOTLINE_REAL_MATERIAL to its folder)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found
