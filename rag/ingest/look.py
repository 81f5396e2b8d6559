"""A quick look at a file before it is read: what its first pages say of it, without OCR."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pypdfium2

from rag.errors import BadFile
from rag.ingest.dates import valid_from
from rag.ingest.document import read_document
from rag.ingest.guess import guess
from rag.ingest.layout import PageLayout
from rag.ingest.open import check_content, is_huge, open_pdf
from rag.ingest.pages import layout_page
from rag.ingest.render import PDFIUM_LOCK
from rag.language import detect_language
from rag.types import Look

_PAGES = 3
_LANGUAGE_PAGES = 12  # a cover has too few words to tell by
_LANGUAGE_LETTERS = 400


def look_at(path: Path, file_name: str) -> Look:
    """Look at the manual at ``path``. Raises ``BadFile`` for what cannot become one."""
    is_pdf = check_content(path, file_name) == "pdf"
    return _look_at_pdf(path, file_name) if is_pdf else _look_at_other(path, file_name)


def _look_at_pdf(path: Path, file_name: str) -> Look:
    with PDFIUM_LOCK, open_pdf(path) as document:
        layouts = [_layout(document, number) for number in range(min(_PAGES, len(document)))]
        metadata = document.get_metadata_dict(skip_empty=True)
        text = " ".join(
            _plain_text(document, number) for number in range(min(_LANGUAGE_PAGES, len(document)))
        )
    said = guess(layouts, metadata, file_name)
    lines = "\n".join(line.text for layout in layouts for line in layout.lines)
    return Look(
        title=said.title,
        machine=said.machine,
        type=said.type,
        revision=said.revision,
        valid_from=valid_from(lines),
        language=detect_language(text) if len(text) > _LANGUAGE_LETTERS else None,
        has_text=bool(lines),
    )


def _layout(document: Any, number: int) -> PageLayout:
    """A page that pdfium cannot load, of absurd size, or without text has no lines."""
    try:
        page = document[number]
        try:
            if not is_huge(page):
                return layout_page(page, number + 1, lambda picture, index: None)
        finally:
            page.close()
    except (pypdfium2.PdfiumError, BadFile):
        pass  # as when it is read: the page is "unread", and the report says so
    return PageLayout(number + 1, 595.0, 842.0, 0, source="unread")


def _plain_text(document: Any, number: int) -> str:
    try:
        page = document[number]
        text_page = page.get_textpage()
        text: str = text_page.get_text_range()
        text_page.close()
        page.close()
    except pypdfium2.PdfiumError:
        return ""
    return text


def _look_at_other(path: Path, file_name: str) -> Look:
    """What is no PDF is short: all of it is read."""
    read = read_document(path, file_name=file_name, ocr_languages="deu+eng")
    return Look(
        title=read.title,
        machine=read.machine,
        type=read.type,
        revision=read.revision,
        valid_from=valid_from("\n".join(page.text for page in read.pages[:_PAGES])),
        language=read.language,
        has_text=True,
    )
