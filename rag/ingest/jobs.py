"""The queue of manuals: durable, one at a time, with progress, cancel and retry.

A file is copied first and then recorded, so an accepted job survives a kill at any point. On the
next start what was running waits again and what was half done is swept away; ids follow from the
file, so that doing it again gives the same library.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from rag.errors import RagError, StoreDown
from rag.ingest.calendar import keep_calendar
from rag.ingest.manual import Stores, check_file, in_thread, ingest_manual, sweep, take_file
from rag.ingest.reindex import reindex
from rag.observe.metrics import MANUALS_READ
from rag.store.database import now
from rag.store.disk import require_room
from rag.store.job_table import Job, JobStatus, JobTable
from rag.types import ManualMetadata

__all__ = ["Job", "JobQueue", "JobStatus"]

_log = logging.getLogger(__name__)

# How often progress is written down; watchers see every step.
_SAVE_EVERY_S = 1.0
# A manual that takes the whole process down each time must not do so for ever.
_MOST_ATTEMPTS = 25
_PAUSE_S = 5.0
_PART = ".part"


class QueueServices(Stores, Protocol):
    """The part of ``Services`` that the queue needs."""

    @property
    def database(self) -> Engine: ...


class JobQueue:
    """Lives in one event loop: call ``start`` there, and everything else after it."""

    def __init__(self, services: QueueServices) -> None:
        self._services = services
        self._table = JobTable(services.database)
        self._uploads = services.settings.data_dir / "uploads"
        self._live: dict[str, Job] = {}
        self._cancelled: set[str] = set()
        self._changed = asyncio.Condition()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._current: tuple[str, asyncio.Task[Job]] | None = None
        self.reindexing: tuple[int, int] | None = None
        """``(done, total)`` chunks while vectors are made anew for another embedding model."""

    # --- life ------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Put away what a kill left behind and begin to work. Vectors of a new embedding model
        are made first, in the background: see ``reindexing``."""
        await asyncio.to_thread(self._recover)
        self._tasks = [
            asyncio.create_task(self._run(), name="ingest queue"),
            asyncio.create_task(keep_calendar(self._services.library), name="calendar"),
        ]

    async def stop(self) -> None:
        """End at once; what was running is done again after the next start."""
        if self._services.vectors is not None:
            self._services.vectors.patience.hurry()
        while self._tasks:
            task = self._tasks.pop()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    # --- what an admin does ----------------------------------------------------------------------

    async def enqueue(self, path: Path, metadata: ManualMetadata, *, link: bool = False) -> Job:
        """Take a copy of the file and put it in the queue; when this returns, it is safe. With
        ``link`` the copy is a second name of the same file, which takes no room on the disk.

        Raises ``BadFile`` for what is refused at first sight (size, content), and ``StoreDown``
        when the disk is nearly full.
        """
        file_name = metadata.file_name or path.name
        await in_thread(check_file, path, self._services.settings, file_name)
        size = (await in_thread(path.stat)).st_size
        await in_thread(require_room, self._services.settings, size)
        job_id = uuid4().hex
        suffix = Path(file_name).suffix.lower()[:10]
        job = Job(
            id=job_id,
            file_path=self._uploads / f"{job_id}{suffix}",
            metadata=replace(metadata, file_name=file_name),
            created_at=now(),
        )
        await in_thread(self._take_in, path, job, link)
        self._wake.set()
        return job

    async def jobs(self, limit: int = 100) -> list[Job]:
        """The newest first, those at work with their progress of this moment."""
        stored = await asyncio.to_thread(self._table.jobs, limit)
        return [self._live.get(job.id, job) for job in stored]

    async def job(self, job_id: str) -> Job:
        """Raises ``RagError("error.job_unknown")``."""
        job = self._live.get(job_id) or await asyncio.to_thread(self._table.get, job_id)
        if job is None:
            raise RagError("error.job_unknown")
        return job

    async def watch(self, job_id: str) -> AsyncIterator[Job]:
        """The job now and after every change, until it is finished; steps may be skipped."""
        job = await self.job(job_id)
        yield job
        while not job.is_finished:
            async with self._changed:
                current = await self.job(job_id)
                if current == job:
                    await self._changed.wait()
                    current = await self.job(job_id)
            if current != job:
                job = current
                yield job

    async def cancel(self, job_id: str) -> Job:
        """Take a job out of the queue, or stop it; nothing of it remains. Returns how it ended,
        which is "done" when the cancel came too late."""
        job = await self.job(job_id)
        if self._current is not None and self._current[0] == job_id:
            self._cancelled.add(job_id)
            self._current[1].cancel()
            async for job in self.watch(job_id):  # noqa: B007 (the last one is wanted)
                pass
        elif not job.is_finished:
            await self._finish(replace(job, status=JobStatus.CANCELLED))
        return await self.job(job_id)

    async def retry(self, job_id: str) -> Job:
        """Queue a failed job again. Raises ``RagError("error.job_not_retryable")``."""
        job = await self.job(job_id)
        if job.status is not JobStatus.FAILED or not job.retryable:
            raise RagError("error.job_not_retryable")
        queued = Job(job.id, job.file_path, job.metadata, created_at=job.created_at)
        await self._note(queued, save=True)
        self._live.pop(job_id, None)
        self._wake.set()
        return queued

    async def forget(self, job_id: str) -> None:
        """Take a finished job off the list, with the file that was kept for a retry."""
        job = await self.job(job_id)
        if job.is_finished:
            await asyncio.to_thread(self._table.forget, job_id)
            await asyncio.to_thread(job.file_path.unlink, True)

    # --- the work --------------------------------------------------------------------------------

    async def _run(self) -> None:
        await reindex(self._services, self._show_reindexing)
        while True:
            try:
                await self._next()
            except Exception:
                # The database is full or gone: the queue must be there when it is back.
                _log.exception("the queue of manuals stumbled; it goes on in %s s", _PAUSE_S)
                await asyncio.sleep(_PAUSE_S)

    async def _next(self) -> None:
        """Wait for a job, do it, and write down how it ended."""
        self._wake.clear()
        job = await asyncio.to_thread(self._table.next_queued)
        if job is None:
            await self._wake.wait()
            return
        job = replace(job, status=JobStatus.RUNNING, attempts=job.attempts + 1)
        task = asyncio.create_task(self._work(job), name=f"ingest {job.id}")
        self._current = job.id, task
        try:
            await asyncio.wait({task})
            await self._finish(self._outcome(job, task))
        except asyncio.CancelledError:
            # The app ends. The job stays "running", and is done again after the next start.
            task.cancel()
            await asyncio.wait({task})
            raise
        finally:
            self._current = None

    async def _work(self, job: Job) -> Job:
        """Ingest one manual; the job as it ended. Raises ``RagError`` and what is unexpected."""
        last_save = 0.0

        async def on_progress(stage: str, done: int, total: int) -> None:
            nonlocal job, last_save
            save = stage != job.stage or time.monotonic() - last_save > _SAVE_EVERY_S
            job = replace(job, stage=stage, done=done, total=total)
            last_save = time.monotonic() if save else last_save
            await self._note(job, save=save)

        await self._note(job, save=True)
        if job.attempts > _MOST_ATTEMPTS:
            raise RagError("error.job_gave_up")
        manual = await ingest_manual(
            job.file_path, job.metadata, on_progress, services=self._services
        )
        return replace(job, status=JobStatus.DONE, done=job.total, manual_id=manual.id)

    def _outcome(self, job: Job, task: asyncio.Task[Job]) -> Job:
        """How a job ended whose task is over."""
        job = self._live.get(job.id, job)
        if task.cancelled():
            if job.id not in self._cancelled:
                raise asyncio.CancelledError  # not by an admin
            self._cancelled.discard(job.id)
            return replace(job, status=JobStatus.CANCELLED)
        error = task.exception()
        if error is None:
            return task.result()
        if isinstance(error, RagError):
            return self._failed(job, error)
        _log.error("ingesting %s failed", job.metadata.file_name, exc_info=error)
        return self._failed(job, RagError("error.job_failed", retryable=True))

    def _failed(self, job: Job, error: RagError) -> Job:
        if error.key == "error.already_in_library" and job.attempts > 1:
            # It was published in the instant before the process was killed.
            return replace(job, status=JobStatus.DONE, manual_id=error.values["manual_id"])
        return replace(
            job,
            status=JobStatus.FAILED,
            error_key=error.key,
            error_values=error.values,
            retryable=error.retryable,
        )

    async def _note(self, job: Job, *, save: bool) -> None:
        """Show a job's state to whoever watches, and write it down when ``save``."""
        self._live[job.id] = job
        if save:
            await in_thread(self._table.save, job)
        async with self._changed:
            self._changed.notify_all()

    async def _finish(self, job: Job) -> None:
        MANUALS_READ.labels(str(job.status)).inc()
        await in_thread(self._conclude, job)
        self._live.pop(job.id, None)
        async with self._changed:
            self._changed.notify_all()

    def _show_reindexing(self, done: int, total: int) -> None:
        self.reindexing = (done, total) if done < total else None

    # --- in threads ------------------------------------------------------------------------------

    def _recover(self) -> None:
        self._table.move_files(self._uploads)
        interrupted = self._table.requeue_running()
        if interrupted:
            _log.warning("%d interrupted manual(s) will be read again", interrupted)
        sweep(self._services)
        self._uploads.mkdir(parents=True, exist_ok=True)
        kept = self._table.kept_files()
        for leftover in self._uploads.iterdir():
            if leftover not in kept:
                leftover.unlink()

    def _conclude(self, job: Job) -> None:
        self._table.save(job)
        if not job.retryable:
            job.file_path.unlink(missing_ok=True)

    def _take_in(self, path: Path, job: Job, link: bool) -> None:
        part = job.file_path.with_name(job.file_path.name + _PART)
        try:
            take_file(path, part, link=link)
            part.rename(job.file_path)
            self._table.add(job)
        except BaseException as error:
            part.unlink(missing_ok=True)
            job.file_path.unlink(missing_ok=True)
            if isinstance(error, OperationalError):  # the database cannot be written
                raise StoreDown("error.disk_full", retryable=True) from error
            raise
