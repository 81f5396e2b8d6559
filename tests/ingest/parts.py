"""What the ingest tests share: the part of the services that they need, and small PDFs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas
from sqlalchemy import Engine

from rag.ingest.jobs import Job, JobQueue
from rag.settings import Settings
from rag.store.database import open_database
from rag.store.library import Library
from rag.store.vectors import VectorIndex, open_vectors
from tests.store.fake_embedder import WordEmbedder


@dataclass
class Parts:
    """Settings, database, library and vectors, as in ``rag.services.Services``."""

    settings: Settings
    database: Engine
    library: Library
    vectors: VectorIndex

    def close(self) -> None:
        self.vectors.close()
        self.database.dispose()


def open_parts(data_dir: Path, embedder: WordEmbedder | None = None, **settings: object) -> Parts:
    chosen = Settings(data_dir=data_dir, models_dir=data_dir / "models", **settings)  # type: ignore[arg-type]
    database = open_database(chosen)
    vectors = open_vectors(chosen, embedder or WordEmbedder())  # type: ignore[arg-type]
    library = Library(database, folder=data_dir / "manuals")
    return Parts(chosen, database, library, vectors)


def make_pdf(path: Path, machine: str, *, pages: int = 3) -> Path:
    """A plain manual: on each page a numbered heading, a procedure and a fault code."""
    canvas = Canvas(str(path), pagesize=A4, invariant=True)
    for number in range(1, pages + 1):
        canvas.setFont("Helvetica-Bold", 16)
        canvas.drawString(60, 780, f"{number} Wartung der Baugruppe {number}")
        canvas.setFont("Helvetica", 11)
        for line, text in enumerate(
            [
                f"Dieses Handbuch beschreibt die Maschine {machine}, Seite {number}.",
                f"1. Schalten Sie die Maschine {machine} vor der Arbeit spannungsfrei.",
                f"2. Prüfen Sie den Öldruck der Baugruppe {number}: {number + 4},5 bar.",
                f"3. Ziehen Sie die Schrauben mit {20 + number} Nm an.",
                f"Der Fehler E-1{number:02} bedeutet, dass der Öldruck zu niedrig ist.",
            ]
        ):
            canvas.drawString(60, 740 - 18 * line, text)
        canvas.showPage()
    canvas.save()
    return path


async def finished(queue: JobQueue, job: Job) -> Job:
    """``job`` when it is over."""
    async with asyncio.timeout(60):
        async for current in queue.watch(job.id):
            job = current
    return job
