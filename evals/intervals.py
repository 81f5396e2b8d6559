"""Means with their uncertainty, and whether two runs differ (percentile bootstrap, Efron 1979).

Questions are drawn, not rows: repeats of one question are averaged first, for they say little new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

LEVEL = 0.95
_DRAWS = 2000
_SEED = 20261122
# With fewer questions a bootstrap interval is too narrow to be believed.
FEWEST = 8

Verdict = Literal["better", "worse", "no difference", "too few questions"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over ``n`` questions and its 95 % interval."""

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Difference:
    """B minus A over the ``n`` questions that both runs have."""

    mean: float
    low: float
    high: float
    n: int
    verdict: Verdict


def estimate(values: Sequence[float]) -> Estimate | None:
    """``values`` hold one number per question; ``None`` for none."""
    if not values:
        return None
    sample = np.asarray(values, float)
    low, high = _bounds(sample)
    return Estimate(float(sample.mean()), low, high, len(sample))


def difference(
    before: Mapping[str, float], after: Mapping[str, float], *, lower_is_better: bool = False
) -> Difference | None:
    """Question by question, so that hard questions do not blur it; ``None`` without common ones."""
    common = sorted(before.keys() & after.keys())
    if not common:
        return None
    change = np.array([after[key] - before[key] for key in common], float)
    low, high = _bounds(change)
    return Difference(
        float(change.mean()),
        low,
        high,
        len(change),
        _verdict(low, high, len(change), -1 if lower_is_better else 1),
    )


def _verdict(low: float, high: float, n: int, sign: int) -> Verdict:
    if low <= 0 <= high:
        return "no difference"
    if n < FEWEST:
        return "too few questions"
    return "better" if sign * low > 0 else "worse"


def _bounds(sample: np.ndarray) -> tuple[float, float]:
    # Seeded: the same rows always give the same interval.
    drawn = np.random.default_rng(_SEED).integers(0, len(sample), (_DRAWS, len(sample)))
    means = sample[drawn].mean(axis=1)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def percentile(values: Sequence[float], share_below: float) -> float:
    """The value below which ``share_below`` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share_below * len(ordered)))]
