"""A manual read from first to last page, in memory that does not grow with their number.

Pages are read once and put aside (``spool``); what only the whole manual tells is learnt from them
in further passes (``survey``); then pages and chunks are handed on as they are made.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pypdfium2

from rag.errors import BadFile
from rag.ingest.blocks import build_blocks
from rag.ingest.chunk import ManualFacts, chunks_of
from rag.ingest.guess import guess
from rag.ingest.headings import OutlineEntry
from rag.ingest.ids import manual_id
from rag.ingest.layout import PageLayout
from rag.ingest.mend import Vocabulary
from rag.ingest.ocr import tesseract
from rag.ingest.open import check_content, open_pdf, sha256_of
from rag.ingest.page_stream import page_layouts
from rag.ingest.page_text import page_text
from rag.ingest.render import PDFIUM_LOCK
from rag.ingest.spool import LayoutSpool
from rag.ingest.survey import FirstLook, survey
from rag.ingest.tables import as_page_table, read_table
from rag.ingest.tally import Tally
from rag.types import Chunk, Language, Page, Quality

_OUTLINE_LIMIT = 5000
_OUTLINE_DEPTH = 6
_HIDDEN_LETTERS = 2000

OnPage = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Summary:
    """What is known when all was read; ``title`` to ``language`` are what the document says of
    itself, "" where it says nothing."""

    sha256: str
    quality: Quality
    title: str
    machine: str
    type: str
    revision: str
    language: Language


@dataclass(frozen=True, slots=True)
class ReadManual(Summary):
    """All that reading a file gives, in one piece."""

    pages: tuple[Page, ...]
    chunks: tuple[Chunk, ...]


@dataclass(slots=True)
class _Source:
    """``pdf`` is the file at ``path`` or its view copy; for a copy ``hidden`` is the text by page
    that it does not show, and there are no running headers or footers."""

    path: Path
    pdf: Path
    hidden: Mapping[int, str] | None = None


def read_document(
    path: Path,
    *,
    file_name: str,
    ocr_languages: str,
    on_page: OnPage = lambda done, total: None,
    view: Path | None = None,
) -> ReadManual:
    """As ``read_into``, with all pages and chunks at once."""
    pages: list[Page] = []
    chunks: list[Chunk] = []
    summary = read_into(
        path,
        pages.append,
        chunks.append,
        file_name=file_name,
        ocr_languages=ocr_languages,
        on_page=on_page,
        view=view,
    )
    known = {field.name: getattr(summary, field.name) for field in fields(summary)}
    return ReadManual(**known, pages=tuple(pages), chunks=tuple(chunks))


def read_into(
    path: Path,
    take_page: Callable[[Page], None],
    take_chunk: Callable[[Chunk], None],
    *,
    file_name: str,
    ocr_languages: str,
    on_page: OnPage = lambda done, total: None,
    view: Path | None = None,
) -> Summary:
    """Read the manual at ``path`` and hand on its pages and chunks, each in their order.

    ``on_page(done, total)`` is called after each page. What is no PDF is written as one to
    ``view`` first, or to a temporary file. Raises ``BadFile`` with the reason when nothing can be
    made of the file; what was handed on is then to be forgotten.
    """
    started = time.monotonic()
    kind = check_content(path, file_name)
    with tempfile.TemporaryDirectory() as folder, closing(LayoutSpool()) as spool:
        source = _Source(path, path)
        if kind != "pdf":
            from rag.ingest.formats.convert import write_view

            source.pdf = view or Path(folder) / "view.pdf"
            source.hidden = write_view(path, kind, source.pdf).hidden
        return _read(
            source, spool, file_name, ocr_languages, on_page, take_page, take_chunk, started
        )


def _read(
    source: _Source,
    spool: LayoutSpool,
    file_name: str,
    ocr_languages: str,
    on_page: OnPage,
    take_page: Callable[[Page], None],
    take_chunk: Callable[[Chunk], None],
    started: float,
) -> Summary:
    sha256 = sha256_of(source.path)
    look = FirstLook()
    for layout in page_layouts(source.pdf, ocr_languages, on_page):
        if source.hidden is not None:
            layout.hidden_text = source.hidden.get(layout.index, layout.hidden_text)
        look.see(layout)
        spool.append(layout)
    if look.is_blank:
        raise BadFile(_nothing_read(source.hidden is not None))
    with PDFIUM_LOCK, open_pdf(source.pdf) as document:
        outline = _outline(document)
        labels = [document.get_page_label(n) for n in range(len(document))]
        metadata = document.get_metadata_dict(skip_empty=True)
    known = survey(
        spool, look, outline=outline, file_labels=labels, has_furniture=source.hidden is None
    )
    facts = ManualFacts(
        manual_id=manual_id(sha256),
        sha256=sha256,
        language=known.language,
        vocabulary=known.vocabulary,
        pages=known.pages,
        languages=known.languages,
    )
    tally = Tally()

    def handed_on() -> Iterator[PageLayout]:
        for layout in spool:
            page = _page(layout, known.vocabulary, known.languages[layout.index])
            tally.page(page)
            take_page(page)
            yield layout

    cover = 1 if len(spool) > 4 else 0
    for chunk in chunks_of(build_blocks(handed_on(), known.rules, cover, known.leading), facts):
        tally.chunk(chunk)
        take_chunk(chunk)
    if tally.is_empty:
        raise BadFile(_nothing_read(source.hidden is not None))
    said = guess(known.first, metadata, file_name)
    return Summary(
        sha256=sha256,
        quality=tally.quality(time.monotonic() - started),
        title=said.title,
        machine=said.machine,
        type=said.type,
        revision=said.revision,
        language=known.language,
    )


def _nothing_read(is_copy: bool) -> str:
    if tesseract() is None:
        return "error.ocr_missing"
    return "error.document_empty" if is_copy else "error.pdf_unreadable"


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


def _page(layout: PageLayout, vocabulary: Vocabulary, language: Language) -> Page:
    width, height = layout.displayed_size
    return Page(
        index=layout.index,
        label=layout.label,
        width=width,
        height=height,
        text=page_text(layout, vocabulary),
        tables=tuple(
            as_page_table(read_table(grid, layout, vocabulary), layout.box(grid.rect))
            for grid in layout.grids
        ),
        source=layout.source,
        confidence=layout.confidence,
        language=language,
        hidden_text=layout.hidden_text[:_HIDDEN_LETTERS],
    )
