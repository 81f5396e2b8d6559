"""The view copy of a manual that is no PDF: made with it, shown for it, gone with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rag.errors import BadFile
from rag.ingest.formats.kinds import VIEW_SUFFIX
from rag.ingest.manual import INCOMING, ingest_manual, remove_manual, sweep
from rag.ingest.open import view_of
from rag.ingest.render import page_image
from rag.types import Manual, ManualMetadata, ManualStatus
from tests.ingest.documents import word_manual
from tests.ingest.parts import Parts

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


async def quietly(stage: str, done: int, total: int) -> None:
    """Nobody watches."""


async def ingest(parts: Parts, path: Path) -> Manual:
    return await ingest_manual(path, ManualMetadata(), quietly, services=parts)


async def test_a_word_manual_keeps_its_bytes_and_is_shown_as_pdf(
    parts: Parts, tmp_path: Path
) -> None:
    path = word_manual(tmp_path / "Presse.docx")
    manual = await ingest(parts, path)
    kept = parts.library.file_path(manual)
    assert manual.status is ManualStatus.ACTIVE
    assert kept.read_bytes() == path.read_bytes()
    assert view_of(kept).read_bytes().startswith(b"%PDF-")
    assert sorted(file.name for file in parts.library.folder.iterdir()) == [
        f"{manual.id}.docx",
        f"{manual.id}{VIEW_SUFFIX}",
    ]
    assert page_image(kept, manual.pages, width_px=300).startswith(b"\xff\xd8")
    await remove_manual(manual.id, services=parts)
    assert list(parts.library.folder.iterdir()) == []


async def test_a_refused_document_leaves_nothing(parts: Parts, tmp_path: Path) -> None:
    path = tmp_path / "blank.html"
    path.write_text("<html><body><script>1</script></body></html>")
    with pytest.raises(BadFile) as refused:
        await ingest(parts, path)
    assert refused.value.key == "error.document_empty"
    assert list(parts.library.folder.iterdir()) == []


async def test_copies_that_a_kill_left_behind_are_swept(parts: Parts, tmp_path: Path) -> None:
    manual = await ingest(parts, word_manual(tmp_path / "Presse.docx"))
    folder = parts.library.folder
    for name in (f"gone{VIEW_SUFFIX}", f"{INCOMING}1.docx", f"{INCOMING}1{VIEW_SUFFIX}"):
        (folder / name).write_bytes(b"half")
    sweep(parts)
    assert {file.name for file in folder.iterdir()} == {
        f"{manual.id}.docx",
        f"{manual.id}{VIEW_SUFFIX}",
    }


def test_what_parses_foreign_formats_stays_out_of_the_chats_process() -> None:
    libraries = {"reportlab", "docx", "lxml", "markdown_it", "pdfplumber", "PIL.TiffImagePlugin"}
    program = "import sys, rag.ingest.manual, rag.ingest.render; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "rag.ingest.formats.kinds" in done.stdout.split()
    assert not libraries.intersection(done.stdout.split())
