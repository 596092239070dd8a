"""Sources as syntax trees, for the tests that look after the house."""

from __future__ import annotations

import ast
import gc
from pathlib import Path


def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file.

    Python 3.11 may take a finaliser that runs while it parses for a fault of its own ("AST constructor recursion depth
    mismatch"), so garbage waits meanwhile.
    """
    waits = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(path.read_text("utf-8"))
    finally:
        if waits:
            gc.enable()
