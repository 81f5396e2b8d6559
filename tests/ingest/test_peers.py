"""One queue of several processes: each job in one of them, and none lost with one of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine

from rag.ingest.jobs import Job, JobQueue, JobStatus
from rag.ingest.peers import Peers
from rag.settings import Settings
from rag.store.database import open_database
from rag.store.job_table import JobTable
from rag.store.processes import Processes, take_turn
from rag.types import ManualMetadata
from tests.ingest.parts import make_pdf, open_parts
from tests.postgres import Postgres, on
from tests.store.fake_embedder import WordEmbedder


@pytest.fixture
def table(tmp_path: Path, database_url: str) -> Iterator[JobTable]:
    engine = open_database(on(Settings(data_dir=tmp_path), database_url))
    yield JobTable(engine, tmp_path)
    engine.dispose()


@pytest.fixture
def engine(tmp_path: Path, postgres: Postgres) -> Iterator[Engine]:
    engine = open_database(on(Settings(data_dir=tmp_path), postgres.migrated()))
    yield engine
    engine.dispose()


def job(number: int) -> Job:
    return Job(f"{number:02}", Path(f"{number:02}.pdf"), ManualMetadata(), created_at=f"{number}")


def test_a_job_is_taken_once(table: JobTable) -> None:
    for number in range(12):
        table.add(job(number))
    with ThreadPoolExecutor(4) as threads:
        taken = list(threads.map(lambda n: table.take_next(f"worker {n % 4}"), range(16)))
    found = [one for one in taken if one is not None]
    assert sorted(one.id for one in found) == [f"{number:02}" for number in range(12)]
    assert {one.status for one in found} == {JobStatus.RUNNING}
    assert {one.attempts for one in found} == {1}


def test_a_job_is_written_by_its_worker_only(table: JobTable) -> None:
    table.add(job(1))
    mine = table.take_next("mine")
    assert mine is not None
    assert table.save(mine) == "saved"
    assert table.requeue(["mine", "other"]) == 0
    assert table.requeue(["other"]) == 1
    assert table.save(mine) == "taken over"
    theirs = table.take_next("other")
    assert theirs is not None
    assert (theirs.id, theirs.attempts) == (mine.id, 2)
    assert table.save(mine) == "taken over"
    assert table.ask_to_stop(mine.id)
    assert table.save(theirs) == "stop"
    assert not table.cancel_queued(mine.id)
    assert table.requeue([]) == 0  # asked to stop, and over with its worker
    ended = table.get(mine.id)
    assert ended is not None
    assert ended.status is JobStatus.CANCELLED


def test_the_living_are_seen_and_the_dead_are_not(engine: Engine, postgres: Postgres) -> None:
    first, second = Processes(engine), Processes(engine)
    assert first.alive() == {first.name}
    assert second.alive() == first.alive() == {first.name, second.name}
    second.leave()
    assert first.alive() == {first.name}
    postgres.stop()
    with pytest.raises(Exception, match=r"terminat|connection|server"):
        first.alive()
    postgres.start()
    assert first.alive() == {first.name}
    first.leave()


def test_a_turn_is_of_one_at_a_time(engine: Engine) -> None:
    mine = take_turn(engine, "vectors")
    assert mine is not None
    assert take_turn(engine, "vectors") is None
    other = take_turn(engine, "start")
    assert other is not None
    mine.close()
    again = take_turn(engine, "vectors")
    assert again is not None
    for one in (other, again):
        one.close()


def test_what_the_dead_have_left_is_taken_up_after_some_looks(
    engine: Engine, tmp_path: Path
) -> None:
    table = JobTable(engine, tmp_path)
    dead, living = Processes(engine), Processes(engine)
    dead.alive()
    living.alive()
    table.add(job(1))
    assert table.take_next(dead.name) is not None
    peers = Peers(living, table)
    assert [peers.look() for _ in range(4)] == [0, 0, 0, 0]
    dead.leave()
    assert peers.look() == 0
    dead.alive()  # the database was away for a moment
    assert [peers.look() for _ in range(3)] == [0, 0, 0]
    dead.leave()
    assert [peers.look() for _ in range(4)] == [0, 0, 1, 0]
    assert table.take_next(living.name) is not None
    living.leave()


class HeldEmbedder(WordEmbedder):
    """Embeds once it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.go.wait()
        return super().embed_documents(texts)


@pytest.mark.slow
async def test_a_job_of_another_process_is_watched_and_stopped(
    tmp_path: Path, postgres: Postgres
) -> None:
    embedder = HeldEmbedder()
    parts = open_parts(tmp_path / "data", embedder, database_url=postgres.migrated())
    first, second = JobQueue(parts), JobQueue(parts)
    await first.start()
    try:
        pdf = await asyncio.to_thread(make_pdf, tmp_path / "one.pdf", "K 7", pages=2)
        job = await first.enqueue(pdf, ManualMetadata())
        async for one in second.watch(job.id):
            if one.stage == "embedding":
                break
        table = JobTable(parts.database, tmp_path)
        assert await asyncio.to_thread(table.ask_to_stop, job.id)
        cancelling = asyncio.create_task(second.cancel(job.id))
        embedder.go.set()
        ended = await cancelling
        assert ended.status is JobStatus.CANCELLED
        assert parts.library.manuals() == []
        again = await second.enqueue(pdf, ManualMetadata())
        assert [one.status async for one in second.watch(again.id)][-1] is JobStatus.DONE
    finally:
        embedder.go.set()
        await first.stop()
        await second.stop()
        parts.close()
