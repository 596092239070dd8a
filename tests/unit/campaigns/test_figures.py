"""What counts mean: rates that pause or warn, and the gate after a canary."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hotline.campaigns.figures import Figures, gate, judge
from hotline.campaigns.limits import Canary, PauseRules

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
RULES = PauseRules()


@pytest.mark.parametrize(
    ("figures", "kind", "reason"),
    [
        (Figures(), "well", None),
        (Figures(sent=1000), "well", None),
        # One in a thousand warns, three pause; a complaint is told of mails that arrived.
        (Figures(delivered=1000, complained=1), "warn", "complaint_rate"),
        (Figures(delivered=1001, complained=1), "well", None),
        (Figures(delivered=1000, complained=2), "warn", "complaint_rate"),
        (Figures(delivered=1000, complained=3), "pause", "complaint_rate"),
        (Figures(delivered=1001, complained=3), "warn", "complaint_rate"),
        (Figures(sent=80, failed=19), "well", None),
        (Figures(sent=80, failed=20), "pause", "failure_rate"),
        (Figures(sent=95, failed=5, bounced=5), "pause", "bounce_rate"),
        (Figures(sent=96, failed=4, bounced=4), "well", None),
        (Figures(sent=100, opted_out=50), "well", None),
        # What nobody tried to send is no failure.
        (Figures(sent=90, failed=10, suppressed=500, expired=500, held_out=50), "well", None),
        # Too few to tell.
        (Figures(failed=99), "well", None),
    ],
)
def test_rule_05_rates_warn_and_pause(figures: Figures, kind: str, reason: str | None) -> None:
    verdict = judge(figures, RULES)
    assert (verdict.kind, verdict.reason) == (kind, reason)


def test_rates_that_are_not_bounded_do_not_pause() -> None:
    free = PauseRules(failure_percent=None, bounce_percent=None, complaint_percent=None, warn_complaint_percent=None)
    assert judge(Figures(failed=500, bounced=400, complained=100, sent=500), free).kind == "well"
    bounded = PauseRules(opt_out_percent=2)
    assert judge(Figures(sent=100, opted_out=2), bounded).reason == "opt_out_rate"


def test_after_a_pause_the_rates_count_anew() -> None:
    before = Figures(sent=80, failed=20)
    assert judge(Figures(sent=180, failed=21).since(before), RULES).kind == "well"
    assert judge(Figures(sent=160, failed=40).since(before), RULES).kind == "pause"


CANARY = Canary(recipients=100, wait_minutes=30)
EARLIER = NOW - timedelta(minutes=30)


@pytest.mark.parametrize(
    ("figures", "done_at", "expected"),
    [
        (Figures(queued=100), None, "wait"),
        (Figures(sent=100), NOW, "wait"),
        (Figures(sent=100), NOW - timedelta(minutes=29), "wait"),
        (Figures(sent=100), EARLIER, "open"),
        (Figures(sent=95, failed=5), EARLIER, "open"),
        (Figures(sent=94, failed=6), EARLIER, "failed"),
        # What has failed of a part stays failed: no need to wait for the others.
        (Figures(queued=90, failed=6, sent=4), None, "failed"),
        (Figures(queued=90, failed=5, sent=5), None, "wait"),
        (Figures(sent=100, complained=1), EARLIER, "failed"),
        (Figures(sent=100, opted_out=2), EARLIER, "open"),
        (Figures(sent=100, opted_out=3), EARLIER, "failed"),
        # All of it was held back: nothing is known of the rest.
        (Figures(suppressed=60, expired=40), EARLIER, "empty"),
        (Figures(suppressed=60, held_out=39, sent=1), EARLIER, "open"),
    ],
)
def test_rule_19_the_gate_after_the_canary(figures: Figures, done_at: Any, expected: str) -> None:
    assert gate(figures, CANARY, done_at, NOW) == expected


def test_figures_are_kept_and_read_again() -> None:
    figures = Figures(queued=3, sent=2, held_out=1)
    assert Figures.of_json(figures.as_json()) == figures
    assert Figures.of_json({"queued": 1, "of_another_version": 5}) == Figures(queued=1)
    assert Figures.of_json(None) == Figures()
    assert (figures.total, figures.left, figures.plus(figures).total) == (6, 3, 12)
