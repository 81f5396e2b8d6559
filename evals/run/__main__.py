"""``python -m evals.run``: one command for an experiment."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from evals import report
from evals.answers import NO_OLLAMA
from evals.harness import Bench, build_library
from evals.judge import JudgeMissing
from evals.run import comparing, judging
from evals.run.execute import Progress, run_rows
from evals.run.journal import Journal
from evals.run.options import parser
from evals.run.plan import (
    Plan,
    Setting,
    digest,
    git_commit,
    grid,
    read_datasets,
    thinned,
    world_of,
)
from evals.run.results import summary
from evals.run.track import Tracking
from rag.models.llm import LanguageModelState, probe
from rag.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit code."""
    made = parser()
    options = made.parse_args(arguments)
    if options.compare:
        return comparing.main(options)
    if not options.manuals.is_dir():
        made.error(f"{options.manuals} is not a folder")
    try:
        questions = read_datasets(options.dataset)
    except (OSError, ValueError) as error:
        made.error(str(error))
    if options.split:
        questions = [row for row in questions if row.get("split", "") == options.split]
    questions = thinned(questions, options.limit)
    if not questions:
        made.error("the dataset has no questions")
    try:
        outcome = experiment(options, questions)
    except (Unavailable, JudgeMissing) as error:
        print(error, file=sys.stderr)
        return 2
    print(report.terminal(outcome))
    if options.json:
        options.json.write_text(json.dumps(outcome, ensure_ascii=False, indent=1), "utf-8")
    for path, text in ((options.markdown, report.markdown), (options.html, report.html)):
        if path:
            path.write_text(text(outcome), "utf-8")
    return 0


class Unavailable(Exception):
    """The language model that was asked for is not there."""


def experiment(options: argparse.Namespace, questions: list[dict[str, Any]]) -> dict[str, Any]:
    """Measure, judge, sum up and keep. Raises before anything is asked."""
    started = time.monotonic()
    chosen: dict[str, Any] = {"hyde": options.hyde, "ollama_base_url": NO_OLLAMA}
    models = _models(options)
    if models:
        chosen["ollama_base_url"] = _ollama_url(options)
    bench = build_library(options.manuals, **chosen)
    try:
        for name, reason in bench.refused.items():
            print(f"not read: {name} ({reason})", file=sys.stderr)
        plan = _plan(options, questions, bench, models)
        # Made first: without ragas it must fail before anything is asked.
        judge = judging.judge_of(options, bench) if options.judge else None
        rows, tracking, journal = _measured(options, plan, bench)
        if judge is not None:
            rows = judging.judged(options, rows, judge, journal)
    finally:
        bench.close()
    outcome = {
        "n": len(questions),
        "params": _params(options, plan),
        "settings": [asdict(s) | {"name": s.name} | summary(rows[s]) for s in plan.settings],
        "rows": [row for listed in rows.values() for row in listed],
        "seconds": round(time.monotonic() - started, 1),
        "run_id": tracking.parent if tracking else "",
        "runs": tracking.children if tracking else {},
    }
    if tracking:
        for setting, entry in zip(plan.settings, outcome["settings"], strict=True):
            tracking.finished(setting, entry, rows[setting])
        tracking.reports(report.artefacts(outcome))
    journal.remove()
    return outcome


def _measured(
    options: argparse.Namespace, plan: Plan, bench: Bench
) -> tuple[dict[Setting, list[dict[str, Any]]], Tracking | None, Journal]:
    folder = options.data / "evals"
    journal = Journal(folder / f"{plan.key}.jsonl")
    known = sum(plan.row_key(*row) in journal.rows for row in plan.rows())
    progress = Progress(len(list(plan.rows())))
    if known:
        progress.skip(known)
        print(f"going on with a run that has {known} rows", file=sys.stderr)
    tracking = None
    if not options.no_mlflow:
        settings = Settings(
            data_dir=options.data,
            mlflow_tracking_uri=options.tracking_uri,
            mlflow_experiment=options.experiment,
        )
        tracking = Tracking(settings, folder / f"{plan.key}.runs.json")
        name = options.name or time.strftime("%Y-%m-%d %H:%M")
        tracking.begin(name, _params(options, plan), plan.settings)

    def on_answer(setting: Setting, row: dict[str, Any], answer: Any) -> None:
        if tracking:
            tracking.answered(setting, row, answer)

    rows = asyncio.run(
        run_rows(
            plan,
            bench,
            journal,
            run_id=tracking.parent if tracking else plan.key,
            parallel=max(1, options.parallel),
            on_answer=on_answer,
            progress=progress,
        )
    )
    return rows, tracking, journal


def _plan(
    options: argparse.Namespace,
    questions: list[dict[str, Any]],
    bench: Bench,
    models: list[LanguageModelState],
) -> Plan:
    world = world_of(options.manuals, bench, models, {"scope": options.scope})
    settings = grid(
        [state.model for state in models], options.num_ctx, options.off, ablate=options.ablate
    )
    return Plan(tuple(settings), tuple(questions), max(1, options.repeat), world)


def _params(options: argparse.Namespace, plan: Plan) -> dict[str, Any]:
    return {
        "git_commit": git_commit(),
        "dataset": [path.name for path in options.dataset],
        "dataset_hash": digest(plan.questions),
        "questions": len(plan.questions),
        "repeats": plan.repeats,
        "judge": options.judge or "none",
        **(
            {"judge_api": options.judge_api, "judge_num_ctx": options.judge_num_ctx}
            if options.judge
            else {}
        ),
        **plan.world,
    }


def _ollama_url(options: argparse.Namespace) -> str:
    """The first server, where the service shares its questions among several."""
    return str(options.ollama_url or Settings().ollama_base_url.split(",")[0].strip())


def _models(options: argparse.Namespace) -> list[LanguageModelState]:
    """The models that answer; none means quotations. The same for the whole run."""
    if options.llm == "none":
        return []
    names = options.model or [Settings().ollama_model]
    base = Settings(ollama_base_url=_ollama_url(options))

    async def all_states() -> list[LanguageModelState]:
        return [await probe(base.model_copy(update={"ollama_model": name})) for name in names]

    states = asyncio.run(all_states())
    missing = [state for state in states if not state.available]
    if not missing:
        return states
    said = ", ".join(f"{state.model}: {state.reason}" for state in missing)
    if options.llm == "ollama" or options.model:
        raise Unavailable(f"no answers from {base.ollama_base_url} ({said})")
    print(f"without a language model ({said}): answers are quotations", file=sys.stderr)
    return []


if __name__ == "__main__":
    sys.exit(main())
