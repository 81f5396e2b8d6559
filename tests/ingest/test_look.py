"""What a form is filled with before a manual is read: quickly, and never at the chat's cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import BadFile
from rag.ingest.dates import valid_from
from rag.ingest.reading import look_in_worker
from rag.settings import Settings
from rag.types import Look
from tests.ingest.test_samples import SAMPLES, TRUTH


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Revision 4.2, Ausgabe 03/2025", "2025-03-01"),
        ("Stand: 31.05.2024", "2024-05-31"),
        ("Stand Mai 2024", "2024-05-01"),
        ("Issue date: 12 March 2024", "2024-03-12"),
        ("Effective May 31, 2024", "2024-05-31"),
        ("Rev. 3 – 2024-05", "2024-05-01"),
        ("Gedruckt im Mai 2020\nStand 1.4.2021, gültig ab 1.6.2021", "2021-06-01"),
        ("Stand der Technik 12.2020", ""),
        ("Ausgabe 2024", ""),
        ("Stand: 31.02.2024", ""),
        ("Baujahr 05/2019", ""),
    ],
)
def test_days(text: str, day: str) -> None:
    assert valid_from(text) == day


@pytest.mark.slow
@pytest.mark.parametrize("language", ["de", "en"])
async def test_the_samples_say_what_they_are(language: str) -> None:
    truth = TRUTH[language]
    path = SAMPLES / truth["file"]
    look = await look_in_worker(path, file_name=path.name, settings=Settings())
    assert look is not None
    assert truth["machine"] in look.machine
    assert (look.title, look.revision, look.language) == (
        truth["title"],
        truth["revision"],
        language,
    )
    assert look.valid_from == f"{truth['date']}-01"
    assert look.has_text


@pytest.mark.slow
async def test_what_cannot_be_looked_at_gives_nothing_or_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.7\n" + b"x" * 1000)
    with pytest.raises(BadFile) as caught:
        await look_in_worker(path, file_name="a.pdf", settings=Settings())
    assert caught.value.key == "error.pdf_damaged"
    too_little = Settings().model_copy(update={"worker_memory_mb": 10})  # it cannot even begin
    sample = SAMPLES / TRUTH["de"]["file"]
    assert await look_in_worker(sample, file_name="a.pdf", settings=too_little) is None


@pytest.mark.slow
async def test_a_scan_says_that_it_has_no_text(tmp_path: Path) -> None:
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    from rag.ingest.render import page_image

    picture, path = tmp_path / "page", tmp_path / "scan.pdf"
    picture.write_bytes(page_image(SAMPLES / TRUTH["de"]["file"], 1, width_px=400))
    canvas = Canvas(str(path), pagesize=(595, 842))
    canvas.drawImage(ImageReader(str(picture)), 0, 0, 595, 842)
    canvas.save()
    look = await look_in_worker(path, file_name="Anleitung.pdf", settings=Settings())
    assert look == Look(title="Anleitung")
