"""The queue of manuals to ingest, in the database: what was accepted survives a kill."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import ColumnElement, Engine, delete, insert, select, update

from rag.store.database import now, reading, tables
from rag.store.rows import metadata_from_json, metadata_to_json
from rag.types import ManualMetadata


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


_OF_A_RUN = (
    "status stage done total attempts worker stop manual_id error_key error_values retryable "
    "updated_at"
).split()
FINISHED = (JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Job:
    """One uploaded file on its way into the library.

    ``stage`` is "queued", "checking", "reading", "embedding" or "publishing", with ``done`` of
    ``total`` (pages while reading, chunks while embedding). A failed job names its message
    (``error_key``, ``error_values``) and may be retried when ``retryable``: then its file is kept.
    ``worker`` is the process that runs it, or ran it last.
    """

    id: str
    file_path: Path
    metadata: ManualMetadata
    status: JobStatus = JobStatus.QUEUED
    stage: str = "queued"
    done: int = 0
    total: int = 0
    attempts: int = 0
    worker: str = ""
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
    """Synchronous; call it through ``asyncio.to_thread``.

    The files of all jobs lie in ``folder``, whatever it was called when they came: the data may
    have come from elsewhere, or another process knows the folder by another name.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._folder = folder
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
        return self._from_row(row._mapping) if row else None

    def jobs(self, limit: int = 100) -> list[Job]:
        """The newest jobs first."""
        query = select(self._jobs).order_by(self._jobs.c.created_at.desc(), self._jobs.c.id)
        with self._reads.connect() as connection:
            return [self._from_row(row._mapping) for row in connection.execute(query.limit(limit))]

    def save(self, job: Job) -> Literal["saved", "stop", "taken over"]:
        """Write down how far a worker is with its job, unless another one has it meanwhile.
        "stop" says that somebody asked for its end."""
        row = _to_row(job)
        del row["id"]
        columns = self._jobs.c
        changed = update(self._jobs).where(columns.id == job.id, columns.worker == job.worker)
        with self._writes.begin() as connection:
            stop = connection.execute(changed.values(**row).returning(columns.stop)).scalar()
        if stop is None:
            return "taken over"
        return "stop" if stop else "saved"

    def take_next(self, worker: str) -> Job | None:
        """The job that has waited longest, from now on ``worker``'s and running."""
        columns = self._jobs.c
        query = (
            select(columns.id)
            .where(columns.status == str(JobStatus.QUEUED))
            .order_by(columns.created_at, columns.id)
        )
        with self._writes.begin() as connection:
            job_id = connection.execute(query.limit(1)).scalar()
            if job_id is None:
                return None
            taken = update(self._jobs).where(columns.id == job_id)
            connection.execute(
                taken.values(
                    status=str(JobStatus.RUNNING), attempts=columns.attempts + 1, worker=worker
                )
            )
            row = connection.execute(select(self._jobs).where(columns.id == job_id)).one()
        return self._from_row(row._mapping)

    def retry(self, job_id: str) -> bool:
        """Queue a failed job again; False when it is none."""
        anew = _to_row(Job(job_id, Path(), ManualMetadata())) | {"stop": 0}
        anew = {name: anew[name] for name in _OF_A_RUN}
        columns = self._jobs.c
        failed = (columns.status == str(JobStatus.FAILED)) & (columns.retryable == 1)
        return self._change(columns.id == job_id, failed, **anew)

    def cancel_queued(self, job_id: str) -> bool:
        """Take a job out of the queue; False when it does not wait there any more."""
        columns = self._jobs.c
        waits = columns.status == str(JobStatus.QUEUED)
        return self._change(columns.id == job_id, waits, status=str(JobStatus.CANCELLED))

    def ask_to_stop(self, job_id: str) -> bool:
        """Tell the worker of a job at its next step; False when it does not run any more."""
        columns = self._jobs.c
        return self._change(columns.id == job_id, columns.status == str(JobStatus.RUNNING), stop=1)

    def requeue(self, alive: Collection[str]) -> int:
        """What ran in a process that is not ``alive`` any more waits again, or is over when it
        was asked to stop. Returns how many wait."""
        columns = self._jobs.c
        running = columns.status == str(JobStatus.RUNNING)
        lost = running & columns.worker.not_in(sorted(alive))
        with self._writes.begin() as connection:
            over = update(self._jobs).where(lost, columns.stop == 1)
            connection.execute(over.values(status=str(JobStatus.CANCELLED)))
            again = update(self._jobs).where(lost)
            result = connection.execute(
                again.values(
                    status=str(JobStatus.QUEUED), stage="queued", done=0, total=0, worker=""
                )
            )
            return int(result.rowcount)

    def workers(self) -> set[str]:
        """The processes that have a running job."""
        columns = self._jobs.c
        query = select(columns.worker).where(columns.status == str(JobStatus.RUNNING)).distinct()
        with self._reads.connect() as connection:
            return set(connection.execute(query).scalars())

    def forget(self, job_id: str) -> None:
        with self._writes.begin() as connection:
            connection.execute(delete(self._jobs).where(self._jobs.c.id == job_id))

    def kept_files(self) -> set[Path]:
        """The files that a job still needs."""
        jobs = self._jobs.c
        unfinished: Sequence[str] = [str(JobStatus.QUEUED), str(JobStatus.RUNNING)]
        query = select(jobs.file_path).where(jobs.status.in_(unfinished) | (jobs.retryable == 1))
        with self._reads.connect() as connection:
            return {self._path(path) for path in connection.execute(query).scalars()}

    def _change(self, *conditions: ColumnElement[bool], **values: Any) -> bool:
        with self._writes.begin() as connection:
            changed = connection.execute(update(self._jobs).where(*conditions).values(**values))
            return changed.rowcount > 0

    def _path(self, stored: str) -> Path:
        return self._folder / Path(stored).name

    def _from_row(self, row: Mapping[Any, Any]) -> Job:
        return Job(
            id=row["id"],
            file_path=self._path(row["file_path"]),
            metadata=metadata_from_json(row["metadata"]),
            status=JobStatus(row["status"]),
            stage=row["stage"],
            done=row["done"],
            total=row["total"],
            attempts=row["attempts"],
            worker=row["worker"],
            manual_id=row["manual_id"],
            error_key=row["error_key"],
            error_values=json.loads(row["error_values"] or "{}"),
            retryable=bool(row["retryable"]),
            created_at=row["created_at"],
            updated_at=row["updated_at"],
        )


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
        "worker": job.worker,
        "manual_id": job.manual_id,
        "error_key": job.error_key,
        "error_values": json.dumps(job.error_values, ensure_ascii=False),
        "retryable": int(job.retryable),
        "created_at": job.created_at,
        "updated_at": now(),
    }
