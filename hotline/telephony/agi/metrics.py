"""What the FastAGI server measures, for Prometheus; shown at /metrics by the default registry."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

SCRIPTS: Final = Counter("hotline_agi_scripts", "Scripts that a PBX began, by how they ended.", ["pbx", "outcome"])
REFUSED: Final = Counter("hotline_agi_refused", "Connections that were not served, by the reason.", ["reason"])
OPEN: Final = Gauge("hotline_agi_callers", "Callers whose script runs now.")
STEP: Final = Histogram(
    "hotline_agi_step_seconds",
    "From a caller's input to the next command on the wire.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
