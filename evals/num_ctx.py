"""``python -m evals.num_ctx``: what a context window that is too small costs, fitted or not.

The same questions, passages and stand-in model (``evals.reader``: it repeats the lines it sees
that share most with the question it sees) with each window, twice: with the prompt fitted to the
window as the product does it, and with the same prompt sent whole, as the reference system did.
Nothing is assumed of the model but that it knows what reached it; how much of the prompt did is
counted at the server. What is measured is the loss by cutting; a real model's quality is not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from evals.answers import comparable
from evals.harness import GOLD, SAMPLES, Bench, build_library
from evals.num_ctx_report import WAYS, artefacts
from evals.reader import SmallWindow, rules_seen
from evals.run.execute import Progress, run_rows
from evals.run.journal import Journal
from evals.run.plan import Plan, Setting, code_hash, digest, git_commit, read_datasets, thinned
from evals.run.results import compare, summary
from evals.run.track import Tracking
from rag.answer.tokens import forget_learned
from rag.settings import Settings
from rag.types import Answer
from tests.stand_in.ollama import Request

WINDOWS = (512, 1024, 2048, 4096)
# A window that every prompt fits: nothing is cut on our side.
_ENDLESS = 32768
# Without dense search and HyDE: the same passages every time, and quickly.
_OFF = ("dense", "reranker", "hyde")
Row = dict[str, Any]
OnAnswer = Callable[[Row, Answer | None], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; prints a table, and writes tables, plots and rows where asked."""
    options = _parser().parse_args(arguments)
    # That the server counts other tokens than were planned is what is shown here.
    logging.getLogger("rag.answer.tokens").setLevel(logging.ERROR)
    rows = [row for row in read_datasets(options.dataset) if row["manuals"]]
    questions = thinned(rows, options.limit)
    tracking = None
    if not options.no_mlflow:
        (options.data / "evals").mkdir(parents=True, exist_ok=True)
        settings = Settings(
            data_dir=options.data,
            mlflow_tracking_uri=options.tracking_uri,
            mlflow_experiment=options.experiment,
        )
        tracking = Tracking(settings, options.data / "evals" / "num_ctx.runs.json")
        tracking.begin(
            time.strftime("num_ctx %Y-%m-%d %H:%M"),
            _params(options, questions),
            [setting_of(way, one) for one in sorted(options.num_ctx) for way in WAYS],
        )
    outcome = experiment(options, questions, tracking)
    files = artefacts(outcome)
    if tracking:
        tracking.reports(files)
        print(f"MLflow run {tracking.parent}; look at it with: make mlflow")
    print(files["num_ctx.md"])
    if options.json:
        options.json.write_text(json.dumps(outcome, ensure_ascii=False, indent=1), "utf-8")
    for path, name in (
        (options.markdown, "num_ctx.md"),
        (options.svg, "plots/answers.svg"),
        (options.html, "num_ctx.html"),
    ):
        if path:
            path.write_text(files[name], encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evals.num_ctx", description=__doc__)
    parser.add_argument("--manuals", type=Path, default=SAMPLES, help="folder of PDFs")
    parser.add_argument("--dataset", type=Path, nargs="+", default=[GOLD])
    parser.add_argument("--limit", type=int, default=0, help="so many questions, spread evenly")
    parser.add_argument("--num-ctx", type=int, nargs="+", default=list(WINDOWS))
    parser.add_argument("--passages", type=int, default=3, help="passages put into the prompt")
    parser.add_argument(
        "--needs-rules", action="store_true", help="a model that talks vaguely without its rules"
    )
    data = Path(os.environ.get("DATA_DIR", "data"))
    parser.add_argument("--data", type=Path, default=data, help="folder for MLflow")
    parser.add_argument("--tracking-uri", default="", help="MLflow; default: SQLite in --data")
    parser.add_argument("--experiment", default="millwright-evals", help="MLflow experiment")
    parser.add_argument("--no-mlflow", action="store_true", help="keep nothing in MLflow")
    parser.add_argument("--json", type=Path, help="write everything here")
    parser.add_argument("--markdown", type=Path, help="write the tables here")
    parser.add_argument("--svg", type=Path, help="write the first plot here")
    parser.add_argument("--html", type=Path, help="write tables and plots here")
    return parser


def _params(options: argparse.Namespace, questions: Sequence[Row]) -> dict[str, Any]:
    return {
        "git_commit": git_commit(),
        "code": code_hash(),
        "dataset": [path.name for path in options.dataset],
        "dataset_hash": digest(questions),
        "questions": len(questions),
        "passages": options.passages,
        "judge": "none",
        "reader": "needs rules" if options.needs_rules else "copies what it sees",
    }


def setting_of(way: str, window: int) -> Setting:
    """What a run is called; the unfitted prompt believes in an endless window."""
    return Setting(way, window, _OFF)


def experiment(
    options: argparse.Namespace, questions: Sequence[Row], tracking: Tracking | None = None
) -> list[dict[str, Any]]:
    """An entry per window: both ways measured, and their difference question by question."""
    bench = build_library(options.manuals, passages=options.passages)
    if not bench.library.manuals():
        raise SystemExit(f"none of the manuals could be read: {bench.refused}")
    try:
        return [
            _window(bench, list(questions), one, options.needs_rules, tracking)
            for one in sorted(options.num_ctx)
        ]
    finally:
        bench.close()


def _window(
    bench: Bench,
    questions: list[Row],
    window: int,
    needs_rules: bool,
    tracking: Tracking | None,
) -> dict[str, Any]:
    found: dict[str, Any] = {"num_ctx": window}
    rows = {}
    for way in WAYS:
        named = setting_of(way, window)
        on_answer: OnAnswer = lambda row, answer: None  # noqa: E731
        if tracking:
            on_answer = _tracker(tracking, named)
        with SmallWindow(window, model=way, needs_rules=needs_rules) as server:
            asked = Setting(way, window if way == "fitted" else _ENDLESS, _OFF)
            rows[way] = asyncio.run(_rows(bench, questions, asked, server.url, on_answer))
            requests = list(server.history)
        _note_what_arrived(rows[way], questions, requests)
        for row in rows[way]:
            row["setting"] = named.name
        found[way] = summary(rows[way]) | {
            "asked": len(requests),
            "cut_by_server": sum(request.truncated for request in requests),
            "tokens_sent": round(sum(r.full_tokens for r in requests) / max(1, len(requests))),
        }
        if tracking:
            tracking.finished(named, found[way], rows[way])
    found["fitted_minus_unfitted"] = compare(rows["unfitted"], rows["fitted"])
    return found


def _tracker(tracking: Tracking, setting: Setting) -> OnAnswer:
    return lambda row, answer: tracking.answered(setting, row, answer)


async def _rows(
    bench: Bench, questions: list[Row], setting: Setting, url: str, on_answer: OnAnswer
) -> list[Row]:
    update = {"ollama_base_url": url, "ollama_model": setting.model}
    bench.settings = bench.settings.model_copy(update=update)
    forget_learned(bench.settings, bench.library)
    plan = Plan((setting,), tuple(questions), 1, {"scope": "dataset", "learning": True})
    found = await run_rows(
        plan,
        bench,
        Journal(None),
        run_id=url,
        parallel=1,
        on_answer=lambda _, row, answer: on_answer(row, answer),
        progress=Progress(len(questions)),
    )
    return found[setting]


def _note_what_arrived(rows: list[Row], questions: list[Row], requests: list[Request]) -> None:
    """What of each prompt reached the model, as metrics of its row.

    ``fact``: the text that the answer must contain. Rows that were answered by a quotation,
    because nothing fits, have none of these: nothing was sent.
    """
    by_question = {
        request.messages[-1]["content"].rsplit("\n", 1)[-1]: request for request in requests
    }
    for row, question in zip(rows, questions, strict=True):
        request = next((r for end, r in by_question.items() if row["question"] in end), None)
        if request is None:
            continue
        seen = comparable(request.prompt)
        arrived = {
            "rules": rules_seen(request),
            "question": comparable(row["question"]) in seen,
        }
        if question.get("must_contain"):
            arrived["fact"] = comparable(question["must_contain"]) in seen
        row["metrics"] |= {f"arrived/{name}": float(whole) for name, whole in arrived.items()}


if __name__ == "__main__":
    sys.exit(main())
