"""The story of a manual, with the real worker, database and engine."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from rag.errors import BadFile, RagError
from rag.ingest.manual import ingest_manual, remove_manual, sweep
from rag.types import Manual, ManualMetadata, ManualStatus, Scope
from tests.ingest.parts import Parts, make_pdf, open_parts
from tests.store.samples import make_chunks, make_manual, make_pages

pytestmark = pytest.mark.slow


class Progress:
    """Keeps what was reported; ``at`` may do something at a stage."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int, int]] = []

    async def __call__(self, stage: str, done: int, total: int) -> None:
        self.steps.append((stage, done, total))


async def ingest(parts: Parts, path: Path, **metadata: str) -> Manual:
    return await ingest_manual(path, ManualMetadata(**metadata), Progress(), services=parts)  # type: ignore[arg-type]


def nothing_remains(parts: Parts) -> bool:
    files = list(parts.library.folder.glob("*"))
    return not (parts.library.manuals() or parts.vectors.counts() or files)


def workers_of(data_dir: Path) -> list[int]:
    """Process ids of the workers that read a file of ``data_dir``."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if b"rag.ingest.worker" in line and str(data_dir).encode() in line:
            found.append(int(folder.name))
    return found


async def test_a_manual_becomes_visible_complete(parts: Parts, tmp_path: Path) -> None:
    progress = Progress()
    path = make_pdf(tmp_path / "Presse Ü 1.pdf", "P1", pages=3)
    metadata = ManualMetadata(machine="Presse P1", type="Wartung", revision="B", uploaded_by="ada")
    manual = await ingest_manual(path, metadata, progress, services=parts)
    assert manual.status is ManualStatus.ACTIVE
    assert (manual.machine, manual.type, manual.revision) == ("Presse P1", "Wartung", "B")
    assert (manual.file_name, manual.uploaded_by, manual.pages) == ("Presse Ü 1.pdf", "ada", 3)
    assert parts.library.active_ids(Scope()) == {manual.id}
    assert parts.vectors.counts() == {manual.id: manual.chunks}
    assert parts.library.file_path(manual).read_bytes() == path.read_bytes()
    text = " ".join(page.text for page in parts.library.pages(manual.id))
    assert "23 Nm" in text
    assert [stage for stage, _, _ in progress.steps] == sorted(
        [stage for stage, _, _ in progress.steps],
        key=["checking", "reading", "embedding", "publishing"].index,
    )
    assert ("reading", 3, 3) in progress.steps
    assert ("embedding", manual.chunks, manual.chunks) in progress.steps


async def test_removing_leaves_no_trace(parts: Parts, tmp_path: Path) -> None:
    manual = await ingest(parts, make_pdf(tmp_path / "a.pdf", "P1", pages=1))
    picture = parts.settings.data_dir / "cache" / "pages" / f"{manual.id}-1-960"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"picture")
    await remove_manual(manual.id, services=parts)
    assert nothing_remains(parts)
    assert not picture.exists()


async def test_the_same_bytes_under_another_name_are_known(parts: Parts, tmp_path: Path) -> None:
    first = await ingest(parts, make_pdf(tmp_path / "a.pdf", "P1", pages=1))
    with pytest.raises(BadFile) as caught:
        await ingest(parts, make_pdf(tmp_path / "b.pdf", "P1", pages=1))
    assert caught.value.key == "error.already_in_library"
    assert parts.library.manuals() == [first]
    assert [path.name for path in parts.library.folder.iterdir()] == [f"{first.id}.pdf"]


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"", "error.file_empty"),
        (b"only some text", "error.not_a_pdf"),
        (b"%PDF-1.7\n" + b"x" * 2000, "error.pdf_damaged"),
        (b"%PDF-1.7\n" + b"0" * (1024 * 1024), "error.upload_too_large"),
    ],
)
async def test_bad_files_are_refused_with_their_reason(
    tmp_path: Path, content: bytes, key: str
) -> None:
    parts = open_parts(tmp_path / "data", max_upload_mb=1)
    path = tmp_path / "bad.pdf"
    path.write_bytes(content)
    with pytest.raises(BadFile) as caught:
        await ingest(parts, path)
    assert caught.value.key == key
    assert nothing_remains(parts)
    parts.close()


async def test_a_reader_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    parts = open_parts(tmp_path / "data", worker_timeout_s=0.2)
    with pytest.raises(BadFile) as caught:
        await ingest(parts, make_pdf(tmp_path / "a.pdf", "P1", pages=40))
    assert caught.value.key == "error.reading_timeout"
    assert nothing_remains(parts)
    assert workers_of(parts.settings.data_dir) == []
    parts.close()


async def test_a_reader_without_memory_says_so(tmp_path: Path) -> None:
    parts = open_parts(tmp_path / "data", worker_memory_mb=128)
    canvas = Canvas(str(tmp_path / "bomb.pdf"), pageCompression=1)
    text = canvas.beginText(10, 800)
    for _ in range(60_000):
        text.textLine("Schraube M8 mit 25 Nm anziehen")
    canvas.drawText(text)
    canvas.save()
    with pytest.raises(BadFile) as caught:
        await ingest(parts, tmp_path / "bomb.pdf")
    assert caught.value.key in ("error.reading_memory", "error.reading_crashed")
    assert caught.value.values == {"limit": "128"}
    assert nothing_remains(parts)
    parts.close()


@pytest.mark.parametrize(
    ("number", "key"),
    [
        (signal.SIGSEGV, "error.reading_crashed"),
        (signal.SIGKILL, "error.reading_memory"),
        (signal.SIGXCPU, "error.reading_timeout"),
    ],
)
async def test_a_reader_that_dies_takes_nothing_along(
    parts: Parts, tmp_path: Path, number: signal.Signals, key: str
) -> None:
    async def strike(stage: str, done: int, total: int) -> None:
        if (stage, done) == ("reading", 1):
            for worker in workers_of(parts.settings.data_dir):
                os.kill(worker, number)

    path = make_pdf(tmp_path / "a.pdf", "P1", pages=60)
    with pytest.raises(BadFile) as caught:
        await ingest_manual(path, ManualMetadata(), strike, services=parts)
    assert caught.value.key == key
    assert nothing_remains(parts)
    assert (await ingest(parts, path)).pages == 60, "the app goes on"


@pytest.mark.parametrize("stage", ["checking", "reading", "embedding", "publishing"])
async def test_cancelling_at_any_stage_leaves_nothing(
    parts: Parts, tmp_path: Path, stage: str
) -> None:
    reached = asyncio.Event()

    async def report(current: str, done: int, total: int) -> None:
        if current == stage and (done > 0 or stage == "publishing"):
            reached.set()
            await asyncio.sleep(30)

    path = make_pdf(tmp_path / "a.pdf", "P1", pages=8)
    task = asyncio.create_task(ingest_manual(path, ManualMetadata(), report, services=parts))
    async with asyncio.timeout(30):
        await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert nothing_remains(parts)
    assert workers_of(parts.settings.data_dir) == []


async def test_an_index_that_fails_takes_the_rows_along(parts: Parts, tmp_path: Path) -> None:
    async def close_index(stage: str, done: int, total: int) -> None:
        if stage == "embedding" and done:
            parts.vectors.close()

    path = make_pdf(tmp_path / "a.pdf", "P1", pages=12)
    with pytest.raises(RagError) as caught:
        await ingest_manual(path, ManualMetadata(), close_index, services=parts)
    assert caught.value.key == "error.index_closed"
    assert parts.library.manuals() == []
    assert list(parts.library.folder.iterdir()) == []
    again = open_parts(parts.settings.data_dir)
    sweep(again)
    assert nothing_remains(again)
    again.close()


async def test_sweeping_after_a_kill(parts: Parts, tmp_path: Path) -> None:
    """Every half-way state, laid out by hand: only the finished manual is left."""
    kept = await ingest(parts, make_pdf(tmp_path / "a.pdf", "P1", pages=1))
    half = make_manual("half")
    parts.library.add(half, make_pages(half), make_chunks(half))
    parts.vectors.upsert(make_chunks(half), parts.vectors.embed(make_chunks(half)))
    folder = parts.library.folder
    (folder / f"{half.id}.pdf").write_bytes(b"%PDF-half")
    (folder / "incoming-123.pdf").write_bytes(b"%PDF-")
    (folder / "removed-00000000-0000-0000-0000-000000000000.pdf").write_bytes(b"%PDF-")
    kept_file = parts.library.file_path(kept)
    kept_file.rename(folder / f"removed-{kept_file.name}")
    sweep(parts)
    assert parts.library.manuals() == [kept]
    assert list(folder.iterdir()) == [kept_file]
    assert parts.vectors.counts() == {kept.id: kept.chunks}


async def test_a_new_revision_replaces_the_old(parts: Parts, tmp_path: Path) -> None:
    about = {"machine": "P1", "type": "Wartung"}
    old = await ingest(parts, make_pdf(tmp_path / "a.pdf", "A", pages=1), revision="1", **about)
    new = await ingest(parts, make_pdf(tmp_path / "b.pdf", "B", pages=1), revision="2", **about)
    assert new.supersedes == old.id
    assert parts.library.manual(old.id) == replace(old, status=ManualStatus.SUPERSEDED)


def test_a_worker_ends_when_its_parent_is_gone(tmp_path: Path) -> None:
    path = make_pdf(tmp_path / "a.pdf", "P1", pages=200)
    script = (
        "import subprocess, sys, os, time\n"
        f"p = subprocess.Popen([sys.executable, '-m', 'rag.ingest.worker', {str(path)!r}, 'a.pdf',"
        " 'deu', '1024', '60'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,"
        " start_new_session=True)\n"
        "p.stdout.readline()\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
    deadline = time.monotonic() + 10
    while workers_of(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert workers_of(tmp_path) == []
