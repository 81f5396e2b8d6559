"""Ingesting PDFs by the queue in a process of its own, for a test that kills it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rag.ingest.jobs import JobQueue
from rag.types import ManualMetadata
from tests.ingest.parts import open_parts


def run(data_dir: Path, files: list[Path], log: Path) -> None:
    """Queue ``files`` and work until nothing is left; ``log`` gets the name of each file that is
    safely in the queue, and "finished"."""
    asyncio.run(_run(data_dir, files, log))


async def _run(data_dir: Path, files: list[Path], log: Path) -> None:
    parts = open_parts(data_dir)
    queue = JobQueue(parts)
    await queue.start()
    with log.open("a", buffering=1) as lines:
        for path in files:
            about = ManualMetadata(machine=path.stem, type="Wartung", revision="1")
            await queue.enqueue(path, about)
            lines.write(f"{path.name}\n")
        for job in reversed(await queue.jobs()):
            async for _ in queue.watch(job.id):
                pass
        await queue.stop()
        parts.close()
        lines.write("finished\n")
