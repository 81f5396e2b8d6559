"""Files made to break the reader: each ends, within its limits, in pages or in a clear reason."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evals.broken_files import make_broken_files
from evals.ingest import read_file
from rag.errors import BadFile
from rag.ingest.open import open_pdf
from rag.ingest.render import page_image
from rag.messages import catalogue
from rag.settings import Settings

pytestmark = pytest.mark.slow
LIMITS = Settings(worker_memory_mb=1024, worker_timeout_s=120)


def test_every_broken_file_ends_in_pages_or_in_a_clear_reason(tmp_path: Path) -> None:
    paths = make_broken_files(tmp_path)
    assert len(paths) >= 60
    with ThreadPoolExecutor(2) as pool:
        readings = list(pool.map(lambda path: read_file(path, LIMITS), paths))
    for reading in readings:
        if reading.refused:
            assert set(catalogue()[reading.refused]) == {"de", "en"}, reading
            # pdfium ends the worker when its memory is used up; that too is told as a reason
            assert reading.file.startswith("form-") or reading.refused != "error.reading_crashed", (
                reading
            )
        else:
            assert reading.pages, reading
            assert reading.chunks or reading.unread_pages, reading
        bomb = "bomb" in reading.file or reading.file.startswith("form-")
        assert reading.peak_mb < (LIMITS.worker_memory_mb if bomb else 150), reading
        assert reading.seconds < 60, reading
    assert sorted(tmp_path.iterdir()) == sorted(paths)  # nothing left over


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
    ],
)
def test_each_kind_has_a_reason_of_its_own(
    name: str, key: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("broken")
    path = next(path for path in make_broken_files(folder) if path.name == name)
    assert read_file(path, LIMITS).refused == key


def test_page_pictures_stay_within_their_limit_whatever_the_page_size(tmp_path: Path) -> None:
    for path in make_broken_files(tmp_path):
        if not path.name.startswith("size-"):
            continue
        try:
            assert len(page_image(path, 1, width_px=100_000)) < 20_000_000
        except BadFile as error:
            assert error.key in catalogue()


def test_a_file_locked_only_against_changes_can_be_read(tmp_path: Path) -> None:
    make_broken_files(tmp_path)
    with open_pdf(tmp_path / "locked-for-changes.pdf") as document:
        assert len(document) == 1
