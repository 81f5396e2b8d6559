"""What each part of the search is worth: ``python -m evals.retrieval --ablate``.

Each part is switched off in turn; the table says what the questions lose without it, apart for the
questions that the numbers were chosen on and for those that were held out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

from evals.harness import Bench, build_library
from evals.retrieval import Question, Result, ask_all, share
from rag.retrieve.keywords import KeywordIndex
from rag.retrieve.snapshot import Tuning

COLUMNS = ("hit@1", "hit@3", "tune", "held_out", "de", "en", "mrr", "text")


def run(options: argparse.Namespace, questions: Sequence[Question]) -> int:
    """Print the table and write it where ``--json`` says; returns the exit code."""
    bench = build_library(options.manuals, hyde="never")
    try:
        report = ablate(bench, questions)
    finally:
        bench.close()
    if options.json:
        options.json.write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
    return 0


def ablate(bench: Bench, questions: Sequence[Question]) -> dict[str, dict[str, float]]:
    """The final stage's measures, whole and without each part, as rows of a Markdown table."""
    report: dict[str, dict[str, float]] = {}
    print("| without | " + " | ".join(COLUMNS) + " |")
    print("|---|" + "---:|" * len(COLUMNS))
    for name, changed in variants(bench).items():
        report[name] = row = measures(asyncio.run(ask_all(questions, changed)))
        print(f"| {name} | " + " | ".join(f"{row[one]:.3f}" for one in COLUMNS) + " |", flush=True)
    return report


def measures(results: Sequence[Result]) -> dict[str, float]:
    """One row. Columns with a split's or a language's name are hit@3 of those questions."""
    answered = [result for result in results if result.question.manuals]

    def hit(k: int, **only: str) -> float:
        chosen = [
            result
            for result in answered
            if all(getattr(result.question, field) == value for field, value in only.items())
        ]
        return share((rank := result.ranks["final"]) is not None and rank <= k for result in chosen)

    return {
        "hit@1": hit(1),
        "hit@3": hit(3),
        "tune": hit(3, split="tune"),
        "held_out": hit(3, split="held_out"),
        "de": hit(3, language="de"),
        "en": hit(3, language="en"),
        "mrr": sum(1 / rank for r in answered if (rank := r.ranks["final"])) / len(answered),
        "text": share(r.contains for r in answered if r.contains is not None),
    }


def variants(bench: Bench) -> dict[str, Bench]:
    """The whole, and the whole without each part."""
    tuning = Tuning()
    weights = tuning.weights
    keywords = {
        "compounds": replace(tuning, compounds=False),
        "headings": replace(tuning, heading=0),
        "kind of passage asked for": replace(tuning, intent=False),
        "closer look": replace(tuning, near=0.0),
        "page around": replace(tuning, page=0.0),
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
