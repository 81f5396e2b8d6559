"""The queue of manuals: durable, one at a time, with progress, cancel and retry.

A file is copied first and then recorded, so an accepted job survives a kill at any point. On the
next start what was running waits again and what was half done is swept away; ids follow from the
file, so that doing it again gives the same library. Several processes that share the database take
jobs from one queue, each its own (``rag.ingest.peers``).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from rag.errors import RagError
from rag.ingest.calendar import keep_calendar
from rag.ingest.manual import (
    TakenOver,
    check_file,
    forget_half_done,
    in_thread,
    ingest_manual,
)
from rag.ingest.peers import LOOK_EVERY_S, Peers
from rag.ingest.reindex import reindex
from rag.ingest.uploads import QueueServices, Uploads
from rag.observe.metrics import MANUALS_READ
from rag.store.database import now
from rag.store.disk import require_room
from rag.store.job_table import Job, JobStatus
from rag.store.processes import Processes, turn
from rag.types import ManualMetadata

__all__ = ["Job", "JobQueue", "JobStatus"]

_log = logging.getLogger(__name__)

# How often progress is written down; watchers see every step.
_SAVE_EVERY_S = 1.0
# A manual that takes the whole process down each time must not do so for ever.
_MOST_ATTEMPTS = 25
_PAUSE_S = 5.0


class JobQueue:
    """Lives in one event loop: call ``start`` there, and everything else after it."""

    def __init__(self, services: QueueServices) -> None:
        self._services = services
        self._uploads = Uploads(services, services.settings.data_dir / "uploads")
        self._table = self._uploads.table
        self._processes = Processes(services.database)
        self._peers = Peers(self._processes, self._table)
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
        async with turn(self._services.database, "start"):
            alone = len(await asyncio.to_thread(self._processes.alive)) == 1
            if alone:  # else the others see to what the dead have left
                await asyncio.to_thread(self._uploads.recover)
        self._tasks = [
            asyncio.create_task(self._run(), name="ingest queue"),
            asyncio.create_task(self._peers.keep_looking(self._wake.set), name="peers"),
            asyncio.create_task(keep_calendar(self._services.library), name="calendar"),
        ]

    async def stop(self) -> None:
        """End at once; what was running is done again after the next start."""
        self._services.vectors.patience.hurry()
        while self._tasks:
            task = self._tasks.pop()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(self._processes.leave)  # what was running is free from now on

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
            file_path=self._uploads.folder / f"{job_id}{suffix}",
            metadata=replace(metadata, file_name=file_name),
            created_at=now(),
        )
        await in_thread(self._uploads.take_in, path, job, link)
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
                    await self._until(self._changed.wait())
                    current = await self.job(job_id)
            if current != job:
                job = current
                yield job

    async def cancel(self, job_id: str) -> Job:
        """Take a job out of the queue, or stop it; nothing of it remains. Returns how it ended,
        which is "done" when the cancel came too late."""
        if await asyncio.to_thread(self._uploads.cancel_queued, await self.job(job_id)):
            await self._tell()
        elif self._current is not None and self._current[0] == job_id:
            self._cancelled.add(job_id)
            self._current[1].cancel()
        elif not await asyncio.to_thread(self._table.ask_to_stop, job_id):
            return await self.job(job_id)
        async for _ in self.watch(job_id):
            pass
        return await self.job(job_id)

    async def retry(self, job_id: str) -> Job:
        """Queue a failed job again. Raises ``RagError("error.job_not_retryable")``."""
        await self.job(job_id)
        if not await asyncio.to_thread(self._table.retry, job_id):
            raise RagError("error.job_not_retryable")
        await self._tell()
        self._wake.set()
        return await self.job(job_id)

    async def forget(self, job_id: str) -> None:
        """Take a finished job off the list, with the file that was kept for a retry."""
        job = await self.job(job_id)
        if job.is_finished:
            await asyncio.to_thread(self._table.forget, job_id)
            await asyncio.to_thread(job.file_path.unlink, True)

    # --- the work --------------------------------------------------------------------------------

    async def _run(self) -> None:
        async with turn(self._services.database, "vectors"):
            await reindex(self._services, self._show_reindexing)
        while True:
            try:
                await self._next()
            except Exception:
                # The database is full or gone: the queue must be there when it is back.
                _log.exception("the queue of manuals stumbled; it goes on in %s s", _PAUSE_S)
                await asyncio.sleep(_PAUSE_S)
                with contextlib.suppress(Exception):
                    await in_thread(self._take_up_own)

    async def _next(self) -> None:
        """Wait for a job, do it, and write down how it ended."""
        self._wake.clear()
        job = await in_thread(self._table.take_next, self._processes.name)
        if job is None:
            await self._until(self._wake.wait())
            return
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
        if job.attempts > 1:
            await in_thread(forget_half_done, job.file_path, self._services)
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
        if isinstance(error, TakenOver):
            return job
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
            saved = await in_thread(self._table.save, job)
            if saved == "taken over":
                raise TakenOver
            if saved == "stop":
                self._cancelled.add(job.id)
                raise asyncio.CancelledError
        await self._tell()

    async def _finish(self, job: Job) -> None:
        if await in_thread(self._uploads.conclude, job):
            MANUALS_READ.labels(str(job.status)).inc()
        else:
            _log.warning("%s was taken over by another process", job.metadata.file_name)
        self._live.pop(job.id, None)
        await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _until(self, event: Awaitable[object]) -> None:
        """Wait for something here; not for ever when it may happen in another process."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY_S if self._processes.is_shared else None):
                await event

    def _take_up_own(self) -> None:
        """How a job of ours ended could not be written down: it is done again."""
        self._table.requeue(self._processes.alive() - {self._processes.name})

    def _show_reindexing(self, done: int, total: int) -> None:
        self.reindexing = (done, total) if done < total else None
