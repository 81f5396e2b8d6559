"""A backup taken in the middle of work has all that was acknowledged, and equals the original."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from evals.chat_client import ChatClient
from rag.access.api_keys import ApiKeys, ApiScope
from rag.backup.restore import restore, verify
from rag.ingest.jobs import JobQueue, JobStatus
from rag.settings import Settings
from rag.store.database import open_database
from tests.ingest.parts import make_pdf, open_parts
from tests.served import PROJECT, Service, copy_data, served

pytestmark = pytest.mark.slow
QUESTIONS = ("Was bedeutet E-104?", "What torque for the drain plug?")
CONTENT = ("manuals", "pages", "chunks", "codes")
HISTORY = ("answers", "ratings", "threads", "steps", "feedbacks", "accounts", "users")
Rows = dict[str, dict[Any, tuple[Any, ...]]]


def rows_of(data_dir: Path, tables: tuple[str, ...]) -> Rows:
    """Every row of ``tables`` by its first column (or two of pages and codes)."""
    with closing(sqlite3.connect(data_dir / "millwright.db")) as connection:
        connection.execute("BEGIN")
        return {
            table: {
                row[: 3 if table in ("codes", "pages") else 1]: row
                for row in connection.execute(f"SELECT * FROM {table}")
            }
            for table in tables
        }


def content_of(data_dir: Path) -> dict[str, Any]:
    """Manuals, their pages, chunks and codes; without the times of reading."""
    rows = rows_of(data_dir, CONTENT)
    with closing(sqlite3.connect(data_dir / "millwright.db")) as connection:
        connection.row_factory = sqlite3.Row
        manuals = [dict(row) for row in connection.execute("SELECT * FROM manuals ORDER BY id")]
    for manual in manuals:
        manual["quality"] = {**json.loads(manual["quality"]), "seconds": 0}
        manual["uploaded_at"] = ""
    files = {path.name: path.read_bytes() for path in (data_dir / "manuals").iterdir()}
    return {**rows, "manuals": manuals, "files": files}


class Load:
    """Technicians who ask and rate until told to stop."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._stopped = False
        self._rated = 0
        self._changed = asyncio.Condition()

    async def ask(self, question: str) -> None:
        passwords = self._service.passwords
        async with ChatClient(
            self._service.address, "technician", passwords["technician"]
        ) as client:
            while not self._stopped:
                reply = await client.ask(question)
                assert reply.run_id is not None
                await client.rate(reply.run_id, 1, "belongs to the backup")
                async with self._changed:
                    self._rated += 1
                    self._changed.notify_all()

    async def until(self, more: int) -> None:
        goal = self._rated + more
        async with self._changed:
            await self._changed.wait_for(lambda: self._rated >= goal)

    def stop(self) -> None:
        self._stopped = True


async def upload(service: Service, files: list[Path]) -> None:
    engine = open_database(Settings(data_dir=service.data_dir))
    _, key = ApiKeys(engine).create("test", [ApiScope.UPLOAD], created_by="admin")
    engine.dispose()
    headers = {"X-API-Key": key}
    async with httpx.AsyncClient(base_url=service.address, timeout=30, headers=headers) as http:
        for path in files:
            file = {"file": (path.name, path.read_bytes(), "application/pdf")}
            assert (await http.post("/api/v1/manuals", files=file)).status_code == 202


async def back_up(data_dir: Path, archive: Path) -> str:
    """The command itself, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "rag.backup",
        "create",
        str(archive),
        cwd=PROJECT,
        env={"DATA_DIR": str(data_dir), "LANG": "C"},
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await process.communicate()
    assert process.returncode == 0, told.decode()
    return told.decode()


async def finish_reading(data_dir: Path) -> None:
    """What the next start does with the jobs that are not done."""
    parts = open_parts(data_dir)
    queue = JobQueue(parts)
    await queue.start()
    for job in await queue.jobs():
        async for last in queue.watch(job.id):
            job = last
        assert job.status is JobStatus.DONE, job
    await queue.stop()
    parts.close()


async def test_a_backup_under_load_equals_the_original(
    prepared: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    data_dir = copy_data(prepared[0], tmp_path / "data")
    archive, restored = tmp_path / "kept.tar.gz", tmp_path / "restored"
    manuals = [make_pdf(tmp_path / f"{name}.pdf", name, pages=6) for name in ("X", "Y")]
    with served(data_dir, passwords=prepared[1]) as service:
        load = Load(service)
        asking = [asyncio.create_task(load.ask(question)) for question in QUESTIONS]
        await load.until(3)
        await upload(service, manuals)
        before = rows_of(data_dir, HISTORY)
        told = await back_up(data_dir, archive)
        after = rows_of(data_dir, HISTORY)
        await load.until(2)
        load.stop()
        await asyncio.gather(*asking)
    assert "Saved and checked" in told

    manifest = verify(archive)
    assert any(name.startswith("uploads/") for name in manifest.files), "nothing was in progress"
    restore(Settings(data_dir=restored), archive)
    kept = rows_of(restored, HISTORY)
    for table in HISTORY:
        assert before[table].keys() <= kept[table].keys() <= after[table].keys(), table
        settled = {key: row for key, row in before[table].items() if after[table][key] == row}
        assert all(kept[table][key] == row for key, row in settled.items()), table
    assert len(kept["ratings"]) >= 3

    for folder in (data_dir, restored):
        await finish_reading(folder)
    assert content_of(restored) == content_of(data_dir)
