"""Asks, ratings, uploads, drafts and deletions at once, and what of them was acknowledged."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass, field

import httpx

from evals.chaos.app import App
from evals.chaos.remains import jobs_of
from tests.manual_files import small_manual

_ASKING = 3
_LATE_S = 2.0
DRAFTS = "/api/admin/drafts"


@dataclass
class Acknowledged:
    """What the app said that it had."""

    answers: int = 0
    ratings: dict[str, int] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)
    """The sentence that stands in each manual, by job."""
    drafts: dict[str, str] = field(default_factory=dict)
    """The same by draft, for those that are neither confirmed nor thrown away."""
    deleted: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    """Manuals and drafts whose deletion or confirmation was under way when the app was killed."""
    manuals: dict[str, str] = field(default_factory=dict)
    """What each job that is done became."""


async def load(app: App, told: Acknowledged, chance: random.Random, seconds: float) -> None:
    """Mixed load for a while, then the kill in the middle of it."""
    work = [_asks] * _ASKING + [_uploads, _drafts, _deletions]
    working = [asyncio.create_task(one(app, told, chance)) for one in work]
    await asyncio.sleep(seconds)
    for task in working:
        if task.done():
            task.result()  # nobody may have failed before the kill
    app.kill()
    await asyncio.wait(working, timeout=_LATE_S)  # for answers that are on their way
    for task in working:
        task.cancel()
        with contextlib.suppress(httpx.TransportError, asyncio.CancelledError):
            await task


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
        name, sentence, content = _manual(chance)
        response = await app.upload(name, content)
        response.raise_for_status()
        told.jobs[response.json()["id"]] = sentence
        await asyncio.sleep(chance.uniform(0.5, 2.0))


async def _drafts(app: App, told: Acknowledged, chance: random.Random) -> None:
    """Sends files to the form; some are confirmed, some thrown away, some stay over the kill."""
    async with app.log_in("admin") as admin:
        while True:
            name, sentence, content = _manual(chance)
            sent = await admin.post(DRAFTS, params={"file_name": name}, content=content)
            sent.raise_for_status()
            told.drafts[sent.json()["draft"]["id"]] = sentence
            if len(told.drafts) > 2:
                await _decide(admin, told, chance)
            await asyncio.sleep(chance.uniform(0.2, 1.0))


async def _decide(admin: httpx.AsyncClient, told: Acknowledged, chance: random.Random) -> None:
    draft = chance.choice(sorted(told.drafts))
    sentence = told.drafts.pop(draft)
    told.unsure.add(draft)
    if chance.random() < 0.5:
        confirmed = await admin.post(f"{DRAFTS}/{draft}", json={"language": "de"})
        confirmed.raise_for_status()
        told.jobs[confirmed.json()["job"]["id"]] = sentence
    else:
        (await admin.delete(f"{DRAFTS}/{draft}")).raise_for_status()
        told.deleted.add(draft)
    told.unsure.discard(draft)


async def _deletions(app: App, told: Acknowledged, chance: random.Random) -> None:
    """Deletes some of the manuals that were uploaded and are done."""
    async with app.client() as client:
        while True:
            await asyncio.sleep(chance.uniform(0.3, 1.5))
            jobs = await asyncio.to_thread(jobs_of, app.data_dir)
            done = {job for job in told.jobs if jobs.get(job, ("",))[0] == "done"}
            told.manuals |= {job: jobs[job][1] for job in done}
            here = sorted(set(told.manuals.values()) - told.deleted - told.unsure)
            if len(here) < 2:
                continue
            manual = chance.choice(here)
            told.unsure.add(manual)
            (await client.delete(f"/manuals/{manual}")).raise_for_status()
            told.deleted.add(manual)
            told.unsure.discard(manual)


def _manual(chance: random.Random) -> tuple[str, str, bytes]:
    """A file's name, the sentence in it that no other has, and its content."""
    number = chance.randrange(10**9)
    sentence = f"Die Schraube S-{number} wird mit 21 Nm angezogen."
    return f"Kran {number}.pdf", sentence, small_manual(f"Kran {number}", "A", sentence)
