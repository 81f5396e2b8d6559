"""All rows of a setting: some at a time, each kept as soon as it is done, with remaining time."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TextIO

from evals.harness import Bench
from evals.run.journal import Journal
from evals.run.measure import Row, measure
from evals.run.plan import Plan, Setting, digest
from rag.models.llm import close_chat
from rag.types import Answer

OnAnswer = Callable[[Setting, Row, Answer | None], None]


@dataclass
class Progress:
    """One line that says how far it is and how long it still takes."""

    total: int
    done: int = 0
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    _started: float = field(default_factory=time.monotonic)
    _fresh: int = 0
    _shown: float = 0.0

    def skip(self, count: int) -> None:
        """Rows that an earlier start had finished: they say nothing about the pace."""
        self.done += count

    def step(self) -> None:
        self.done += 1
        self._fresh += 1
        now = time.monotonic()
        interactive = self.stream.isatty()
        # A log file gets a line now and then, a terminal one that is written over.
        if self.done < self.total and now - self._shown < (0.2 if interactive else 15.0):
            return
        self._shown = now
        end = "\r" if interactive and self.done < self.total else "\n"
        print(self.line(now), end=end, file=self.stream, flush=True)

    def line(self, now: float) -> str:
        left = (now - self._started) / max(1, self._fresh) * (self.total - self.done)
        filled = 24 * self.done // max(1, self.total)
        bar = "█" * filled + "░" * (24 - filled)
        return f"{bar} {self.done}/{self.total}, {left // 60:.0f}:{left % 60:02.0f} min left"


async def run_rows(
    plan: Plan,
    bench: Bench,
    journal: Journal,
    *,
    run_id: str,
    parallel: int,
    on_answer: OnAnswer,
    progress: Progress,
) -> dict[Setting, list[Row]]:
    """The rows of every setting, in the plan's order; those in ``journal`` are not asked again."""
    await bench.keywords.current()
    found: dict[Setting, list[Row]] = {}
    for setting in plan.settings:
        chosen = setting.applied(bench)
        slots = asyncio.Semaphore(parallel)

        async def one(question: Row, repeat: int, setting: Any = setting, bench: Any = chosen,
                      slots: Any = slots) -> Row:  # fmt: skip
            key = plan.row_key(setting, question, repeat)
            if key in journal.rows:
                return journal.rows[key]
            # Kept within the slot: writing it down must not slow the next question's measurement.
            async with slots:
                row, answer = await measure(
                    question,
                    bench,
                    answer_id=digest([run_id, key]),
                    machine_chosen=plan.world["scope"] == "dataset",
                    learning=plan.world.get("learning", False),
                )
                row = {"key": key, "setting": setting.name, "repeat": repeat} | row
                await asyncio.to_thread(on_answer, setting, row, answer)
                journal.add(row)
            progress.step()
            return row

        wanted = [
            (question, repeat) for listed, question, repeat in plan.rows() if listed == setting
        ]
        try:
            found[setting] = list(await asyncio.gather(*(one(*each) for each in wanted)))
        finally:
            await close_chat(chosen.llm)
    return found
