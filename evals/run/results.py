"""Rows of one setting summed up: means with intervals, groups, times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from evals.intervals import difference, estimate
from evals.metrics import LATENCIES, LOWER_IS_BETTER
from evals.retrieval import percentile

Row = dict[str, Any]


def summary(rows: Sequence[Row]) -> Row:
    """Everything that reports show of one setting; JSON can carry it."""
    return {
        "n": len(rows),
        "metrics": estimates(rows),
        "failed_judgements": failures(rows),
        "by_language": _grouped(rows, "language"),
        "by_category": _grouped(rows, "category"),
        "by_difficulty": _grouped(rows, "difficulty"),
        "latency_ms": latencies(rows),
        "tokens": tokens(rows),
        "modes": _counted(row.get("mode", "failed") for row in rows),
    }


def metric_names(rows: Iterable[Row]) -> list[str]:
    """In the order in which they first appear."""
    return list(dict.fromkeys(name for row in rows for name in row["metrics"]))


def per_question(rows: Iterable[Row], metric: str) -> dict[str, float]:
    """One number per question: the mean of its repeats. Rows without the metric are left out."""
    values: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        value = row[metric] if metric in LATENCIES else row["metrics"].get(metric)
        if value is not None:
            values[row["id"]].append(float(value))
    return {key: sum(listed) / len(listed) for key, listed in values.items()}


def estimates(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Mean and 95 % interval of every metric over the questions that it applies to."""
    found = {}
    for name in metric_names(rows):
        value = estimate(list(per_question(rows, name).values()))
        if value is not None:
            found[name] = {key: round(number, 4) for key, number in asdict(value).items()}
    return found


def failures(rows: Sequence[Row]) -> dict[str, int]:
    """How many rows a judge failed on, per metric: neither a score of 0 nor left out in silence."""
    return _counted(name for row in rows for name in row.get("judge_failures", {}))


def compare(before: Sequence[Row], after: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """The difference of each metric that both have, with its interval and what it means."""
    names = [name for name in metric_names(before) if name in set(metric_names(after))]
    found = {}
    for name in [*names, *LATENCIES]:
        lower = name in LOWER_IS_BETTER or name in LATENCIES
        change = difference(
            per_question(before, name), per_question(after, name), lower_is_better=lower
        )
        if change is not None:
            found[name] = asdict(change)
    return found


def latencies(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """p50 and p95 in ms: the whole answer, its first token, and each stage."""
    times: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for name, ms in [("total", row["ms"]), ("first_token", row["first_token_ms"])]:
            if ms is not None:
                times[name].append(ms)
        for stage, ms in row.get("stage_ms", {}).items():
            times[stage].append(ms)
    return {
        name: {"p50": round(percentile(ms, 0.5), 1), "p95": round(percentile(ms, 0.95), 1)}
        for name, ms in times.items()
    }


def tokens(rows: Sequence[Row]) -> dict[str, float]:
    """Mean tokens of prompt and answer, over the rows that have them."""
    found = {}
    for name in ("prompt_tokens", "answer_tokens"):
        values = [row[name] for row in rows if row.get(name)]
        if values:
            found[name] = round(sum(values) / len(values), 1)
    return found


def _grouped(rows: Sequence[Row], field: str) -> dict[str, dict[str, dict[str, float]]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.get(field):
            groups[row[field]].append(row)
    return {name: estimates(members) for name, members in sorted(groups.items())}


def _counted(names: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for name in names:
        counts[name] += 1
    return dict(counts)
