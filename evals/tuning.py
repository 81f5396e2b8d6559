"""Fit the verdict "not in the manuals": ``python -m evals.tuning [--write]``.

Learns from the gold questions that are for tuning and from ``gold/tuning.jsonl``. All of them are
asked again with a thesaurus that lacks a part of its concepts: it was extended for these very
questions, and people will use words that it does not have. Held-out questions are never looked
at. Prints what it is worth, by cross-validation.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.harness import GOLD, SAMPLES, Bench, build_library
from evals.retrieval import Question, read_dataset, scope_of
from rag.retrieve.closer import evidence_of, look_closer
from rag.retrieve.find import begin, exact_records, first_pass
from rag.retrieve.glossary import Glossary
from rag.retrieve.keywords import KeywordIndex
from rag.retrieve.rerank import covers, rerank
from rag.retrieve.search import Search, ignore
from rag.retrieve.verdict import FILE
from rag.types import Hit, Scope

Floats = NDArray[np.float64]

TUNING = GOLD.with_name("tuning.jsonl")
FALSE_REFUSALS = 0.04
FALSE_ANSWERS = 1 / 12
_FOLDS = 8
# Parts of the thesaurus that are taken away in turn, each a third of its concepts.
_FORGOTTEN = 3
_RIDGE = 0.02


@dataclass(frozen=True, slots=True)
class Case:
    """One question as it was asked; ``forgot`` says that the thesaurus lacked a part."""

    question: str
    features: dict[str, float]
    answered: bool
    forgot: bool = False


def all_cases(bench: Bench, questions: Sequence[Question]) -> list[Case]:
    """The cases with the whole thesaurus, and with a part of it forgotten."""
    found = asyncio.run(cases(bench, questions))
    for part in range(_FORGOTTEN):
        kept = [one for n, one in enumerate(bench.glossary.concepts) if n % _FORGOTTEN != part]
        keywords = KeywordIndex(
            bench.library,
            settings=bench.settings,
            glossary=Glossary(kept),
            vectors=bench.vectors,
        )
        there = asyncio.run(cases(replace(bench, keywords=keywords), questions))
        found += [replace(case, forgot=True) for case in there]
    return found


async def cases(bench: Bench, questions: Sequence[Question]) -> list[Case]:
    """The questions that neither a code nor the scope decides before the verdict does."""
    machines = bench.library.machines()
    found: list[Case] = []
    for question in questions:
        features = await features_of(question.question, scope_of(question, machines), bench)
        if features:
            found.append(Case(question.question, features, bool(question.manuals)))
    return found


async def features_of(question: str, scope: Scope, bench: Bench) -> dict[str, float]:
    """The verdict's features; empty when a code or the scope decides before it."""
    narrowed, search = await begin(question, scope, bench, ignore)
    if narrowed.outside or not search.manual_ids:
        return {}
    snapshot = await bench.keywords.current()
    if (await exact_records(search, snapshot, narrowed)).asked:
        return {}
    found, fused = await first_pass(search, snapshot)
    looked = await look_closer(search, snapshot, found, fused)
    return evidence_of(search, looked, await _logit(search, looked.hits, bench)).features()


async def _logit(search: Search, hits: list[Hit], bench: Bench) -> float | None:
    depth = bench.settings.rerank_depth
    if not hits or not covers(bench.reranker, search.language, hits[:depth]):
        return None
    ranked = await rerank(search.question, hits, bench.reranker, depth=depth)
    return ranked[0].scores["rerank"]


# --- fitting -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sample:
    """The cases as arrays: ``features`` (n, names), the others (n,)."""

    names: tuple[str, ...]
    features: Floats
    answered: Floats
    weights: Floats
    folds: NDArray[np.int64]


def sample(found: Sequence[Case]) -> Sample:
    """Arrays of the cases; both classes weigh the same, a question's cases share a fold."""
    names = tuple(found[0].features)
    features = np.array([[case.features[name] for name in names] for case in found])
    answered = np.array([case.answered for case in found], float)
    weights = np.where(answered == 1, 1 / answered.sum(), 1 / (1 - answered).sum())
    order = {name: n for n, name in enumerate(sorted({case.question for case in found}))}
    folds = np.array([order[case.question] % _FOLDS for case in found])
    return Sample(names, features, answered, weights / weights.mean(), folds)


def fit(data: Sample, chosen: NDArray[np.bool_]) -> tuple[float, Floats]:
    """Logistic regression with L2 (Newton's method) on the chosen cases: bias and slopes."""
    features, answered, weights = (
        data.features[chosen],
        data.answered[chosen],
        data.weights[chosen],
    )
    mean, spread = features.mean(0), features.std(0) + 1e-6
    scaled = np.c_[np.ones(len(features)), (features - mean) / spread]
    ridge = _RIDGE * np.r_[0.0, np.ones(features.shape[1])]
    theta = np.zeros(scaled.shape[1])
    for _ in range(40):
        sure = 1 / (1 + np.exp(-scaled @ theta))
        slope = scaled.T @ ((sure - answered) * weights) / len(answered) + ridge * theta
        bend = (scaled * (weights * sure * (1 - sure))[:, None]).T @ scaled / len(answered)
        theta -= np.linalg.solve(bend + np.diag(ridge + 1e-9), slope)
    slopes = theta[1:] / spread
    return float(theta[0] - slopes @ mean), slopes


def unseen(data: Sample) -> Floats:
    """Each case's confidence from a model that did not learn from its question, (n,)."""
    sure = np.zeros(len(data.answered))
    for fold in range(_FOLDS):
        bias, slopes = fit(data, data.folds != fold)
        here = data.folds == fold
        sure[here] = 1 / (1 + np.exp(-(bias + data.features[here] @ slopes)))
    return sure


def model_of(found: Sequence[Case]) -> dict[str, float]:
    """Weights and limits. ``absent``: below it ``FALSE_REFUSALS`` of the answerable questions,
    with a thesaurus that lacks a part; ``weak``: below it all but ``FALSE_ANSWERS`` of the
    unanswerable ones, with the whole."""
    data = sample(found)
    sure = unseen(data)
    forgot = np.array([case.forgot for case in found])
    for name, chosen in (("whole thesaurus", ~forgot), ("a third of it forgotten", forgot)):
        print(f"\n{name}: ", end="")
        curve(sure[chosen & (data.answered == 1)], sure[chosen & (data.answered == 0)])
    good = sure[forgot & (data.answered == 1)]
    bad = sure[~forgot & (data.answered == 0)]
    bias, slopes = fit(data, np.ones(len(found), bool))
    absent = float(np.quantile(good, FALSE_REFUSALS))
    weak = float(np.quantile(bad, 1 - FALSE_ANSWERS))
    named = {name: round(float(one), 4) for name, one in zip(data.names, slopes, strict=True)}
    return {
        "bias": round(bias, 4),
        **named,
        "absent": round(absent, 4),
        "weak": round(max(weak, absent), 4),
    }


def curve(good: Floats, bad: Floats) -> None:
    """Print what one sort of error costs in the other."""
    order = (good[:, None] > bad[None, :]).mean()
    print(f"{len(good)} answerable, {len(bad)} not; area under the curve {order:.3f}")
    print("| false refusals | false answers |\n|---:|---:|")
    for refused in (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3):
        limit = np.quantile(good, refused)
        print(f"| {refused:.2f} | {(bad >= limit).mean():.2f} |")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m evals.tuning", description=__doc__)
    parser.add_argument("--manuals", type=Path, default=SAMPLES, help="folder of PDFs")
    parser.add_argument("--write", action="store_true", help=f"write {FILE.name}")
    options = parser.parse_args(arguments)
    questions = [one for one in read_dataset(GOLD) if one.split == "tune"] + read_dataset(TUNING)
    bench = build_library(options.manuals, hyde="never")
    try:
        known = fit_all(bench, questions)
    finally:
        bench.close()
    if options.write:
        FILE.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
    return 0


def fit_all(bench: Bench, questions: Sequence[Question]) -> dict[str, Any]:
    """The content of ``thresholds.json``; the models of other rerankers are kept."""
    known: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    alone = all_cases(replace(bench, reranker=None), questions)
    known["without_reranker"] = model_of(alone)
    if bench.reranker is not None:
        ranked = [case for case in all_cases(bench, questions) if "rerank" in case.features]
        known["rerankers"][bench.reranker.name] = model_of(ranked)
    known["made_with"] = {
        "command": "python -m evals.tuning --write",
        "questions": len(questions),
        "cases": len(alone),
    }
    return known


if __name__ == "__main__":
    sys.exit(main())
