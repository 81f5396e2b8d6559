"""kill -9 of the app at random moments of mixed load: what it had acknowledged must be there."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from evals.chaos.app import App
from evals.chaos.scenarios import RECOVERED_S, Row, ended
from rag.models.embedder import load_embedder
from rag.settings import Settings
from rag.store.vectors import open_vectors
from tests.manual_files import small_manual
from tests.stand_in.ollama import OllamaStandIn

_ASKING = 3
_LEAST_S, _MOST_S = 0.3, 5.0


@dataclass
class Acknowledged:
    """What the app said that it had."""

    answers: int = 0
    ratings: dict[str, int] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)
    """The sentence that stands in each manual, by job."""


async def _asks(app: App, told: Acknowledged, chance: random.Random) -> None:
    """Asks and rates, again and again, until the app is gone."""
    async with app.client() as client:
        while True:
            question = f"Was bedeutet E-104 am Kompressor? (Schicht {chance.randrange(10**6)})"
            response = await client.post("/query", json={"question": question})
            response.raise_for_status()
            told.answers += 1
            rating = {"answer_id": response.json()["id"], "value": chance.randrange(2)}
            (await client.post("/feedback", json=rating)).raise_for_status()
            told.ratings[rating["answer_id"]] = rating["value"]


async def _uploads(app: App, told: Acknowledged, chance: random.Random) -> None:
    while True:
        number = chance.randrange(10**9)
        sentence = f"Die Schraube S-{number} wird mit 21 Nm angezogen."
        content = small_manual(f"Kran {number}", "A", sentence)
        response = await app.upload(f"Kran {number}.pdf", content)
        response.raise_for_status()
        told.jobs[response.json()["id"]] = sentence
        await asyncio.sleep(chance.uniform(0.2, 1.5))


async def _load(app: App, told: Acknowledged, chance: random.Random, seconds: float) -> None:
    """Mixed load for a while, then the kill in the middle of it."""
    working = [asyncio.create_task(_asks(app, told, chance)) for _ in range(_ASKING)]
    working.append(asyncio.create_task(_uploads(app, told, chance)))
    await asyncio.sleep(seconds)
    for task in working:
        if task.done():
            task.result()  # nobody may have failed before the kill
    app.kill()
    for task in working:
        with contextlib.suppress(httpx.HTTPError):
            await task


async def run_kills(data_dir: Path, kills: int, seed: int) -> list[Row]:
    chance = random.Random(seed)
    told = Acknowledged()
    rows: list[Row] = []
    with OllamaStandIn(pause_s=0.02) as ollama:
        settings = {"OLLAMA_BASE_URL": ollama.url, "HYDE": "never", "CACHE_MB": "0"}
        app = App(data_dir, settings)
        for number in range(1, kills + 1):
            await asyncio.to_thread(app.start)
            seconds = await _first_answer(app)
            rows.append(_started(f"start {number}", app, seconds))
            await _load(app, told, chance, chance.uniform(_LEAST_S, _MOST_S))
            half = await asyncio.to_thread(half_visible, data_dir)
            rows.append(
                Row(f"kill {number}", "nothing half-visible", half or "nothing", 0.0, not half)
            )
        await asyncio.to_thread(app.start)
        seconds = await _first_answer(app)
        rows.append(_started("start after the last kill", app, seconds))
        rows += await _look(app, told, data_dir)
        code = await asyncio.to_thread(app.stop)
        rows.append(Row("SIGTERM", "exit code 0", str(code), 0.0, code == 0))
    rows.append(await asyncio.to_thread(_vectors, data_dir))
    return rows


def _started(name: str, app: App, seconds: float) -> Row:
    cpu = f"answered, {app.cpu_seconds():.1f} s of processor"
    return Row(name, f"answers within {RECOVERED_S:.0f} s", cpu, seconds, seconds < RECOVERED_S)


async def _first_answer(app: App) -> float:
    """Seconds from the start of the process to its first answer."""
    response, _ = await app.ask("Was bedeutet E-104 am Kompressor?")
    response.raise_for_status()
    return time.monotonic() - app.started_at


async def _look(app: App, told: Acknowledged, data_dir: Path) -> list[Row]:
    """Whether all that was acknowledged is there, once the queue has run dry."""
    lost: list[str] = []
    for job_id in told.jobs:
        job = await ended(app, job_id)
        if job.get("status") != "done":
            lost.append(f"{job_id}: {job.get('status')} {job.get('error')}")
    unfound = []
    for sentence in list(told.jobs.values())[-3:]:
        code = sentence.split()[2]
        response, _ = await app.ask(f"Mit wie viel Nm wird die Schraube {code} angezogen?")
        if code not in str(response.json().get("citations")):
            unfound.append(code)
    with contextlib.closing(sqlite3.connect(data_dir / "millwright.db")) as database:
        kept = dict(database.execute("SELECT answer_id, value FROM ratings"))
    gone = [one for one, value in told.ratings.items() if kept.get(one) != value]
    half = await asyncio.to_thread(half_visible, data_dir)
    return [
        Row("ratings acknowledged", f"all {len(told.ratings)}", f"{len(gone)} lost", 0.0, not gone),
        Row(
            "uploads acknowledged",
            f"all {len(told.jobs)} in the library",
            "; ".join(lost)[:90] or "all",
            0.0,
            not lost,
        ),
        Row("the last uploads", "found by a question", str(unfound or "found"), 0.0, not unfound),
        Row("the library", "nothing half-visible", half or "nothing", 0.0, not half),
        Row("answers given meanwhile", "more than none", str(told.answers), 0.0, told.answers > 0),
    ]


def half_visible(data_dir: Path) -> str:
    """What is wrong with the database and what can be found in it; empty when nothing is."""
    wrong = []
    with contextlib.closing(sqlite3.connect(data_dir / "millwright.db")) as database:
        sound = database.execute("PRAGMA integrity_check").fetchone()[0]
        if sound != "ok":
            wrong.append(sound)
        wrong += [f"foreign key {row}" for row in database.execute("PRAGMA foreign_key_check")]
        active = database.execute(
            "SELECT id, title, pages, chunks, sha256, file_name FROM manuals WHERE status='active'"
        ).fetchall()
        for manual_id, title, pages, chunks, sha256, _ in active:
            for table, expected in (("pages", pages), ("chunks", chunks)):
                query = f"SELECT count(*) FROM {table} WHERE manual_id = ?"
                (count,) = database.execute(query, (manual_id,)).fetchone()
                if count != expected:
                    wrong.append(f"{title}: {count} of {expected} {table}")
            if not list((data_dir / "manuals").glob(f"*{sha256}*")) and not list(
                (data_dir / "manuals").glob(f"*{manual_id}*")
            ):
                wrong.append(f"{title}: no file")
    return "; ".join(wrong)[:200]


def _vectors(data_dir: Path) -> Row:
    """Every active manual has all its points, and nobody else has any."""
    settings = Settings(data_dir=data_dir)
    vectors = open_vectors(settings, load_embedder(settings))
    counts = vectors.counts()
    vectors.close()
    with contextlib.closing(sqlite3.connect(data_dir / "millwright.db")) as database:
        expected = dict(database.execute("SELECT id, chunks FROM manuals WHERE chunks > 0"))
    wrong = len(set(counts.items()) ^ set(expected.items()))
    return Row(
        "points in the index", f"of {len(expected)} manuals", f"{wrong} differ", 0.0, not wrong
    )
