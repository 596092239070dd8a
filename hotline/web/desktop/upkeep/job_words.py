"""The words of jobs in the background; each is translated where it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hotline.crm.queries.upkeep.background import JobView
from hotline.web.desktop.words import N_

#: A kind of job → what it is called, and its picture.
KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "import_check": (N_("Trial run of an import"), "arrow-up"),
    "import_customers": (N_("Import of customers"), "arrow-up"),
    "export_customers": (N_("Export of customers"), "arrow-down"),
    "import_suppressions": (N_("List of who wants nothing"), "stop"),
    "export_deliveries": (N_("Export of who got what"), "arrow-down"),
    "find_duplicates": (N_("Search for duplicates"), "merge"),
    "transfer": (N_("Transfer of customers"), "transfer"),
    "hand_over": (N_("Records handed over"), "user"),
    "tag": (N_("Tagging of customers"), "tag"),
    "untag": (N_("Tags taken off"), "tag"),
    "campaign_submit": (N_("Recipients of a campaign frozen"), "shield"),
    "classify": (N_("Classification of customers"), "sliders"),
}
STATES: Final[Mapping[str, tuple[str, str, str]]] = {
    "queued": (N_("waiting"), "", "clock"),
    "running": (N_("running"), "badge-accent", "refresh"),
    "undoing": (N_("being undone"), "badge-accent", "undo"),
    "paused": (N_("resting"), "badge-warn", "pause"),
    "done": (N_("done"), "badge-active", "check"),
    "failed": (N_("failed"), "badge-breach", "alert"),
    "cancelled": (N_("stopped"), "badge-warn", "stop"),
    "undone": (N_("undone"), "", "undo"),
}
#: What became of the customers of a batch.
OUTCOMES: Final[Mapping[str, str]] = {
    "done": N_("changed"),
    "unchanged": N_("were so already"),
    "merged": N_("merged into others meanwhile"),
    "erased": N_("erased meanwhile"),
    "not_seen": N_("out of your sight meanwhile"),
    "undone": N_("changed back"),
    "stayed": N_("stay as they are: somebody changed them since"),
}
#: Why a job failed.
FAILURES: Final[Mapping[str, str]] = {
    "forbidden": N_("Whoever started it may no longer do this."),
    "starter_gone": N_("Whoever started it is no longer a user."),
    "unavailable": N_("A part that this needs was away for too long. Try again when it is back."),
    "given_up": N_("It brought its process down several times and was given up. The log says more."),
    "internal": N_("A defect stopped it. What was done so far stays; the log says more."),
    "invalid": N_("What it was to do is no longer possible."),
}


def kind_of(job: JobView) -> tuple[str, str]:
    """What the job is called, and its picture; batches by what they do."""
    return KINDS.get(job.params.get("action", "") if job.kind == "batch" else job.kind, (job.kind, "refresh"))


def state_of(job: JobView) -> str:
    """The state as it is shown: one on its way back says so."""
    return "undoing" if job.undoing and job.state in ("queued", "running") else job.state


def page_of(job: JobView) -> str | None:
    """Where more is told about it than its own page does."""
    for name, address in (("import_id", "/imports/"), ("export_id", "/exports")):
        if name in job.params:
            return address + (job.params[name] if address.endswith("/") else "")
    return "/duplicates" if job.kind == "find_duplicates" and job.state == "done" else None
