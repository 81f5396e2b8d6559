"""While files that try to break the reader are in the queue, questions are answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import cycle
from pathlib import Path

import pytest

from rag.answer.ask import ask
from rag.ingest.jobs import Job, JobQueue, JobStatus
from rag.messages import catalogue
from rag.services import Services, build_services
from rag.settings import Settings
from rag.types import Answer, Done, ManualMetadata, Role, Scope, User
from tests.answer.small_library import COMPRESSOR, compressor, load, press

pytestmark = pytest.mark.slow
TECHNICIAN = User("u1", "tech", Role.TECHNICIAN)
NASTY = (
    "form-doubling.pdf", "stream-bomb.pdf", "page-bomb.pdf", "flipped-300.pdf",
    "paragraph-bomb.docx", "entity-bomb.docx", "nested.html", "page-bomb.tif",
)  # fmt: skip
# Of the compressor's manual: (question, page that answers it).
QUESTIONS = (("Was bedeutet Fehler E-104?", 27), ("Was bedeutet der Code E-105?", 27))


@pytest.fixture
async def services(tmp_path: Path, models_dir: Path) -> AsyncIterator[Services]:
    settings = Settings(
        data_dir=tmp_path / "data",
        models_dir=models_dir,
        ollama_base_url="http://127.0.0.1:9",
        tracing=False,
    )
    services = build_services(settings)
    for of, chunks in (compressor(), press()):
        load(services, of, chunks)
    yield services
    services.close()


async def answer(question: str, services: Services) -> Answer:
    scope = Scope(machines=(COMPRESSOR,))
    asked = ask(question, user=TECHNICIAN, scope=scope, history=(), services=services)
    last = [event async for event in asked][-1]
    assert isinstance(last, Done), last
    return last.answer


async def test_the_chat_answers_while_bombs_are_read(
    services: Services, broken_files: Path
) -> None:
    queue = JobQueue(services)
    await queue.start()
    during = 0
    try:
        jobs = [await queue.enqueue(broken_files / name, ManualMetadata()) for name in NASTY]
        questions = cycle(QUESTIONS)
        async with asyncio.timeout(300):
            for job in jobs:
                async for now in queue.watch(job.id):
                    if now.status is JobStatus.RUNNING:
                        question, page = next(questions)
                        said = await answer(question, services)
                        assert said.citations[0].page == page, said.text
                        during += 1
        ended: list[Job] = [await queue.job(job.id) for job in jobs]
    finally:
        await queue.stop()
    assert during >= len(NASTY)
    for job in ended:
        assert job.is_finished
        assert job.status is JobStatus.DONE or job.error_key in catalogue(), job
    assert sum(job.status is JobStatus.FAILED for job in ended) >= 6
    assert not list(services.library.folder.glob("incoming-*"))
