"""A manual read from first to last page: pages, chunks, quality, what it says of itself."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import pypdfium2

from rag.errors import BadFile
from rag.ingest.chunk import chunk_manual
from rag.ingest.damage import damaged_pages
from rag.ingest.furniture import mark_furniture, page_labels
from rag.ingest.guess import guess
from rag.ingest.headings import OutlineEntry
from rag.ingest.ids import manual_id
from rag.ingest.layout import PageLayout
from rag.ingest.mend import Vocabulary
from rag.ingest.ocr import ocr_reader, tesseract
from rag.ingest.open import check_content, is_huge, open_pdf, sha256_of
from rag.ingest.page_text import page_text
from rag.ingest.pages import layout_page
from rag.ingest.render import PDFIUM_LOCK
from rag.ingest.tables import as_page_table, read_table
from rag.language import detect_language
from rag.types import Chunk, Language, Page, Quality

_OUTLINE_LIMIT = 5000
_OUTLINE_DEPTH = 6


@dataclass(frozen=True, slots=True)
class ReadManual:
    """All that reading a file gives; ``title`` to ``language`` are what the document says of
    itself, "" where it says nothing."""

    sha256: str
    pages: tuple[Page, ...]
    chunks: tuple[Chunk, ...]
    quality: Quality
    title: str
    machine: str
    type: str
    revision: str
    language: Language


def read_document(
    path: Path,
    *,
    file_name: str,
    ocr_languages: str,
    on_page: Callable[[int, int], None] = lambda done, total: None,
    view: Path | None = None,
) -> ReadManual:
    """Read the manual at ``path``; ``on_page(done, total)`` is called after each page.

    What is no PDF is written as one to ``view`` first, or to a temporary file. Raises ``BadFile``
    with the reason when nothing can be made of the file.
    """
    kind = check_content(path, file_name)
    with tempfile.TemporaryDirectory() as folder:
        pdf, hidden = path, None
        if kind != "pdf":
            from rag.ingest.formats.convert import write_view

            pdf = view or Path(folder) / "view.pdf"
            hidden = write_view(path, kind, pdf).hidden
        return _read_pdf(pdf, path, file_name, ocr_languages, on_page, hidden)


def _read_pdf(
    pdf: Path,
    path: Path,
    file_name: str,
    ocr_languages: str,
    on_page: Callable[[int, int], None],
    hidden: dict[int, str] | None,
) -> ReadManual:
    """Read ``pdf``, the file at ``path`` or its view copy; for a copy ``hidden`` is the text by
    page that it does not show, and there are no running headers or footers."""
    started = time.monotonic()
    sha256 = sha256_of(path)
    with PDFIUM_LOCK, open_pdf(pdf) as document:
        layouts = _read_pages(document, ocr_languages, on_page)
        for index in damaged_pages(pdf):
            if index <= len(layouts):
                layouts[index - 1].source = "unread"
        outline = _outline(document)
        file_labels = [document.get_page_label(n) for n in range(len(document))]
        metadata = document.get_metadata_dict(skip_empty=True)
    if all(not layout.lines for layout in layouts):
        raise BadFile(_nothing_read(hidden is not None))
    if hidden is None:
        mark_furniture(layouts)
    for layout in layouts:
        layout.hidden_text = (hidden or {}).get(layout.index, layout.hidden_text)
    for layout, label in zip(layouts, page_labels(layouts, file_labels), strict=True):
        layout.label = label
    vocabulary = Vocabulary(line.text for layout in layouts for line in layout.lines)
    language = _language(layouts)
    chunks, _ = chunk_manual(
        layouts,
        manual_id=manual_id(sha256),
        sha256=sha256,
        outline=outline,
        language=language,
        vocabulary=vocabulary,
    )
    pages = tuple(_page(layout, vocabulary, language) for layout in layouts)
    said = guess(layouts, metadata, file_name)
    return ReadManual(
        sha256=sha256,
        pages=pages,
        chunks=tuple(chunks),
        quality=_quality(pages, chunks, time.monotonic() - started),
        title=said.title,
        machine=said.machine,
        type=said.type,
        revision=said.revision,
        language=language,
    )


def _nothing_read(is_copy: bool) -> str:
    if tesseract() is None:
        return "error.ocr_missing"
    return "error.document_empty" if is_copy else "error.pdf_unreadable"


def _read_pages(
    document: Any, ocr_languages: str, on_page: Callable[[int, int], None]
) -> list[PageLayout]:
    read_picture = ocr_reader(ocr_languages)
    layouts: list[PageLayout] = []
    total = len(document)
    for number in range(total):
        layouts.append(_read_page(document, number, read_picture))
        on_page(number + 1, total)
    return layouts


def _read_page(
    document: Any, number: int, read_picture: Callable[[Any, int], PageLayout | None]
) -> PageLayout:
    """One page; a page that pdfium cannot load, or of absurd size, is "unread", not an end."""
    try:
        page = document[number]
    except pypdfium2.PdfiumError:
        return PageLayout(number + 1, 595.0, 842.0, 0, source="unread")
    try:
        if is_huge(page):
            return PageLayout(number + 1, 595.0, 842.0, 0, source="unread")
        return layout_page(page, number + 1, read_picture)
    except (pypdfium2.PdfiumError, BadFile):
        return PageLayout(number + 1, 595.0, 842.0, 0, source="unread")
    finally:
        page.close()


def _outline(document: Any) -> list[OutlineEntry]:
    entries: list[OutlineEntry] = []
    try:
        for mark in document.get_toc(max_depth=_OUTLINE_DEPTH):
            entries.append(OutlineEntry(mark.level + 1, (mark.get_title() or "").strip()))
            if len(entries) >= _OUTLINE_LIMIT:
                break
    except pypdfium2.PdfiumError:
        return entries
    return entries


def _language(layouts: Sequence[PageLayout]) -> Language:
    """The language of most pages."""
    votes = Counter(
        detect_language(" ".join(line.text for line in layout.lines))
        for layout in layouts
        if len(layout.lines) > 3
    )
    return votes.most_common(1)[0][0] if votes else "de"


def _page(layout: PageLayout, vocabulary: Vocabulary, language: Language) -> Page:
    text = page_text(layout, vocabulary)
    width, height = layout.displayed_size
    return Page(
        index=layout.index,
        label=layout.label,
        width=width,
        height=height,
        text=text,
        tables=tuple(
            as_page_table(read_table(grid, layout, vocabulary), layout.box(grid.rect))
            for grid in layout.grids
        ),
        source=layout.source,
        confidence=layout.confidence,
        language=detect_language(text, language),
        hidden_text=layout.hidden_text[:2000],
    )


def _quality(pages: Sequence[Page], chunks: Sequence[Chunk], seconds: float) -> Quality:
    scanned = [page for page in pages if page.source == "ocr"]
    certain = [page.confidence for page in scanned if page.confidence is not None]
    languages = Counter(chunk.language for chunk in chunks)
    return Quality(
        pages=len(pages),
        ocr_pages=tuple(page.index for page in scanned),
        ocr_confidence=round(fmean(certain), 3) if certain else None,
        unread_pages=tuple(page.index for page in pages if page.source == "unread"),
        hidden_text_pages=tuple(page.index for page in pages if page.hidden_text),
        tables=sum(len(page.tables) for page in pages),
        notices=sum(chunk.kind == "notice" for chunk in chunks),
        fault_codes=len({code for c in chunks if c.kind == "fault" for code in c.codes}),
        part_numbers=len({code for c in chunks if c.kind == "parts" for code in c.codes}),
        languages=tuple(sorted(languages)),
        seconds=round(seconds, 2),
    )
