"""The queue with the real worker, database and engine."""

from __future__ import annotations

import asyncio
import resource
import threading
from pathlib import Path

import pytest

from rag.errors import BadFile, RagError
from rag.ingest.jobs import Job, JobQueue, JobStatus
from rag.store.library import Library
from rag.types import Manual, ManualMetadata, Scope
from tests.ingest.parts import Parts, finished, make_pdf, open_parts
from tests.store.fake_embedder import WordEmbedder

pytestmark = pytest.mark.slow
_TOO_LARGE = 4 * 1024 * 1024  # more than the database of these tests


async def stage_of(queue: JobQueue, job: Job, stage: str) -> None:
    async with asyncio.timeout(60):
        async for current in queue.watch(job.id):
            if current.stage == stage:
                return


def uploads(parts: Parts) -> list[Path]:
    return list((parts.settings.data_dir / "uploads").iterdir())


async def test_manuals_are_ingested_one_after_the_other(
    queue: JobQueue, parts: Parts, tmp_path: Path
) -> None:
    jobs = []
    for name in ("A", "B", "C"):
        path = make_pdf(tmp_path / f"{name}.pdf", name, pages=2)
        jobs.append(await queue.enqueue(path, ManualMetadata(machine=name)))
        path.unlink()  # the copy is what counts

    order: list[str] = []

    async def follow(job: Job) -> Job:
        last = await finished(queue, job)
        order.append(job.id)
        return last

    ended = await asyncio.gather(*(follow(job) for job in jobs))
    assert [job.status for job in ended] == [JobStatus.DONE] * 3
    assert order == [job.id for job in jobs]
    assert {job.manual_id for job in ended} == parts.library.active_ids(Scope())
    assert parts.library.machines() == ["A", "B", "C"]
    assert uploads(parts) == []
    assert [job.id for job in await queue.jobs()] == [job.id for job in reversed(jobs)]


async def test_a_watcher_sees_the_stages_in_order(queue: JobQueue, tmp_path: Path) -> None:
    job = await queue.enqueue(make_pdf(tmp_path / "a.pdf", "A", pages=30), ManualMetadata())
    seen = [current async for current in queue.watch(job.id)]
    stages = list(dict.fromkeys(current.stage for current in seen))
    assert stages[-1] == "publishing"
    order = ["queued", "checking", "reading", "embedding", "publishing"]
    assert stages == sorted(stages, key=order.index)
    pages = [current.done for current in seen if current.stage == "reading"]
    assert pages == sorted(pages)
    assert pages[-1] == 30
    assert seen[-1].status is JobStatus.DONE
    assert [again async for again in queue.watch(job.id)] == [await queue.job(job.id)]


async def test_a_file_that_is_no_manual_never_becomes_a_job(
    queue: JobQueue, parts: Parts, tmp_path: Path
) -> None:
    path = tmp_path / "notes.pdf"
    path.write_text("notes")
    with pytest.raises(BadFile) as caught:
        await queue.enqueue(path, ManualMetadata())
    assert caught.value.key == "error.not_a_pdf"
    assert (await queue.jobs(), uploads(parts)) == ([], [])


async def test_a_failed_job_says_why_and_the_queue_goes_on(
    queue: JobQueue, parts: Parts, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\n" + b"x" * 1000)
    first = await queue.enqueue(broken, ManualMetadata())
    second = await queue.enqueue(make_pdf(tmp_path / "a.pdf", "A", pages=1), ManualMetadata())
    third = await queue.enqueue(tmp_path / "a.pdf", ManualMetadata())
    failed, good, known = [await finished(queue, job) for job in (first, second, third)]
    assert (failed.status, failed.error_key) == (JobStatus.FAILED, "error.pdf_damaged")
    assert good.status is JobStatus.DONE
    assert (known.status, known.error_key) == (JobStatus.FAILED, "error.already_in_library")
    assert known.error_values["manual_id"] == good.manual_id
    assert uploads(parts) == []
    with pytest.raises(RagError, match="job_not_retryable"):
        await queue.retry(first.id)
    await queue.forget(first.id)
    with pytest.raises(RagError, match="job_unknown"):
        await queue.job(first.id)


async def test_cancelling_a_running_and_a_waiting_job(
    queue: JobQueue, parts: Parts, tmp_path: Path
) -> None:
    running = await queue.enqueue(make_pdf(tmp_path / "a.pdf", "A", pages=150), ManualMetadata())
    waiting = await queue.enqueue(make_pdf(tmp_path / "b.pdf", "B", pages=1), ManualMetadata())
    last = await queue.enqueue(make_pdf(tmp_path / "c.pdf", "C", pages=1), ManualMetadata())
    await stage_of(queue, running, "reading")
    assert (await queue.cancel(waiting.id)).status is JobStatus.CANCELLED
    assert (await queue.cancel(running.id)).status is JobStatus.CANCELLED
    done = await finished(queue, last)
    assert done.status is JobStatus.DONE
    assert (await queue.cancel(last.id)).status is JobStatus.DONE, "too late changes nothing"
    assert parts.library.active_ids(Scope()) == {done.manual_id}
    assert uploads(parts) == []


async def test_a_failure_that_may_pass_can_be_retried(
    queue: JobQueue, parts: Parts, tmp_path: Path
) -> None:
    folder = parts.library.folder
    folder.write_text("in the way")  # the manuals' folder cannot be made
    job = await queue.enqueue(make_pdf(tmp_path / "a.pdf", "A", pages=1), ManualMetadata())
    failed = await finished(queue, job)
    assert (failed.status, failed.error_key) == (JobStatus.FAILED, "error.job_failed")
    folder.unlink()
    await queue.retry(job.id)
    assert (await finished(queue, job)).status is JobStatus.DONE


async def test_a_full_disk_is_said_and_a_retry_goes_on_when_there_is_room(
    parts: Parts, tmp_path: Path
) -> None:
    """A limit on the size of files stands for the full disk: the same error at the same call."""
    path = make_pdf(tmp_path / "a.pdf", "A", pages=1)
    with path.open("ab") as file:
        file.write(b"\n%" + b"x" * _TOO_LARGE)
    queue = JobQueue(parts)
    job = await queue.enqueue(path, ManualMetadata(machine="A"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_TOO_LARGE, hard))
    try:
        await queue.start()
        failed = await finished(queue, job)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (failed.status, failed.error_key) == (JobStatus.FAILED, "error.disk_full")
    assert failed.retryable
    assert uploads(parts) == [job.file_path], "the file is kept"
    assert (parts.library.manuals(), list(parts.library.folder.iterdir())) == ([], [])
    await queue.retry(job.id)
    assert (await finished(queue, job)).status is JobStatus.DONE
    assert uploads(parts) == []
    await queue.stop()


class WatchedLibrary(Library):
    """Says when it has looked for manuals whose day has come."""

    looked = threading.Event()

    def activate_due(self) -> list[Manual]:
        due = super().activate_due()
        self.looked.set()
        return due


async def test_a_revision_that_is_due_is_published_at_the_start(
    parts: Parts, tmp_path: Path
) -> None:
    day = "2026-01-01"
    library = WatchedLibrary(parts.database, lambda: day)
    services = Parts(parts.settings, parts.database, library, parts.vectors)
    queue = JobQueue(services)
    await queue.start()
    about = ManualMetadata(machine="A", type="T", revision="1", valid_from="2026-02-01")
    job = await queue.enqueue(make_pdf(tmp_path / "a.pdf", "A", pages=1), about)
    manual_id = (await finished(queue, job)).manual_id
    await queue.stop()
    assert library.active_ids(Scope()) == frozenset()
    day = "2026-02-01"
    library.looked.clear()
    await (again := JobQueue(services)).start()
    assert await asyncio.to_thread(library.looked.wait, 60)
    assert library.active_ids(Scope()) == {manual_id}
    await again.stop()


async def test_stopping_keeps_the_job_for_the_next_start(parts: Parts, tmp_path: Path) -> None:
    first = JobQueue(parts)
    await first.start()
    job = await first.enqueue(make_pdf(tmp_path / "a.pdf", "A", pages=150), ManualMetadata())
    await stage_of(first, job, "reading")
    await first.stop()
    assert parts.library.manuals() == []
    second = JobQueue(parts)
    await second.start()
    done = await finished(second, job)
    assert (done.status, done.attempts) == (JobStatus.DONE, 2)
    await second.stop()
    assert uploads(parts) == []


async def test_a_new_embedding_model_reindexes_in_the_background(
    parts: Parts, tmp_path: Path
) -> None:
    queue = JobQueue(parts)
    await queue.start()
    job = await queue.enqueue(make_pdf(tmp_path / "a.pdf", "A", pages=5), ManualMetadata())
    manual_id = (await finished(queue, job)).manual_id
    assert manual_id is not None
    await queue.stop()
    parts.close()

    again = open_parts(parts.settings.data_dir, embedder=WordEmbedder(seed=7))
    assert again.vectors.needs_reindex(again.library)
    second = JobQueue(again)
    await second.start()
    another = await second.enqueue(make_pdf(tmp_path / "b.pdf", "B", pages=1), ManualMetadata())
    await finished(second, another)
    assert second.reindexing is None
    assert not again.vectors.needs_reindex(again.library)
    await second.stop()
    again.close()
