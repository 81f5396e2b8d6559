"""kill -9 of the app at random moments of mixed load: what it had acknowledged must be there."""

from __future__ import annotations

import asyncio
import random
import time

from evals.chaos.app import App
from evals.chaos.mixed_load import DRAFTS, Acknowledged, load
from evals.chaos.remains import half_visible, jobs_of, manuals_of, points, ratings_of
from evals.chaos.surroundings import RECOVERED_S, Row
from tests.stand_in.ollama import OllamaStandIn

_LEAST_S, _MOST_S = 0.3, 5.0


async def run_kills(app: App, kills: int, seed: int) -> list[Row]:
    """With the same seed: the same load, and as long until each kill."""
    try:
        return await _run(app, kills, seed)
    finally:
        if app.process is not None and app.process.poll() is None:
            app.kill()


async def _run(app: App, kills: int, seed: int) -> list[Row]:
    chance = random.Random(seed)
    told = Acknowledged()
    rows: list[Row] = []
    starts: list[float] = []
    with OllamaStandIn(pause_s=0.02) as ollama:
        app.settings |= {"OLLAMA_BASE_URL": ollama.url, "HYDE": "never", "CACHE_MB": "0"}
        for number in range(1, kills + 1):
            rows.append(await _start(app, f"start {number}", starts))
            await load(app, told, chance, chance.uniform(_LEAST_S, _MOST_S))
            half = await asyncio.to_thread(half_visible, app.data_dir)
            rows.append(
                Row(f"kill {number}", "nothing half-visible", half or "nothing", 0.0, not half)
            )
        rows.append(await _start(app, "start after the last kill", starts))
        rows += await _look(app, told)
        code = await asyncio.to_thread(app.stop)
        rows.append(Row("SIGTERM", "exit code 0", str(code), 0.0, code == 0))
    rows.append(await asyncio.to_thread(points, app.data_dir))
    worst = f"{len(starts)} starts, the worst"
    within = f"within {RECOVERED_S:.0f} s"
    return [*rows, Row("recovery", within, worst, max(starts), max(starts) < RECOVERED_S)]


async def _start(app: App, name: str, starts: list[float]) -> Row:
    """From the start of the process until it is ready and has answered."""
    await asyncio.to_thread(app.start)
    async with app.client() as client:
        while (await client.get(f"{app.address}/ready")).status_code != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    response, _ = await app.ask("Was bedeutet E-104 am Kompressor?")
    response.raise_for_status()
    seconds = time.monotonic() - app.started_at
    starts.append(seconds)
    seen = f"ready and answered, {app.cpu_seconds():.1f} s of processor"
    return Row(name, f"within {RECOVERED_S:.0f} s", seen, seconds, seconds < RECOVERED_S)


async def _look(app: App, told: Acknowledged) -> list[Row]:
    """Whether all that was acknowledged is there, once the queue has run dry."""
    lost: list[str] = []
    jobs = await _ended_jobs(app)
    for job_id in told.jobs:
        status, told.manuals[job_id] = jobs.get(job_id, ("lost", ""))
        if status != "done":
            lost.append(f"{job_id}: {status}")
    gone = told.deleted | told.unsure
    here = {job for job, manual in told.manuals.items() if manual not in gone}
    library = await asyncio.to_thread(manuals_of, app.data_dir)
    lost += [job for job in here if told.manuals[job] not in library]
    back = told.deleted & library
    unfound = await _unfound(app, [told.jobs[job] for job in sorted(here)][-3:])
    async with app.log_in("admin") as admin:
        listed = {one["id"] for one in (await admin.get(DRAFTS)).json()["drafts"]}
    missing = told.drafts.keys() - listed
    back |= told.deleted & listed
    kept = await asyncio.to_thread(ratings_of, app.data_dir)
    unrated = [one for one, value in told.ratings.items() if kept.get(one) != value]
    half = await asyncio.to_thread(half_visible, app.data_dir)
    return [
        _row("ratings acknowledged", f"all {len(told.ratings)} kept", unrated),
        _row("uploads acknowledged", f"all {len(told.jobs)} done, {len(here)} still here", lost),
        _row("the last uploads", "found by a question", unfound),
        _row("drafts acknowledged", f"all {len(told.drafts)} listed", sorted(missing)),
        _row("deletions acknowledged", f"all {len(told.deleted)} stay deleted", sorted(back)),
        Row("the library", "nothing half-visible", half or "nothing", 0.0, not half),
        Row("answers given meanwhile", "more than none", str(told.answers), 0.0, told.answers > 0),
    ]


async def _ended_jobs(app: App) -> dict[str, tuple[str, str]]:
    """All jobs, once none is waiting or at work."""
    while True:
        jobs = await asyncio.to_thread(jobs_of, app.data_dir)
        if not {"queued", "running"} & {status for status, _ in jobs.values()}:
            return jobs
        await asyncio.sleep(0.3)


async def _unfound(app: App, sentences: list[str]) -> list[str]:
    unfound = []
    for sentence in sentences:
        code = sentence.split()[2]
        response, _ = await app.ask(f"Mit wie viel Nm wird die Schraube {code} angezogen?")
        if code not in str(response.json().get("citations")):
            unfound.append(code)
    return unfound


def _row(name: str, expected: str, wrong: list[str]) -> Row:
    return Row(name, expected, "; ".join(wrong)[:90] or "so it is", 0.0, not wrong)
