"""``python -m evals.gate``: is everything still as good as it was? Exit code 1 with the reasons.

Needs no language model: the questions are answered by quotation. Bounds stand in ``gate.toml``;
cases that QA noted as once wrong (``regressions.jsonl``) must be right one by one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evals.answers import NO_OLLAMA
from evals.faults import FAULTS
from evals.harness import GOLD, SAMPLES, Bench, build_library
from evals.metrics import mean
from evals.run.execute import Progress, run_rows
from evals.run.journal import Journal
from evals.run.options import NOTICES
from evals.run.plan import Plan, Setting, read_datasets, thinned
from evals.run.results import estimates
from rag.retrieve import dedup
from rag.types import Chunk, Hit

BOUNDS = Path(__file__).parent / "gate.toml"
REGRESSIONS = GOLD.parent / "regressions.jsonl"
_NUMBER = re.compile(r"\d+")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """One measure beside its bound."""

    name: str
    value: float | None
    bound: float
    at_least: bool

    @property
    def holds(self) -> bool:
        """A measure that cannot be had does not hold: whatever gave it is gone."""
        if self.value is None:
            return False
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def __str__(self) -> str:
        value = "missing" if self.value is None else f"{self.value:.4f}"
        sign = "≥" if self.at_least else "≤"
        return (
            f"{'ok  ' if self.holds else 'FAIL'}  {self.name:28} {value:>8} {sign} {self.bound:g}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 when everything holds, 1 when not, 2 when it could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m evals.gate", description=__doc__)
    parser.add_argument("--manuals", type=Path, default=SAMPLES, help="folder of PDFs")
    parser.add_argument("--dataset", type=Path, nargs="+", default=[GOLD, NOTICES])
    parser.add_argument("--bounds", type=Path, default=BOUNDS, help="thresholds, TOML")
    parser.add_argument("--regressions", type=Path, nargs="*", default=None, help="JSON lines")
    parser.add_argument("--limit", type=int, default=0, help="so many questions, spread evenly")
    parser.add_argument("--json", type=Path, help="write the findings here")
    parser.add_argument(
        "--seed-fault", choices=sorted(FAULTS), help="break a stage first, to see the gate notice"
    )
    options = parser.parse_args(arguments)
    if options.regressions is None:
        options.regressions = [REGRESSIONS] if REGRESSIONS.exists() else []
    try:
        questions = thinned(read_datasets(options.dataset), options.limit)
        cases = read_datasets(options.regressions)
        bounds = tomllib.loads(options.bounds.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    if options.seed_fault:
        FAULTS[options.seed_fault]()
    started = time.monotonic()
    findings, wrong = check(options.manuals, questions, cases, bounds)
    seconds = time.monotonic() - started
    for finding in findings:
        print(finding)
    for case in wrong:
        print(f"FAIL  regression: {case}")
    failed = [finding for finding in findings if not finding.holds]
    held = len(findings) - len(failed)
    print(f"{held} of {len(findings)} bounds hold, {len(wrong)} of {len(cases)} regression cases "
          f"are wrong; {len(questions)} questions, {seconds:.0f} s")  # fmt: skip
    if options.json:
        told = [{"name": f.name, "value": f.value, "bound": f.bound, "holds": f.holds}
                for f in findings]  # fmt: skip
        text = json.dumps({"findings": told, "regressions": wrong}, ensure_ascii=False, indent=1)
        options.json.write_text(text, encoding="utf-8")
    return 1 if failed or wrong else 0


def check(
    manuals: Path, questions: Sequence[Row], cases: Sequence[Row], bounds: dict[str, Any]
) -> tuple[list[Finding], list[str]]:
    """Findings for every bound, and the regression cases that are wrong again."""
    bench = build_library(manuals, ollama_base_url=NO_OLLAMA)
    try:
        rows = asyncio.run(_rows([*questions, *cases], bench))
        measured = {
            name: value["mean"] for name, value in estimates(rows[: len(questions)]).items()
        }
        measured |= duplicates(list(bench.library.active_chunks()), bench)
        measured["words_meet"] = words_meet(bounds.get("tokeniser", {}), bench)
    finally:
        bench.close()
    measured |= _by_language(rows[: len(questions)])
    findings = [
        Finding(name, measured.get(name), float(bound), at_least)
        for group, at_least in (("at_least", True), ("at_most", False))
        for name, bound in bounds.get(group, {}).items()
    ]
    return findings, [text for row in rows[len(questions) :] if (text := _wrong(row))]


async def _rows(questions: list[Row], bench: Bench) -> list[Row]:
    setting = Setting("", bench.settings.num_ctx)
    plan = Plan((setting,), tuple(questions), 1, {"scope": "dataset"})
    found = await run_rows(
        plan,
        bench,
        Journal(None),
        run_id="gate",
        parallel=2,
        on_answer=lambda setting, row, answer: None,
        progress=Progress(len(questions)),
    )
    return found[setting]


def _by_language(rows: Sequence[Row]) -> dict[str, float]:
    """The same measures per language: "de: hit@3"."""
    languages = sorted({row["language"] for row in rows})
    return {
        f"{language}: {name}": value["mean"]
        for language in languages
        for name, value in estimates([r for r in rows if r["language"] == language]).items()
    }


def duplicates(chunks: Sequence[Chunk], bench: Bench) -> dict[str, float]:
    """What is done with each passage's twins: one that is the same, one with another number.

    The first must be merged and its page kept; the second must never be.
    """
    merged, apart = [], []
    jaccard = bench.settings.dedup_jaccard
    for chunk in chunks:
        page = chunk.last_page + 1
        twin = replace(chunk, id=f"{chunk.id}-same", first_page=page, last_page=page)
        kept = dedup.merge_duplicates([Hit(chunk), Hit(twin)], jaccard=jaccard)
        merged.append(float(len(kept) == 1 and kept[0].also_on == (twin,)))
        number = _NUMBER.search(chunk.text)
        if number is None:
            continue
        text = f"{chunk.text[: number.start()]}{int(number[0]) + 1}{chunk.text[number.end() :]}"
        other = replace(twin, id=f"{chunk.id}-other", text=text)
        kept = dedup.merge_duplicates([Hit(chunk), Hit(other)], jaccard=jaccard)
        apart.append(float(len(kept) == 2))
    return {"repetitions_merged": mean(merged), "values_kept_apart": mean(apart)}


def words_meet(words: dict[str, Any], bench: Bench) -> float:
    """The share of word pairs that are indexed as they should: with or without a common term."""
    analyzer = bench.keywords.build().analyzer
    right = []
    for kind in ("same", "different"):
        for language, one, other in words.get(kind, []):
            common = set(analyzer.terms(one, language)) & set(analyzer.terms(other, language))
            right.append(float(bool(common) == (kind == "same")))
    return mean(right)


def _wrong(row: Row) -> str:
    """What is wrong with a regression case; empty when it is right."""
    measured = row["metrics"]
    names = ("right_page", "contains", "refused_rightly", "notices_shown")
    wrong = [name for name in names if measured.get(name) is not None and measured[name] < 1]
    if row["failure"]:
        wrong.append(row["failure"])
    return f"{row['question']} ({', '.join(wrong)})" if wrong else ""


if __name__ == "__main__":
    sys.exit(main())
