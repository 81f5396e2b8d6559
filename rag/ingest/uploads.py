"""The files of the jobs, and their rows: a row is there when its file is, and as long."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Protocol

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from rag.errors import StoreDown
from rag.ingest.manual import Stores, sweep, take_file
from rag.store.job_table import Job, JobTable

_log = logging.getLogger(__name__)
_PART = ".part"


class QueueServices(Stores, Protocol):
    """The part of ``Services`` that the queue needs."""

    @property
    def database(self) -> Engine: ...


class Uploads:
    """Synchronous; call it in a thread."""

    def __init__(self, services: QueueServices, folder: Path) -> None:
        self.folder = folder
        self.table = JobTable(services.database, folder)
        self._services = services

    def recover(self) -> None:
        """Put away what a kill left behind, when no other process is alive."""
        interrupted = self.table.requeue(())
        if interrupted:
            _log.warning("%d interrupted manual(s) will be read again", interrupted)
        sweep(self._services)
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = self.table.kept_files()
        for leftover in self.folder.iterdir():
            if leftover not in kept:
                leftover.unlink()

    def take_in(self, path: Path, job: Job, link: bool) -> None:
        """Copy (or link) the file, then record the job: when this returns, it is safe."""
        part = job.file_path.with_name(job.file_path.name + _PART)
        try:
            take_file(path, part, link=link)
            part.rename(job.file_path)
            self.table.add(job)
        except BaseException as error:
            part.unlink(missing_ok=True)
            job.file_path.unlink(missing_ok=True)
            if isinstance(error, OperationalError):  # the database cannot be written
                raise StoreDown("error.disk_full", retryable=True) from error
            raise

    def cancel_queued(self, job: Job) -> bool:
        """Take a job out of the queue; False when it does not wait there any more."""
        if not self.table.cancel_queued(job.id):
            return False
        job.file_path.unlink(missing_ok=True)
        return True

    def conclude(self, job: Job) -> bool:
        """Write down how a job ended; False when it is another process's by now."""
        if self.table.save(job) == "taken over":
            return False
        if not job.retryable:
            job.file_path.unlink(missing_ok=True)
        return True
