"""The language model killed in mid-answer, slow, and talking nonsense."""

from __future__ import annotations

import asyncio

from evals.chaos.surroundings import AT_ONCE_S, RECOVERED_S, Row, Surroundings, row_of
from tests.stand_in.ollama import Failure, OllamaStandIn, Reply


async def ollama_killed(around: Surroundings) -> list[Row]:
    around.ollama.enqueue(Failure("silent", after=6, text="Es werden 24 l Öl eingefüllt und dann"))
    number = len(around.ollama.history) + 1
    running = asyncio.create_task(around.ask())
    request = await asyncio.to_thread(around.ollama.wait_for_request, number, 60)
    await asyncio.to_thread(request.started.wait, 10)
    await asyncio.to_thread(around.ollama.stop)
    cut, cut_s = await running
    away, away_s = await around.ask()
    port = around.ollama.port
    again = OllamaStandIn(port=port)
    await asyncio.to_thread(again.start)
    around.ollama = again
    back_s = await around.until_mode("llm")
    return [
        row_of(
            "Ollama killed in mid-answer",
            "completed by quotation",
            cut,
            cut_s,
            cut.get("mode") == "completed_by_quote",
        ),
        row_of(
            "next question while it is away",
            f"quotation within {AT_ONCE_S:.0f} s",
            away,
            away_s,
            away.get("mode") == "quote" and away_s < AT_ONCE_S,
        ),
        Row(
            "Ollama is back",
            f"written again within {RECOVERED_S:.0f} s",
            "llm",
            back_s,
            back_s < RECOVERED_S,
        ),
    ]


async def ollama_slow(around: Surroundings) -> list[Row]:
    """The first word takes longer than its limit (3 s here)."""
    around.ollama.enqueue(Reply("Es sind 24 l [1].", load_s=60))
    slow, slow_s = await around.ask()
    after, after_s = await around.ask()
    back_s = await around.until_mode("llm")
    return [
        row_of(
            "Ollama too slow for the first word",
            "quotation after the limit",
            slow,
            slow_s,
            slow.get("mode") == "completed_by_quote" and slow_s < 3 + AT_ONCE_S,
        ),
        row_of(
            "next question, breaker open",
            f"quotation within {AT_ONCE_S:.0f} s",
            after,
            after_s,
            after.get("mode") == "quote" and after_s < AT_ONCE_S,
        ),
        Row("breaker half open, trial answers", "written within 20 s", "llm", back_s, back_s < 20),
    ]


async def ollama_garbage(around: Surroundings) -> list[Row]:
    rows = []
    for kind in ("garbage", "error", "cut", "drop"):
        around.ollama.enqueue(Failure(kind, after=5))  # type: ignore[arg-type]
        answer, seconds = await around.ask()
        ok = answer.get("mode") == "completed_by_quote" and bool(answer["citations"])
        rows.append(
            row_of(f"Ollama: {kind} in mid-answer", "completed by quotation", answer, seconds, ok)
        )
        await around.until_mode("llm")  # the breaker counts failures in a row
    around.ollama.enqueue(Failure("busy"))
    answer, seconds = await around.ask()
    rows.append(row_of("Ollama busy once", "written", answer, seconds, answer.get("mode") == "llm"))
    return rows
