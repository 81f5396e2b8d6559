"""However long a manual is, only a few of its pages are in memory at a time."""

from __future__ import annotations

import gc
from pathlib import Path

from rag.ingest.document import read_into
from rag.ingest.layout import Line, PageLayout
from tests.manual_files import long_manual

PAGES = 24
LINES = 37  # on each


def alive(kind: type) -> int:
    return sum(type(thing) is kind for thing in gc.get_objects())


def test_pages_are_let_go_while_reading_and_while_handing_on(tmp_path: Path) -> None:
    path = tmp_path / "long.pdf"
    path.write_bytes(long_manual("KX 9", pages=PAGES))
    before = alive(Line)
    most = {"lines": 0, "layouts": 0}
    handed_on: list[int] = []

    def count() -> None:
        most["lines"] = max(most["lines"], alive(Line) - before)
        # Those that have lines: a manual's measures are kept, one small object a page.
        full = [page for page in gc.get_objects() if type(page) is PageLayout and page.lines]
        most["layouts"] = max(most["layouts"], len(full))

    def take_chunk(chunk: object) -> None:
        handed_on.append(len(pages))
        if len(handed_on) % 30 == 0:
            count()

    pages: list[int] = []
    read_into(
        path,
        lambda page: pages.append(page.index),
        take_chunk,
        file_name=path.name,
        ocr_languages="deu",
        on_page=lambda done, total: count() if done % 8 == 0 else None,
    )
    assert pages == list(range(1, PAGES + 1))
    assert handed_on[0] < PAGES / 2  # chunks come while the pages go by once more
    assert 0 < most["lines"] < 12 * LINES  # with the first three pages, which say what it is
    assert most["layouts"] < 12
