"""What each part is worth (``--ablate``), and the verdict's thresholds (``--calibrate``)."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from evals.harness import Bench, build_library
from evals.retrieval import Question, Result, ask_all, summary
from rag.retrieve.keywords import KeywordIndex
from rag.retrieve.snapshot import Tuning
from rag.retrieve.verdict import FILE, confidence

NAMES = ("coverage", "missing")
FALSE_REFUSALS = 0.05


def run(options: argparse.Namespace, questions: Sequence[Question]) -> int:
    """Run what the options ask for; returns the exit code."""
    bench = build_library(options.manuals, hyde="never")
    try:
        if options.calibrate:
            calibrate(bench, [one for one in questions if one.split in ("tune", "")])
        if options.ablate:
            report = ablate(bench, questions)
            if options.json:
                options.json.write_text(
                    json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8"
                )
    finally:
        bench.close()
    return 0


# --- what each part is worth ---------------------------------------------------------------------


def ablate(bench: Bench, questions: Sequence[Question]) -> dict[str, dict[str, float]]:
    """The final stage's measures with each part switched off in turn."""
    report: dict[str, dict[str, float]] = {}
    print(f"{'without':24}{'hit@1':>8}{'hit@3':>8}{'de':>8}{'en':>8}{'mrr':>8}{'text':>8}")
    for name, changed in variants(bench).items():
        results = asyncio.run(ask_all(questions, changed))
        whole = summary(results)
        final = whole["stages"]["final"]
        row = {
            "hit@1": final["hit@1"],
            "hit@3": final["hit@3"],
            "de": whole["by_language"].get("de", {}).get("final", {}).get("hit@3", 0.0),
            "en": whole["by_language"].get("en", {}).get("final", {}).get("hit@3", 0.0),
            "mrr": final["mrr"],
            "must_contain": whole["must_contain"],
        }
        report[name] = row
        print(f"{name:24}" + "".join(f"{value:8.3f}" for value in row.values()), flush=True)
    return report


def variants(bench: Bench) -> dict[str, Bench]:
    """The whole, and the whole without each part."""
    tuning = Tuning()
    weights = tuning.weights
    keywords = {
        "compounds": replace(tuning, compounds=False),
        "headings": replace(tuning, heading=0),
        "page around": replace(tuning, page=0.0),
        "warnings marked down": replace(tuning, notice=1.0),
        "contents marked down": replace(tuning, contents=1.0),
        "everyday words": replace(tuning, weights=replace(weights, everyday=1.0)),
        "machine words": replace(tuning, weights=replace(weights, machine=1.0)),
        "question names": replace(tuning, weights=replace(weights, asked_own=1.0)),
    }
    changed = {"nothing": bench, "glossary": _with(bench, tuning, glossary=False)}
    changed |= {name: _with(bench, one) for name, one in keywords.items()}
    if bench.embedder is not None:
        changed["dense"] = replace(bench, vectors=None)
    if bench.reranker is not None:
        changed["rerank"] = replace(bench, reranker=None)
    no_dedup = bench.settings.model_copy(update={"dedup_jaccard": 1.0})
    changed["similar texts merged"] = replace(bench, settings=no_dedup)
    return changed


def _with(bench: Bench, tuning: Tuning, *, glossary: bool = True) -> Bench:
    keywords = KeywordIndex(
        bench.library,
        settings=bench.settings,
        glossary=bench.glossary if glossary else None,
        vectors=bench.vectors,
        tuning=tuning,
    )
    return replace(bench, keywords=keywords)


# --- the verdict ---------------------------------------------------------------------------------


def calibrate(bench: Bench, questions: Sequence[Question]) -> None:
    """Fit the verdict on ``questions``, with and without the reranker, and write the file."""
    known = json.loads(FILE.read_text(encoding="utf-8"))
    cases = {"without_reranker": replace(bench, reranker=None)}
    if bench.reranker is not None:
        cases["with_reranker"] = bench
    for case, changed in cases.items():
        results = asyncio.run(ask_all(questions, changed))
        names = (*NAMES, "rerank") if case == "with_reranker" else NAMES
        model: dict[str, Any] = fit(results, names)
        known[case] = model
        print(case, model)
    known["made_with"] = {
        "command": "python -m evals.retrieval --calibrate",
        "embedder": bench.embedder.name if bench.embedder else None,
        "reranker": bench.reranker.name if bench.reranker else None,
        "questions": len(questions),
    }
    FILE.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")


def fit(results: Sequence[Result], names: Sequence[str]) -> dict[str, float]:
    """Logistic regression (gradient descent, L2) of "has an answer" on the features."""
    usable = [r for r in results if r.features and not r.retrieval.missing_code]
    usable = [r for r in usable if not any("exact" in hit.ranks for hit in r.retrieval.hits)]
    features = np.array([[r.features.get(name, 0.0) for name in names] for r in usable])
    answered = np.array([bool(r.question.manuals) for r in usable], float)
    # The rarer class counts as much as the other one.
    weight = np.where(answered == 1, 0.5 / answered.mean(), 0.5 / (1 - answered.mean()))
    mean, spread = features.mean(0), features.std(0) + 1e-6
    scaled = np.c_[np.ones(len(features)), (features - mean) / spread]
    theta = np.zeros(scaled.shape[1])
    for _ in range(5000):
        error = (1 / (1 + np.exp(-scaled @ theta)) - answered) * weight
        theta -= 0.1 * (scaled.T @ error / len(scaled) + 0.02 * np.r_[0, theta[1:]])
    slopes = theta[1:] / spread
    model = {"bias": float(theta[0] - slopes @ mean)}
    model |= {name: float(value) for name, value in zip(names, slopes, strict=True)}
    sure = np.array([confidence_of(row, names, model) for row in features])
    return {**model, **limits(sure, answered)}


def confidence_of(row: np.ndarray, names: Sequence[str], model: dict[str, float]) -> float:
    """What the product will compute from the same features."""
    return confidence(dict(zip(names, row, strict=True)), model)


def limits(sure: np.ndarray, answered: np.ndarray) -> dict[str, float]:
    """``absent``: below it at most 5 % of the answerable lie, half of that to be on the safe side;
    ``weak``: below it all but one in twelve of the unanswerable lie."""
    good = np.sort(sure[answered == 1])
    bad = np.sort(sure[answered == 0])
    absent = float(good[int(FALSE_REFUSALS / 2 * len(good))]) - 1e-6
    weak = float(bad[-1 - len(bad) // 12]) + 1e-6
    return {"absent": absent, "weak": max(weak, absent)}
