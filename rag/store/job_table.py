"""The queue of manuals to ingest, in the database: what was accepted survives a kill."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, delete, insert, select, update

from rag.store.database import now, reading, tables
from rag.store.rows import metadata_from_json, metadata_to_json
from rag.types import ManualMetadata


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINISHED = (JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Job:
    """One uploaded file on its way into the library.

    ``stage`` is "queued", "checking", "reading", "embedding" or "publishing", with ``done`` of
    ``total`` (pages while reading, chunks while embedding). A failed job names its message
    (``error_key``, ``error_values``) and may be retried when ``retryable``: then its file is kept.
    """

    id: str
    file_path: Path
    metadata: ManualMetadata
    status: JobStatus = JobStatus.QUEUED
    stage: str = "queued"
    done: int = 0
    total: int = 0
    attempts: int = 0
    manual_id: str | None = None
    error_key: str | None = None
    error_values: dict[str, str] = field(default_factory=dict)
    retryable: bool = False
    created_at: str = ""
    updated_at: str = ""

    @property
    def is_finished(self) -> bool:
        return self.status in FINISHED


class JobTable:
    """Synchronous; call it through ``asyncio.to_thread``."""

    def __init__(self, engine: Engine) -> None:
        self._writes = engine
        self._reads = reading(engine)
        [self._jobs] = tables(engine, "jobs")

    def add(self, job: Job) -> None:
        with self._writes.begin() as connection:
            connection.execute(insert(self._jobs), _to_row(job))

    def get(self, job_id: str) -> Job | None:
        query = select(self._jobs).where(self._jobs.c.id == job_id)
        with self._reads.connect() as connection:
            row = connection.execute(query).first()
        return _from_row(row._mapping) if row else None

    def jobs(self, limit: int = 100) -> list[Job]:
        """The newest jobs first."""
        query = select(self._jobs).order_by(self._jobs.c.created_at.desc(), self._jobs.c.id)
        with self._reads.connect() as connection:
            return [_from_row(row._mapping) for row in connection.execute(query.limit(limit))]

    def save(self, job: Job) -> None:
        """Write the state of a job that is there already."""
        row = _to_row(job)
        del row["id"]
        with self._writes.begin() as connection:
            connection.execute(update(self._jobs).where(self._jobs.c.id == job.id).values(**row))

    def next_queued(self) -> Job | None:
        """The job that has waited longest."""
        query = (
            select(self._jobs)
            .where(self._jobs.c.status == str(JobStatus.QUEUED))
            .order_by(self._jobs.c.created_at, self._jobs.c.id)
        )
        with self._reads.connect() as connection:
            row = connection.execute(query.limit(1)).first()
        return _from_row(row._mapping) if row else None

    def requeue_running(self) -> int:
        """After a kill: what was running waits again. Returns how many there were."""
        with self._writes.begin() as connection:
            result = connection.execute(
                update(self._jobs)
                .where(self._jobs.c.status == str(JobStatus.RUNNING))
                .values(status=str(JobStatus.QUEUED), stage="queued", done=0, total=0)
            )
            return int(result.rowcount)

    def move_files(self, folder: Path) -> None:
        """Look for every job's file in ``folder``: the data may have come from elsewhere, or the
        folder is now called by another of its names."""
        with self._writes.begin() as connection:
            for job_id, path in connection.execute(select(self._jobs.c.id, self._jobs.c.file_path)):
                here = str(folder / Path(path).name)
                if path != here:
                    changed = update(self._jobs).where(self._jobs.c.id == job_id)
                    connection.execute(changed.values(file_path=here))

    def forget(self, job_id: str) -> None:
        with self._writes.begin() as connection:
            connection.execute(delete(self._jobs).where(self._jobs.c.id == job_id))

    def kept_files(self) -> set[Path]:
        """The files that a job still needs."""
        jobs = self._jobs.c
        unfinished: Sequence[str] = [str(JobStatus.QUEUED), str(JobStatus.RUNNING)]
        query = select(jobs.file_path).where(jobs.status.in_(unfinished) | (jobs.retryable == 1))
        with self._reads.connect() as connection:
            return {Path(path) for path in connection.execute(query).scalars()}


def _to_row(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "file_path": str(job.file_path),
        "metadata": metadata_to_json(job.metadata),
        "status": str(job.status),
        "stage": job.stage,
        "done": job.done,
        "total": job.total,
        "attempts": job.attempts,
        "manual_id": job.manual_id,
        "error_key": job.error_key,
        "error_values": json.dumps(job.error_values, ensure_ascii=False),
        "retryable": int(job.retryable),
        "created_at": job.created_at,
        "updated_at": now(),
    }


def _from_row(row: Mapping[Any, Any]) -> Job:
    return Job(
        id=row["id"],
        file_path=Path(row["file_path"]),
        metadata=metadata_from_json(row["metadata"]),
        status=JobStatus(row["status"]),
        stage=row["stage"],
        done=row["done"],
        total=row["total"],
        attempts=row["attempts"],
        manual_id=row["manual_id"],
        error_key=row["error_key"],
        error_values=json.loads(row["error_values"] or "{}"),
        retryable=bool(row["retryable"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
