"""The judged metrics of finished rows: kept one by one, some at a time, failures counted."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from evals.harness import Bench
from evals.judge import METRICS, Failure, Judge, judging_model
from evals.run.execute import Progress
from evals.run.journal import Journal
from evals.run.plan import Setting, digest
from rag.settings import Settings

Row = dict[str, Any]


def judge_of(options: argparse.Namespace, bench: Bench) -> Judge:
    """The judge that the command line names. Raises ``JudgeMissing`` without ragas."""
    url = options.judge_url or options.ollama_url
    url = url or Settings().ollama_base_url.split(",")[0].strip()
    if options.judge_api == "openai" and not options.judge_url:
        url = f"{url.rstrip('/')}/v1"  # Ollama speaks both
    chat = judging_model(
        model=options.judge, url=url, api=options.judge_api, num_ctx=options.judge_num_ctx
    )
    return Judge(chat, bench.embedder)


def judged(
    options: argparse.Namespace, rows: dict[Setting, list[Row]], judge: Judge, journal: Journal
) -> dict[Setting, list[Row]]:
    """The rows with their judged metrics. Verdicts in ``journal`` are not asked for again."""
    names = options.judge_metrics or METRICS
    wanted = [
        (row, metric)
        for listed in rows.values()
        for row in listed
        for metric in names
        if judge.applies(metric, row)
    ]
    asyncio.run(_judge_all(options, wanted, judge, journal))
    return {
        setting: [_with_verdicts(options, row, journal, names) for row in listed]
        for setting, listed in rows.items()
    }


async def _judge_all(
    options: argparse.Namespace, wanted: list[tuple[Row, str]], judge: Judge, journal: Journal
) -> None:
    slots = asyncio.Semaphore(max(1, options.parallel))
    progress = Progress(len(wanted))

    async def one(row: Row, metric: str) -> None:
        key = _key(options, row, metric)
        if key in journal.rows:
            progress.skip(1)
            return
        async with slots:
            score = await judge.score(metric, row)
        failed = {"failure": score.reason} if isinstance(score, Failure) else {"score": score}
        journal.add({"key": key} | failed)
        progress.step()

    await asyncio.gather(*(one(*each) for each in wanted))


def _with_verdicts(options: argparse.Namespace, row: Row, journal: Journal, names: Any) -> Row:
    verdicts = {name: journal.rows.get(_key(options, row, name)) for name in names}
    scores = {name: one["score"] for name, one in verdicts.items() if one and "score" in one}
    failed = {name: one["failure"] for name, one in verdicts.items() if one and "failure" in one}
    judged_row = row | {"metrics": row["metrics"] | scores, "judge": options.judge}
    return judged_row | ({"judge_failures": failed} if failed else {})


def _key(options: argparse.Namespace, row: Row, metric: str) -> str:
    return digest(["verdict", row["key"], metric, options.judge, options.judge_num_ctx])
