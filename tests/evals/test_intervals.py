"""Means with intervals, and differences that are differences."""

from __future__ import annotations

import random

import pytest

from evals.intervals import difference, estimate


def sample(n: int, share: float, seed: int) -> dict[str, float]:
    rng = random.Random(seed)
    return {str(i): float(rng.random() < share) for i in range(n)}


def test_interval_of_a_share_is_about_right() -> None:
    found = estimate([1.0] * 50 + [0.0] * 50)
    assert found is not None
    assert found.mean == 0.5
    # The normal approximation: 1.96 standard errors of 0.05.
    assert found.low == pytest.approx(0.402, abs=0.02)
    assert found.high == pytest.approx(0.598, abs=0.02)


def test_same_values_give_the_same_interval() -> None:
    values = list(sample(60, 0.7, seed=1).values())
    assert estimate(values) == estimate(values)


def test_nothing_to_estimate() -> None:
    assert estimate([]) is None
    assert difference({"a": 1.0}, {"b": 1.0}) is None


def test_equal_runs_do_not_differ() -> None:
    run = sample(40, 0.5, seed=2)
    found = difference(run, run)
    assert found is not None and found.verdict == "no difference"
    assert (found.mean, found.low, found.high) == (0.0, 0.0, 0.0)


def test_noise_is_no_difference() -> None:
    """Of 40 pairs of runs with nothing between them, nearly all are told to be the same."""
    verdicts = [
        difference(sample(100, 0.7, seed), sample(100, 0.7, seed + 1000)) for seed in range(40)
    ]
    same = sum(found is not None and found.verdict == "no difference" for found in verdicts)
    assert same >= 35  # 38 expected at 95 %


def test_an_improvement_is_seen_in_its_direction() -> None:
    before = sample(100, 0.4, seed=3)
    after = dict.fromkeys(before, 1.0)
    better = difference(before, after)
    assert better is not None and better.verdict == "better" and better.low > 0
    assert difference(after, before).verdict == "worse"  # type: ignore[union-attr]
    lower = difference(before, after, lower_is_better=True)
    assert lower is not None and lower.verdict == "worse"


def test_few_questions_prove_nothing() -> None:
    found = difference({"a": 0.0, "b": 0.0}, {"a": 1.0, "b": 1.0})
    assert found is not None and found.verdict == "too few questions"


def test_questions_are_paired() -> None:
    """Each question a little better: seen, although questions differ much more from each other."""
    before = {str(i): i / 50 for i in range(50)}
    after = {key: value + 0.01 + (int(key) % 3) / 1000 for key, value in before.items()}
    found = difference(before, after)
    assert found is not None and found.verdict == "better"
