"""What the telephone's side measures, for Prometheus; shown at /metrics by the default registry."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

EVENTS: Final = Counter("hotline_ami_events", "AMI messages by what became of them.", ["pbx", "outcome"])
LAG: Final = Histogram(
    "hotline_ami_lag_seconds",
    "How old events are by the PBX's clock when they are handled.",
    ["pbx"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
CONNECTED: Final = Gauge("hotline_ami_connected", "1 while this node reads the PBX.", ["pbx"])
RECONNECTS: Final = Counter("hotline_ami_reconnects", "Connections to the PBX that were lost.", ["pbx"])
GAP: Final = Counter("hotline_ami_gap_seconds", "Seconds for which nobody heard the PBX.", ["pbx"])
CLOCK_OFFSET: Final = Gauge("hotline_ami_clock_offset_seconds", "By how much the PBX's clock is ahead.", ["pbx"])
WAITING: Final = Gauge("hotline_ami_queue_depth", "Events read and not yet handled.", ["pbx"])
PENDING: Final = Gauge("hotline_ami_pending_lines", "Story lines that are not committed yet.", ["pbx"])
JOURNAL_BYTES: Final = Gauge("hotline_ami_journal_bytes", "Size of the journal on disk.", ["pbx"])
DROPPED: Final = Counter("hotline_ami_dropped_lines", "Story lines that the records would never take.", ["pbx"])
TRACKER_ERRORS: Final = Counter("hotline_ami_tracker_errors", "Events that the tracker failed on.", ["pbx"])
COMMANDS: Final = Counter("hotline_pbx_commands", "Commands by their outcome.", ["pbx", "state"])
