"""Files made to break the reader: each ends, within its limits, in pages or in a clear reason."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evals.broken_documents import broken_documents
from evals.ingest import FileReading, read_file
from rag.errors import BadFile
from rag.ingest.document import read_document
from rag.ingest.open import open_pdf
from rag.ingest.render import page_image
from rag.messages import catalogue
from rag.settings import Settings

pytestmark = pytest.mark.slow
LIMITS = Settings(worker_timeout_s=120)
BOMBS = (
    "zip-bomb.docx", "parts-bomb.docx", "entity-bomb.docx", "nested-tables.docx",
    "break-bomb.docx", "paragraph-bomb.docx", "attribute.html", "text-bomb.html",
    "form-feeds.txt", "lines.txt", "too-large.md", "pixel-bomb.png", "page-bomb.tif",
)  # fmt: skip
DOCUMENTS = tuple(name for name, _ in broken_documents())


FORMS = ("form-doubling.pdf", "form-in-itself.pdf", "stream-bomb.pdf")


def test_every_broken_pdf_ends_in_pages_or_in_a_clear_reason(broken_files: Path) -> None:
    before = sorted(broken_files.iterdir())
    paths = [path for path in before if path.name not in DOCUMENTS]
    assert len(paths) >= 60
    with ThreadPoolExecutor(2) as pool:
        readings = list(pool.map(lambda path: read_file(path, LIMITS), paths))
    for reading in readings:
        assert_has_an_end(reading)
        bomb = "bomb" in reading.file or reading.file in FORMS
        # The watch looks every 30 ms: what comes between is the little that is over.
        assert reading.peak_mb < (LIMITS.worker_rss_mb + 100 if bomb else 150), reading
        if reading.file in FORMS:
            assert reading.refused == "error.reading_memory"
    assert sorted(broken_files.iterdir()) == before  # nothing left over


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_in_other_formats_are_refused_in_little_memory(name: str, broken_files: Path) -> None:
    reading = read_file(broken_files / name, LIMITS)
    assert_has_an_end(reading)
    assert reading.peak_mb < 250, reading
    assert reading.refused, reading


def test_every_other_broken_document_ends_in_pages_or_in_a_clear_reason(
    broken_files: Path, tmp_path: Path
) -> None:
    paths = [broken_files / name for name in DOCUMENTS if name not in BOMBS]
    refused = 0
    for number, path in enumerate(paths):
        try:
            read = read_document(
                path, file_name=path.name, ocr_languages="eng", view=tmp_path / f"{number}.pdf"
            )
            assert read.pages, path.name
            assert not [page for page in read.pages if "root:" in page.text], path.name
        except BadFile as error:
            assert set(catalogue()[error.key]) == {"de", "en"}, path.name
            refused += 1
    assert refused > len(paths) / 2
    assert len(paths) > 40


def assert_has_an_end(reading: FileReading) -> None:
    if reading.refused:
        assert set(catalogue()[reading.refused]) == {"de", "en"}, reading
        assert reading.refused != "error.reading_crashed", reading
    else:
        assert reading.pages, reading
        assert reading.chunks or reading.unread_pages, reading
    assert reading.seconds < 100, reading


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("empty.pdf", "error.file_empty"),
        ("text.pdf", "error.not_a_pdf"),
        ("picture.pdf", "error.not_a_pdf"),
        ("locked-for-all.pdf", "error.pdf_encrypted"),
        ("cut-20000.pdf", "error.pdf_damaged"),
        ("page-bomb.pdf", "error.pdf_too_many_pages"),
        ("blank-pages.pdf", "error.pdf_unreadable"),
        ("foreign-entity.docx", "error.word_damaged"),
        ("locked.docx", "error.format_old_office"),
        ("pixel-bomb.png", "error.picture_too_large"),
        ("page.docx", "error.format_mismatch"),
        ("archive.zip", "error.format_archive"),
        ("blank.txt", "error.document_empty"),
    ],
)
def test_each_kind_has_a_reason_of_its_own(name: str, key: str, broken_files: Path) -> None:
    with pytest.raises(BadFile) as refused:
        read_document(broken_files / name, file_name=name, ocr_languages="eng")
    assert refused.value.key == key


def test_page_pictures_stay_within_their_limit_whatever_the_page_size(broken_files: Path) -> None:
    for path in broken_files.iterdir():
        if not path.name.startswith("size-"):
            continue
        try:
            assert len(page_image(path, 1, width_px=100_000)) < 20_000_000
        except BadFile as error:
            assert error.key in catalogue()


def test_a_file_locked_only_against_changes_can_be_read(broken_files: Path) -> None:
    with open_pdf(broken_files / "locked-for-changes.pdf") as document:
        assert len(document) == 1
