"""The pages of a PDF, one after the other, while Tesseract reads the scanned ones beside them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pypdfium2

from rag.errors import BadFile
from rag.ingest.damage import damaged_pages
from rag.ingest.layout import PageLayout
from rag.ingest.ocr import picture_taker
from rag.ingest.open import is_huge, open_pdf
from rag.ingest.pages import Ocr, begin_page
from rag.ingest.render import PDFIUM_LOCK

_PAGES_AT_A_TIME = 50  # then the file is opened anew: pdfium keeps what it has unpacked
_MOST_PICTURES = 2  # of scanned pages that wait for OCR, some 4 MB each
_MOST_WAITING = 12  # pages behind the one that is read by OCR


def page_layouts(
    pdf: Path, ocr_languages: str, on_page: Callable[[int, int], None]
) -> Iterator[PageLayout]:
    """Every page in order; ``on_page(done, total)`` is called after each.

    Scanned ones are read beside the others, one at a time. Raises ``BadFile`` when the file cannot
    be opened.
    """
    damaged = damaged_pages(pdf)
    total = 0
    with ThreadPoolExecutor(1, "ocr") as beside:
        waiting: deque[PageLayout | Future[PageLayout]] = deque()

        def ready(most: int) -> Iterator[PageLayout]:
            """Those in front that are read; more than ``most`` pictures do not wait."""
            while waiting:
                first = waiting[0]
                if isinstance(first, Future):
                    pictures = sum(isinstance(one, Future) for one in waiting)
                    if not first.done() and pictures <= most and len(waiting) < _MOST_WAITING:
                        return
                    first = first.result()
                waiting.popleft()
                if first.index in damaged:
                    first.source = "unread"
                yield first
                on_page(first.index, total)

        for begun, count in _begun(pdf, picture_taker(ocr_languages)):
            total = count
            waiting.append(beside.submit(begun) if callable(begun) else begun)
            yield from ready(_MOST_PICTURES)
        yield from ready(0)


def _begun(
    pdf: Path, take_picture: Callable[[Any, int], Ocr]
) -> Iterator[tuple[PageLayout | Callable[[], PageLayout], int]]:
    """Each page as ``begin_page`` gives it, and how many there are; the file is opened anew from
    time to time."""
    number, total = 0, 1
    while number < total:
        with PDFIUM_LOCK, open_pdf(pdf) as document:
            total = len(document)
            stop = min(number + _PAGES_AT_A_TIME, total)
            while number < stop:
                yield _begin_page(document, number, take_picture), total
                number += 1


def _begin_page(
    document: Any, number: int, take_picture: Callable[[Any, int], Ocr]
) -> PageLayout | Callable[[], PageLayout]:
    """One page; a page that pdfium cannot load, or of absurd size, is "unread", not an end."""
    try:
        page = document[number]
    except pypdfium2.PdfiumError:
        return PageLayout(number + 1, 595.0, 842.0, 0, source="unread")
    try:
        if is_huge(page):
            return PageLayout(number + 1, 595.0, 842.0, 0, source="unread")
        return begin_page(page, number + 1, take_picture)
    except (pypdfium2.PdfiumError, BadFile):
        return PageLayout(number + 1, 595.0, 842.0, 0, source="unread")
    finally:
        page.close()
