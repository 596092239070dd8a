"""Every kind of job in the background, by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hotline.workflows import batches, duplicates, exports, import_jobs, leaving
from hotline.workflows.background import Kind

KINDS: Final[Mapping[str, Kind]] = {
    leaving.HAND_OVER: leaving.KIND,
    **import_jobs.KINDS,
    **exports.KINDS,
    **batches.KINDS,
    **duplicates.KINDS,
}
