from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from evals.broken_files import make_broken_files
from rag.ingest.jobs import JobQueue
from tests.ingest.parts import Parts, open_parts


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    parts = open_parts(tmp_path / "data")
    yield parts
    parts.close()


@pytest.fixture
async def queue(parts: Parts) -> AsyncIterator[JobQueue]:
    queue = JobQueue(parts)
    await queue.start()
    yield queue
    await queue.stop()


@pytest.fixture(scope="session")
def broken_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every file of ``evals.broken_files``, to be left as it is."""
    folder = tmp_path_factory.mktemp("broken")
    make_broken_files(folder)
    return folder
