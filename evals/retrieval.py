"""How often the right page is among the first: ``python -m evals.retrieval``.

Form of the dataset and of ``--json`` as described in the README. A hit at k: one of the first k
hits lies on one of the pages of one of the manuals of the question.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import Any

from evals.harness import GOLD, SAMPLES, Bench, build_library
from evals.intervals import percentile
from rag.retrieve.find import find_passages
from rag.types import Hit, Retrieval, Scope, Stage

STAGES = ("bm25", "dense", "fused", "reranked", "final")
CUTS = (1, 3, 6, 10)


@dataclass(frozen=True, slots=True)
class Question:
    """One line of a dataset. Empty ``manuals``: the manuals hold no answer."""

    question: str
    language: str
    manuals: tuple[str, ...]
    pages: frozenset[int]
    must_contain: str | None
    category: str
    machine: str
    split: str


def read_dataset(path: Path) -> list[Question]:
    """The questions of a JSONL file. Raises ``ValueError`` with the line that is wrong."""
    questions = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            questions.append(
                Question(
                    row["question"],
                    row.get("language", ""),
                    tuple(unicodedata.normalize("NFC", name) for name in row["manuals"]),
                    frozenset(row["pages"]),
                    row.get("must_contain") or None,
                    row.get("category") or "",
                    row.get("machine") or "",
                    row.get("split") or "",
                )
            )
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"{path.name}, line {number}: {error!r}") from error
    return questions


@dataclass(slots=True)
class Result:
    """What came of one question; ``ranks`` is the rank of the first right page per stage."""

    question: Question
    retrieval: Retrieval
    ranks: dict[str, int | None]
    gains: dict[str, float]
    ms: dict[str, float]
    contains: bool | None
    features: dict[str, float]


async def ask_all(questions: Sequence[Question], bench: Bench) -> list[Result]:
    """Every question, one after the other."""
    files = {
        manual.id: unicodedata.normalize("NFC", manual.file_name)
        for manual in bench.library.manuals()
    }
    machines = bench.library.machines()
    await bench.keywords.current()
    results = []
    for question in questions:
        scope = scope_of(question, machines)
        stages: list[Stage] = []
        started = time.perf_counter()
        found = await find_passages(
            question.question, scope, services=bench, on_stage=stages.append
        )
        ms = {stage.name: stage.ms for stage in stages}
        ms["total"] = (time.perf_counter() - started) * 1e3
        features = next((stage.attributes for stage in stages if stage.name == "verdict"), {})
        results.append(judge(question, found, files, ms, features))
    return results


def scope_of(question: Question, machines: Sequence[str]) -> Scope:
    """The machine that the dataset says the user had chosen; all machines when it names none."""
    chosen = tuple(name for name in machines if question.machine and question.machine in name)
    return Scope(machines=chosen)


def judge(
    question: Question,
    found: Retrieval,
    files: dict[str, str],
    ms: dict[str, float],
    features: dict[str, float],
) -> Result:
    """Compare what was found with where the answer stands."""

    def right(hit: Hit) -> bool:
        chunk = hit.chunk
        return files.get(chunk.manual_id) in question.manuals and not question.pages.isdisjoint(
            range(chunk.first_page, chunk.last_page + 1)
        )

    ranks: dict[str, int | None] = {}
    gains: dict[str, float] = {}
    for name in STAGES:
        hits = found.stages.get(name, ())
        correct = [rank for rank, hit in enumerate(hits, 1) if right(hit)]
        ranks[name] = correct[0] if correct else None
        gains[name] = ndcg(correct, len(question.pages))
    contains = None
    if question.must_contain:
        text = " ".join(hit.chunk.text for hit in found.hits)
        contains = plain(question.must_contain) in plain(text)
    return Result(question, found, ranks, gains, ms, contains, features)


def ndcg(correct: Sequence[int], pages: int, depth: int = 10) -> float:
    """nDCG@10 with one gain per right page: hits beyond the number of right pages add nothing."""
    ideal = sum(1 / log2(rank + 1) for rank in range(1, min(pages, depth) + 1))
    gained = sum(1 / log2(rank + 1) for rank in correct[:pages] if rank <= depth)
    return min(1.0, gained / ideal) if ideal else 0.0


def plain(text: str) -> str:
    """For comparing: NFKC, lower case, single blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


# --- summing up ----------------------------------------------------------------------------------


def table(results: Iterable[Result]) -> dict[str, dict[str, float]]:
    """Measures per stage over the questions that have an answer."""
    answered = [result for result in results if result.question.manuals]
    if not answered:
        return {}
    measures: dict[str, dict[str, float]] = {}
    for stage in STAGES:
        if not any(stage in result.retrieval.stages for result in answered):
            continue
        ranks = [result.ranks[stage] for result in answered]
        row = {f"hit@{k}": share(rank is not None and rank <= k for rank in ranks) for k in CUTS}
        row["mrr"] = statistics.fmean(1 / rank if rank else 0.0 for rank in ranks)
        row["ndcg@10"] = statistics.fmean(result.gains[stage] for result in answered)
        measures[stage] = {name: round(value, 4) for name, value in row.items()}
    return measures


def share(values: Iterable[bool]) -> float:
    """The share of true values; 0 of none."""
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0


def summary(results: Sequence[Result]) -> dict[str, Any]:
    """The whole report in the form of ``--json``."""
    answered = [result for result in results if result.question.manuals]
    unanswerable = [result for result in results if not result.question.manuals]
    contains = [result.contains for result in answered if result.contains is not None]
    return {
        "n": len(results),
        "stages": table(results),
        "by_language": grouped(results, lambda result: result.question.language),
        "by_category": grouped(results, lambda result: result.question.category),
        "must_contain": round(share(contains), 4),
        "false_refusals": round(share(r.retrieval.verdict == "absent" for r in answered), 4),
        # A "weak" find is answered, with a word of doubt: here it counts as an answer.
        "false_answers": round(share(r.retrieval.verdict != "absent" for r in unanswerable), 4),
        "without_doubt": round(share(r.retrieval.verdict == "found" for r in unanswerable), 4),
        "needless_doubt": round(share(r.retrieval.verdict == "weak" for r in answered), 4),
        "latency_ms": latencies(results),
        "questions": [row(result) for result in results],
    }


def grouped(
    results: Sequence[Result], key: Callable[[Result], str]
) -> dict[str, dict[str, dict[str, float]]]:
    groups: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        groups[key(result)].append(result)
    return {name: table(members) for name, members in sorted(groups.items()) if table(members)}


def latencies(results: Sequence[Result]) -> dict[str, dict[str, float]]:
    times: dict[str, list[float]] = defaultdict(list)
    for result in results:
        for stage, ms in result.ms.items():
            times[stage].append(ms)
    return {
        stage: {"p50": round(percentile(ms, 0.5), 2), "p95": round(percentile(ms, 0.95), 2)}
        for stage, ms in times.items()
    }


def row(result: Result) -> dict[str, Any]:
    """One question of the report."""
    found = result.retrieval
    return {
        "question": result.question.question,
        "language": result.question.language,
        "category": result.question.category,
        "split": result.question.split,
        "pages": sorted(result.question.pages),
        "ranks": result.ranks,
        "found": [
            {"manual": hit.chunk.title, "page": hit.chunk.first_page, "section": hit.chunk.section}
            for hit in found.hits
        ],
        "verdict": found.verdict,
        "confidence": round(found.confidence, 4),
        "features": {name: round(float(value), 4) for name, value in result.features.items()},
        "missing_code": found.missing_code,
        "ambiguous_code": found.ambiguous_code,
        "must_contain": result.contains,
        "ms": round(result.ms["total"], 2),
    }


def print_report(report: dict[str, Any]) -> None:
    """The tables that a person reads."""
    print(f"{report['n']} questions")
    for title, stages in [("all", report["stages"]), *report["by_language"].items()]:
        print_table(title, stages)
    for name, stages in report["by_category"].items():
        print_table(name, {"final": stages["final"]} if "final" in stages else stages)
    for name in (
        "must_contain",
        "false_refusals",
        "needless_doubt",
        "false_answers",
        "without_doubt",
    ):
        print(f"{name:16}{report[name]:.3f}")
    total = report["latency_ms"].get("total", {"p50": 0.0, "p95": 0.0})
    print(f"{'latency':16}p50 {total['p50']:.1f} ms, p95 {total['p95']:.1f} ms")


def print_table(title: str, stages: dict[str, dict[str, float]]) -> None:
    for number, (stage, measures) in enumerate(stages.items()):
        if not number:
            print(f"\n{title:18}" + "".join(f"{name:>9}" for name in measures))
        print(f"  {stage:16}" + "".join(f"{value:9.3f}" for value in measures.values()))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m evals.retrieval", description=__doc__)
    parser.add_argument("--manuals", type=Path, default=SAMPLES, help="folder of PDFs")
    parser.add_argument("--dataset", type=Path, default=GOLD, help="questions, JSON lines")
    parser.add_argument("--json", type=Path, help="write the whole report here")
    parser.add_argument("--split", default="", help="only the questions of this split")
    parser.add_argument("--ablate", action="store_true", help="switch each part off in turn")
    parser.add_argument("--misses", action="store_true", help="list what was not among the three")
    options = parser.parse_args(arguments)
    if not options.manuals.is_dir():
        parser.error(f"{options.manuals} is not a folder")
    questions = read_dataset(options.dataset)
    if options.split:
        questions = [one for one in questions if one.split == options.split]
    if options.ablate:
        from evals import ablation

        return ablation.run(options, questions)
    bench = build_library(options.manuals, hyde="never")
    try:
        for name, reason in bench.refused.items():
            print(f"not read: {name} ({reason})", file=sys.stderr)
        results = asyncio.run(ask_all(questions, bench))
    finally:
        bench.close()
    report = summary(results)
    print_report(report)
    if options.misses:
        print_misses(results)
    if options.json:
        options.json.write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
    return 0


def print_misses(results: Sequence[Result]) -> None:
    """Questions whose page is not among the first three, with what was found instead."""
    for result in results:
        rank = result.ranks["final"]
        if result.question.manuals and not (rank and rank <= 3):
            pages = [hit.chunk.first_page for hit in result.retrieval.hits]
            wanted = sorted(result.question.pages)
            print(f"{rank or '-':>3}  {result.question.question}  {wanted} ≠ {pages}")


if __name__ == "__main__":
    sys.exit(main())
