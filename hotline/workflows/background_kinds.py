"""Every kind of job in the background, by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hotline.workflows import (
    batches,
    campaign_review,
    duplicates,
    exports,
    import_jobs,
    leaving,
    ledger_export,
    segment_counts,
    suppression_import,
)
from hotline.workflows.background import Kind

KINDS: Final[Mapping[str, Kind]] = {
    leaving.HAND_OVER: leaving.KIND,
    **import_jobs.KINDS,
    **exports.KINDS,
    ledger_export.EXPORT: ledger_export.KIND,
    suppression_import.IMPORT: suppression_import.KIND,
    **batches.KINDS,
    **duplicates.KINDS,
    campaign_review.PREPARE: campaign_review.KIND,
    **segment_counts.KINDS,
}
