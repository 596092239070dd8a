"""Every kind of job in the background, by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hotline.workflows.background import Kind
from hotline.workflows.campaigns import campaign_review, ledger_export, segment_counts
from hotline.workflows.consent import suppression_import
from hotline.workflows.customers import batches, duplicates, exports, import_jobs
from hotline.workflows.people import leaving

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
