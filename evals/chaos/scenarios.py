"""What surrounds the app, broken in turn: the language model, Qdrant, MLflow, the disk."""

from __future__ import annotations

import asyncio
import resource
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.chaos.app import App
from tests.manual_files import small_manual
from tests.stand_in.ollama import Failure, OllamaStandIn, Reply
from tests.stand_in.qdrant import QdrantStandIn

AT_ONCE_S = 2.0
RECOVERED_S = 10.0
NOBODY = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    expected: str
    seen: str
    seconds: float
    ok: bool


@dataclass
class Surroundings:
    """The app and what it leans on."""

    app: App
    ollama: OllamaStandIn
    qdrant: QdrantStandIn | None = None
    _asked: int = 0

    async def ask(self) -> tuple[dict[str, Any], float]:
        """A question that nobody has asked before, so that no kept answer comes."""
        self._asked += 1
        response, seconds = await self.app.ask(
            f"Wie viel Kompressorenöl wird beim SK 37 eingefüllt? (Meldung {self._asked})"
        )
        answer: dict[str, Any] = response.json()
        return {"status": response.status_code, **answer}, seconds

    async def until_mode(self, mode: str) -> float:
        """Ask until the answer is of this mode; the seconds it took."""
        begun = time.monotonic()
        while time.monotonic() - begun < 60:
            answer, _ = await self.ask()
            if answer.get("mode") == mode:
                break
            await asyncio.sleep(0.3)
        return time.monotonic() - begun


def _row(name: str, expected: str, answer: dict[str, Any], seconds: float, ok: bool) -> Row:
    seen = answer.get("mode") or f"{answer.get('status')} {answer.get('title', '')}"
    return Row(name, expected, str(seen), seconds, ok)


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
        _row(
            "Ollama killed in mid-answer",
            "completed by quotation",
            cut,
            cut_s,
            cut.get("mode") == "completed_by_quote",
        ),
        _row(
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
        _row(
            "Ollama too slow for the first word",
            "quotation after the limit",
            slow,
            slow_s,
            slow.get("mode") == "completed_by_quote" and slow_s < 3 + AT_ONCE_S,
        ),
        _row(
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
            _row(f"Ollama: {kind} in mid-answer", "completed by quotation", answer, seconds, ok)
        )
        await around.until_mode("llm")  # the breaker counts failures in a row
    around.ollama.enqueue(Failure("busy"))
    answer, seconds = await around.ask()
    rows.append(_row("Ollama busy once", "written", answer, seconds, answer.get("mode") == "llm"))
    return rows


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
        _row("disk full: a question", "answered", answer, seconds, answer.get("mode") == "llm"),
        Row(
            "disk full: an upload",
            "refused with a reason",
            f"{refused.status_code} {refused.json().get('detail', '')[:60]}",
            0.0,
            refused.status_code == 503 and "disk" in refused.text,
        ),
        _row("room again: a question", "answered", after, after_s, after.get("mode") == "llm"),
        Row("room again: an upload", "202", str(taken.status_code), 0.0, taken.status_code == 202),
    ]


async def disk_nearly_full(around: Surroundings) -> list[Row]:
    """``MIN_FREE_MB`` above what is free."""
    answer, seconds = await around.ask()
    refused = await around.app.upload("Knapp.pdf", small_manual("Knapp 1", "A", "Wenig Platz."))
    return [
        _row("disk nearly full: a question", "answered", answer, seconds, answer["status"] == 200),
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
    return [_row("MLflow away", "answered", answer, seconds, ok)]


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
        _row("Qdrant: question", "answered", before, before_s, "Qdrant" not in before["text"]),
        _row(
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
        _row(
            "Qdrant is back",
            f"all of it within {RECOVERED_S:.0f} s",
            after,
            time.monotonic() - begun,
            time.monotonic() - begun < RECOVERED_S,
        ),
    ]


async def ended(app: App, job_id: str) -> dict[str, Any]:
    while (job := await app.job(job_id))["status"] in ("queued", "running"):  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    return job


Scenario = Callable[[Surroundings], Awaitable[list[Row]]]


async def run_scenarios(data_dir: Path) -> list[Row]:
    """All of them, each group on an app of its own settings over the same data."""
    free = _free_port()
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
    ]
    rows: list[Row] = []
    with OllamaStandIn() as ollama:
        for settings, scenarios in groups:
            settings = {"OLLAMA_BASE_URL": ollama.url, "HYDE": "never", "LANG": "C", **settings}
            rows += await _group(data_dir, settings, scenarios, ollama, free)
    return rows


async def _group(
    data_dir: Path,
    settings: dict[str, str],
    scenarios: list[Scenario],
    ollama: OllamaStandIn,
    port: int,
) -> list[Row]:
    rows: list[Row] = []
    qdrant = QdrantStandIn(data_dir.parent / "qdrant", port) if "QDRANT_URL" in settings else None
    # Start order does not matter: the app comes first, Qdrant after it.
    app = await asyncio.to_thread(App(data_dir, settings).start)
    if qdrant is not None:
        await asyncio.to_thread(qdrant.start)
    around = Surroundings(app, ollama, qdrant)
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
        if around.ollama is not ollama:
            await asyncio.to_thread(around.ollama.stop)
            await asyncio.to_thread(ollama.start)
    return rows


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
