"""Rates of variants with how sure they are, and whether one is better: intervals, never a winner by chance.

A rate's interval is Wilson's score interval; the difference of two rates has Newcombe's hybrid of these (method 10 of
R. G. Newcombe, Statistics in Medicine 17, 1998, 857-890), which holds for small counts and for rates near 0 where the
textbook one does not. Where several pairs are compared, each is asked for more (Bonferroni), so that all that is said
of one campaign is right together in 95 of 100 campaigns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from statistics import NormalDist
from typing import Final, Literal

#: How often all that is said of one campaign is right.
CONFIDENCE: Final = 0.95
#: Fewer people on either side tell nothing, whatever the rates are.
LEAST: Final = 30

Verdict = Literal["better", "worse", "unclear", "too_few"]


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` of ``of``, and the bounds between which the true rate lies; all are shares from 0 to 1."""

    count: int
    of: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more often something happened with ``one`` than with ``other``: the difference of their rates and its
    bounds. ``verdict`` is of ``one``: ``unclear`` where the bounds hold 0."""

    one: str
    other: str
    difference: float
    low: float
    high: float
    verdict: Verdict


def rate(count: int, of: int, confidence: float = CONFIDENCE) -> Rate:
    """A rate with Wilson's interval; of nobody it may be anything."""
    if of <= 0:
        return Rate(count, max(of, 0), 0.0, 0.0, 1.0)
    count = min(max(count, 0), of)
    z = _z(confidence)
    share = count / of
    middle = share + z * z / (2 * of)
    reach = z * sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    scale = 1 + z * z / of
    low = 0.0 if count == 0 else max(0.0, (middle - reach) / scale)
    high = 1.0 if count == of else min(1.0, (middle + reach) / scale)
    return Rate(count, of, share, low, high)


def difference(
    one: tuple[str, int, int],
    other: tuple[str, int, int],
    *,
    more_is_better: bool = True,
    confidence: float = CONFIDENCE,
) -> Difference:
    """Two variants as (name, count, of)."""
    a, b = rate(one[1], one[2], confidence), rate(other[1], other[2], confidence)
    gap = a.share - b.share
    low = gap - sqrt((a.share - a.low) ** 2 + (b.high - b.share) ** 2)
    high = gap + sqrt((a.high - a.share) ** 2 + (b.share - b.low) ** 2)
    verdict: Verdict = "unclear"
    if min(a.of, b.of) < LEAST:
        verdict = "too_few"
    elif low > 0 or high < 0:
        verdict = "better" if (low > 0) == more_is_better else "worse"
    return Difference(one[0], other[0], gap, max(low, -1.0), min(high, 1.0), verdict)


def differences(
    variants: Mapping[str, tuple[int, int]], *, more_is_better: bool = True, confidence: float = CONFIDENCE
) -> Sequence[Difference]:
    """Every pair of variants, name → (count, of); what is said of all pairs holds together."""
    pairs = list(combinations(sorted(variants), 2))
    each = 1 - (1 - confidence) / max(1, len(pairs))
    return [
        difference(
            (one, *variants[one]), (other, *variants[other]), more_is_better=more_is_better, confidence=each
        )
        for one, other in pairs
    ]  # fmt: skip


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf(0.5 + confidence / 2)
