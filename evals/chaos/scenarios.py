"""What surrounds the app, broken in turn: language model, Qdrant, MLflow, disk, clock."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from evals.chaos.app import App
from evals.chaos.clock import clock_jumps, open_clock
from evals.chaos.language_model import ollama_garbage, ollama_killed, ollama_slow
from evals.chaos.surroundings import (
    NOBODY,
    RECOVERED_S,
    Row,
    Surroundings,
    ended,
    row_of,
)
from tests.manual_files import small_manual
from tests.ports import free_port
from tests.stand_in.ollama import OllamaStandIn
from tests.stand_in.qdrant import QdrantStandIn


async def disk_full(around: Surroundings) -> list[Row]:
    """No file of the app may grow, for some seconds: what a full disk is, for writes that count."""
    assert around.app.process is not None
    process = around.app.process.pid
    before = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (4096, before[1]))
    answer, seconds = await around.ask()
    refused = await around.app.upload("Voll.pdf", small_manual("Voll 1", "A", "Kein Platz."))
    resource.prlimit(process, resource.RLIMIT_FSIZE, before)
    after, after_s = await around.ask()
    taken = await around.app.upload("Voll.pdf", small_manual("Voll 1", "A", "Wieder Platz."))
    return [
        row_of("disk full: a question", "answered", answer, seconds, answer.get("mode") == "llm"),
        Row(
            "disk full: an upload",
            "refused with a reason",
            f"{refused.status_code} {refused.json().get('detail', '')[:60]}",
            0.0,
            refused.status_code == 503 and "disk" in refused.text,
        ),
        row_of("room again: a question", "answered", after, after_s, after.get("mode") == "llm"),
        Row("room again: an upload", "202", str(taken.status_code), 0.0, taken.status_code == 202),
    ]


async def disk_nearly_full(around: Surroundings) -> list[Row]:
    """``MIN_FREE_MB`` above what is free."""
    answer, seconds = await around.ask()
    refused = await around.app.upload("Knapp.pdf", small_manual("Knapp 1", "A", "Wenig Platz."))
    return [
        row_of(
            "disk nearly full: a question", "answered", answer, seconds, answer["status"] == 200
        ),
        Row(
            "disk nearly full: an upload",
            "503 with sizes",
            f"{refused.status_code} {refused.json().get('detail', '')[:60]}",
            0.0,
            refused.status_code == 503 and "MB are free" in refused.text,
        ),
    ]


async def mlflow_away(around: Surroundings) -> list[Row]:
    answer, seconds = await around.ask()
    ok = answer["status"] == 200 and answer.get("mode") == "llm"
    return [row_of("MLflow away", "answered", answer, seconds, ok)]


async def qdrant_killed(around: Surroundings) -> list[Row]:
    assert around.qdrant is not None
    sentence = "Die Zykloidschraube wird mit 21 Nm angezogen."
    accepted = await around.app.upload("Kran.pdf", small_manual("Kran 7", "A", sentence))
    job = await ended(around.app, accepted.json()["id"])
    before, before_s = await around.ask()
    await asyncio.to_thread(around.qdrant.stop)
    away, away_s = await around.ask()
    second = await around.app.upload("Kran B.pdf", small_manual("Kran 8", "A", sentence))
    await asyncio.sleep(3)
    await asyncio.to_thread(around.qdrant.start)
    late = await ended(around.app, second.json()["id"])
    begun = time.monotonic()
    while "Qdrant" in (after := (await around.ask())[0]).get("text", ""):  # noqa: ASYNC110
        await asyncio.sleep(0.3)
    return [
        Row("Qdrant: upload", "done", job["status"], 0.0, job["status"] == "done"),
        row_of("Qdrant: question", "answered", before, before_s, "Qdrant" not in before["text"]),
        row_of(
            "Qdrant killed: question",
            "by words, and says so",
            away,
            away_s,
            "Qdrant" in away.get("text", "") and bool(away["citations"]) and away_s < 5,
        ),
        Row(
            "Qdrant killed for 3 s during an upload",
            "waits, then done",
            late["status"],
            0.0,
            late["status"] == "done",
        ),
        row_of(
            "Qdrant is back",
            f"all of it within {RECOVERED_S:.0f} s",
            after,
            time.monotonic() - begun,
            time.monotonic() - begun < RECOVERED_S,
        ),
    ]


Scenario = Callable[[Surroundings], Awaitable[list[Row]]]


async def run_scenarios(data_dir: Path, passwords: dict[str, str]) -> list[Row]:
    """All of them, each group on an app of its own settings over the same data."""
    free = free_port()
    groups: list[tuple[dict[str, str], list[Scenario]]] = [
        (
            {"OLLAMA_FIRST_TOKEN_TIMEOUT_S": "3"},
            [ollama_killed, ollama_slow, ollama_garbage, disk_full],
        ),
        (
            {"MLFLOW_TRACKING_URI": NOBODY, "MIN_FREE_MB": "100000000"},
            [mlflow_away, disk_nearly_full],
        ),
        ({"QDRANT_URL": f"http://127.0.0.1:{free}"}, [qdrant_killed]),
        ({"QUESTIONS_PER_MINUTE": "60"}, [clock_jumps]),
    ]
    rows: list[Row] = []
    for settings, scenarios in groups:
        settings = {"HYDE": "never", "LANG": "C", **settings}
        rows += await _group(App(data_dir, settings, passwords=passwords), scenarios, free)
    return rows


async def _group(app: App, scenarios: list[Scenario], port: int) -> list[Row]:
    rows: list[Row] = []
    folder = app.data_dir.parent
    qdrant = QdrantStandIn(folder / "qdrant", port) if "QDRANT_URL" in app.settings else None
    clock = open_clock(folder) if clock_jumps in scenarios else None
    ollama = OllamaStandIn()
    await asyncio.to_thread(ollama.start)
    app.settings |= {"OLLAMA_BASE_URL": ollama.url, **(clock.environment if clock else {})}
    # Start order does not matter: the app comes first, Qdrant after it.
    await asyncio.to_thread(app.start)
    if qdrant is not None:
        await asyncio.to_thread(qdrant.start)
    around = Surroundings(app, ollama, qdrant, clock)
    try:
        await around.until_mode("llm")
        for scenario in scenarios:
            rows += await scenario(around)
        code = await asyncio.to_thread(app.stop)
        rows.append(Row("SIGTERM", "exit code 0", str(code), 0.0, code == 0))
    finally:
        if app.process is not None and app.process.poll() is None:
            app.kill()
        if qdrant is not None:
            await asyncio.to_thread(qdrant.stop)
        await asyncio.to_thread(around.ollama.stop)  # perhaps another one by now
    return rows
