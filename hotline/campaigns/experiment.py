"""Who gets which variant, and who gets none to compare with: by a hash, so that asking twice answers the same.

The hash is over the campaign and the customer: a person keeps their variant in every run of a campaign, and their parts
in different campaigns have nothing to do with each other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from typing import Final
from uuid import UUID

from hotline.campaigns.limits import Experiment
from hotline.errors import Invalid

_WHOLE: Final = 1 << 64


@dataclass(frozen=True, slots=True)
class Split:
    """The parts as bounds within 64 bits. ``bounds`` are where each variant's part ends, the last one at the whole."""

    holdout: int
    bounds: tuple[int, ...]

    def variant(self, campaign_id: UUID, customer_id: UUID) -> int | None:
        """The index of the customer's variant; None for one who is held out."""
        digest = blake2b(campaign_id.bytes + customer_id.bytes, digest_size=16, person=b"experiment").digest()
        if int.from_bytes(digest[:8]) < self.holdout:
            return None
        return bisect_right(self.bounds, int.from_bytes(digest[8:])) if len(self.bounds) > 1 else 0


def split(experiment: Experiment, variants: Sequence[str]) -> Split:
    """The parts of the variants, which come in the order of their names. Raises Invalid for shares of others."""
    names = sorted(variants)
    shares = experiment.shares or dict.fromkeys(names, 1.0)
    if not names or set(shares) != set(names):
        raise Invalid(
            f"limits.experiment.shares: these are for {', '.join(sorted(shares)) or 'none'}, "
            f"the variants are {', '.join(names) or 'none'}."
        )
    # Shares have two decimals: whole numbers keep the parts exact.
    ends = list(accumulate(round(shares[name] * 100) for name in names))
    holdout = round(experiment.holdout_percent * 100)
    return Split(_WHOLE * holdout // 10_000, tuple(_WHOLE * end // ends[-1] for end in ends))
