"""``python -m evals.repeated``: how long the same question takes the first time, and again.

The whole of ``ask`` with the sample manuals and a stand-in for the language model (20 ms a token);
also what a kept answer weighs. Options: ``--times N``, ``--json OUT``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from pathlib import Path

from evals.harness import Bench, build_library
from evals.samples import FOLDER
from rag.answer.ask import ask
from rag.models.llm import chat_model
from rag.store.lru import ByteCache
from rag.types import Done, Role, Scope, User
from tests.stand_in.ollama import OllamaStandIn

QUESTIONS = (
    "Was bedeutet E-104 am Kompressor?",
    "Wie wechsle ich das Kompressorenöl?",
    "What is the working pressure of the HP 160?",
)
_SOMEBODY = User("u1", "somebody", Role.TECHNICIAN)
_CACHE_BYTES = 8 * 1024 * 1024


async def _measure(bench: Bench, times: int) -> dict[str, object]:
    bench.cache = ByteCache(_CACHE_BYTES, ttl_s=3600)
    first: list[float] = []
    again: list[float] = []
    with OllamaStandIn(pause_s=0.02) as ollama:
        bench.settings = bench.settings.model_copy(update={"ollama_base_url": ollama.url})
        bench.llm = chat_model(bench.settings)
        for question in QUESTIONS:
            first.append(await _ms(question, bench))
            again += [await _ms(question, bench, kept=True) for _ in range(times)]
    again.sort()
    return {
        "first_ms": [round(ms, 1) for ms in first],
        "again_ms": {
            "p50": round(statistics.median(again), 2),
            "p95": round(again[int(0.95 * len(again))], 2),
            "max": round(again[-1], 2),
        },
        "kept_answers": len(bench.cache),
        "bytes_per_answer": bench.cache.size // max(1, len(bench.cache)),
        "load": round(os.getloadavg()[0], 1),
    }


async def _ms(question: str, bench: Bench, *, kept: bool = False) -> float:
    begun = time.perf_counter()
    asked = ask(question, user=_SOMEBODY, scope=Scope(), history=(), services=bench)  # type: ignore[arg-type]
    last = [event async for event in asked][-1]
    ms = (time.perf_counter() - begun) * 1000
    if not isinstance(last, Done) or ("cached" in last.answer.provenance) is not kept:
        raise RuntimeError(f"not as expected: {question}: {last}")
    return ms


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m evals.repeated", description=__doc__)
    parser.add_argument("--times", type=int, default=50, help="repetitions of each question")
    parser.add_argument("--json", type=Path, help="write the figures there")
    arguments = parser.parse_args()
    bench = build_library(FOLDER)
    try:
        found = asyncio.run(_measure(bench, arguments.times))
    finally:
        bench.close()
    text = json.dumps(found, indent=1)
    sys.stdout.write(text + "\n")
    if arguments.json:
        arguments.json.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
