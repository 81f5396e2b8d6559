"""The command line of ``python -m evals.run``."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from evals.harness import GOLD, SAMPLES
from evals.run.plan import STAGES

NOTICES = GOLD.parent / "notices.jsonl"


def parser() -> argparse.ArgumentParser:
    """Defaults: the sample manuals, the gold set, the language model if there is one, no judge."""
    made = argparse.ArgumentParser(
        prog="python -m evals.run",
        description="Measure answers over a dataset, for one or more settings.",
    )
    what = made.add_argument_group("what is asked")
    what.add_argument("--manuals", type=Path, default=SAMPLES, help="folder of PDFs")
    what.add_argument(
        "--dataset", type=Path, nargs="+", default=[GOLD, NOTICES], help="questions, JSON lines"
    )
    what.add_argument("--split", default="", help="only the questions of this split")
    what.add_argument("--limit", type=int, default=0, help="so many questions, spread evenly")
    what.add_argument(
        "--scope",
        choices=("all", "dataset"),
        default="dataset",
        help="search all manuals, or those of the machine that the dataset names (default)",
    )
    settings = made.add_argument_group("settings: every combination is measured")
    settings.add_argument("--llm", choices=("auto", "none", "ollama"), default="auto")
    settings.add_argument("--model", nargs="+", default=[], help="models of the Ollama server")
    settings.add_argument("--ollama-url", default="", help="address of the Ollama server")
    settings.add_argument("--num-ctx", type=int, nargs="+", default=[2048], help="context windows")
    settings.add_argument(
        "--off", nargs="+", choices=STAGES, default=[], help="stages to leave out"
    )
    settings.add_argument("--ablate", action="store_true", help="and leave each stage out in turn")
    settings.add_argument("--hyde", choices=("auto", "always", "never"), default="auto")
    settings.add_argument("--repeat", type=int, default=1, help="ask each question so often")
    judge = made.add_argument_group("judge")
    judge.add_argument("--judge", default="", metavar="MODEL", help="model that judges the answers")
    judge.add_argument("--judge-url", default="", help="its server; default: the same Ollama")
    judge.add_argument("--judge-api", choices=("ollama", "openai"), default="ollama")
    judge.add_argument("--judge-num-ctx", type=int, default=8192, help="the judge's window")
    judge.add_argument("--judge-metrics", nargs="+", default=[], help="default: all six")
    where = made.add_argument_group("where and how")
    data = Path(os.environ.get("DATA_DIR", "data"))
    where.add_argument(
        "--data", type=Path, default=data, help="folder for MLflow and unfinished runs"
    )
    where.add_argument(
        "--tracking-uri", default="", help="MLflow server; default: SQLite in --data"
    )
    where.add_argument("--experiment", default="millwright-evals", help="MLflow experiment")
    where.add_argument("--name", default="", help="name of the run")
    where.add_argument("--no-mlflow", action="store_true", help="keep nothing in MLflow")
    where.add_argument("--parallel", type=int, default=1, help="questions at a time")
    where.add_argument("--json", type=Path, help="write the whole report here")
    where.add_argument("--markdown", type=Path, help="write the table for a README here")
    where.add_argument("--html", type=Path, help="write the report with plots here")
    made.add_argument(
        "--compare", nargs=2, metavar=("RUN_A", "RUN_B"), help="MLflow run ids or --json files"
    )
    return made
