"""The story of one file that is no PDF: kind → pieces → pages → the view copy."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import BadFile
from rag.ingest.formats.kinds import Kind
from rag.ingest.formats.pieces import (
    Box,
    Heading,
    Hidden,
    PageBreak,
    Paragraph,
    Picture,
    Piece,
    Run,
    Table,
    counted,
    plain,
    tidy,
)

if TYPE_CHECKING:
    from rag.ingest.formats.sheet import Sheet

_MOST_BYTES: dict[Kind, int] = {
    "html": 20 * 1024 * 1024,
    "markdown": 5 * 1024 * 1024,
    "text": 10 * 1024 * 1024,
}
_JPEG_QUALITY = 85
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class View:
    """What the view copy does not show: hidden text by physical page (1-based)."""

    hidden: dict[int, str] = field(default_factory=dict)


def write_view(path: Path, kind: Kind, view: Path) -> View:
    """Write the file at ``path`` as a PDF to ``view``. For the worker only: it parses foreign
    bytes. Raises ``BadFile`` for what is damaged, too large or empty."""
    if path.stat().st_size > _MOST_BYTES.get(kind, 1 << 40):
        raise BadFile("error.document_too_long")
    try:
        if kind == "picture":
            return _write_pictures(path, view)
        return _write_word(path, view) if kind == "word" else _write_text(path, kind, view)
    except (BadFile, MemoryError, OSError):
        raise
    except Exception as error:  # a damaged file breaks the libraries in any way it likes
        _log.exception("a file of kind %s could not be read", kind)
        raise BadFile("error.word_damaged" if kind == "word" else "error.file_damaged") from error


def _write_word(path: Path, view: Path) -> View:
    from rag.ingest.formats.word import WordFile

    file = WordFile(path)
    return _write(
        file.pieces(), view, title=file.title, grows=file.has_pages, label=file.first_label
    )


def _write_text(path: Path, kind: Kind, view: Path) -> View:
    read, title = _text_pieces(path.read_bytes(), kind)
    pieces = list(counted(read))
    has_pages = any(isinstance(piece, PageBreak) for piece in pieces)
    if not has_pages:
        pieces = list(_by_section(pieces))
    return _write(pieces, view, title=title, grows=has_pages, label="1")


def _text_pieces(data: bytes, kind: Kind) -> tuple[Iterator[Piece], str]:
    if kind == "html":
        from rag.ingest.formats.html import read_html, title_of

        return read_html(data), title_of(data)
    if kind == "markdown":
        from rag.ingest.formats.markdown import read_markdown

        return read_markdown(data), ""
    from rag.ingest.formats.plain import read_plain

    return read_plain(data), ""


def _by_section(pieces: list[Piece]) -> Iterator[Piece]:
    """A page break before each section of the highest level that there is more than one of."""
    levels = [piece.level for piece in pieces if isinstance(piece, Heading)]
    top = next((level for level in sorted(set(levels)) if levels.count(level) > 1), 0)
    seen = False
    for piece in pieces:
        if isinstance(piece, Heading) and piece.level == top and top:
            if seen:
                yield PageBreak()
            seen = True
        yield piece


def _write(
    pieces: Iterable[Piece], view: Path, *, title: str, grows: bool = False, label: str = ""
) -> View:
    from rag.ingest.formats.sheet import Sheet

    sheet = Sheet(view, title=title, grows=grows)
    sheet.label = label if grows else ""
    made = View()
    for piece in counted(pieces):
        _draw(sheet, piece, made)
    sheet.save()
    return made


def _draw(sheet: Sheet, piece: Piece, made: View) -> None:
    """One piece on the sheet; what is hidden is noted with the page."""
    from rag.ingest.formats.grid import draw_table
    from rag.ingest.formats.pictures import drawing

    match piece:
        case Heading():
            sheet.heading(piece)
        case Paragraph():
            sheet.paragraph(piece)
        case Table():
            draw_table(sheet, piece)
        case Box(paragraphs=paragraphs):
            sheet.framed(paragraphs)
        case Picture(data=data, width=width):
            if picture := drawing(data):
                sheet.picture(picture, width)
        case PageBreak(label=name):
            sheet.break_page(name)
        case Hidden(text=text):
            said = f"{made.hidden.get(sheet.page, '')} {plain(tidy([Run(text)]))}"
            made.hidden[sheet.page] = said.strip()[:2000]


def _write_pictures(path: Path, view: Path) -> View:
    """Each picture of the file on a page of its own size, packed as JPEG."""
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    from rag.ingest.formats.pictures import pages_of

    canvas = Canvas(str(view), invariant=1)
    for picture, wide, high in pages_of(path):
        packed = io.BytesIO()
        picture.save(packed, "JPEG", quality=_JPEG_QUALITY)
        packed.seek(0)
        canvas.setPageSize((wide, high))
        canvas.drawImage(ImageReader(packed), 0, 0, wide, high)
        canvas.showPage()
    canvas.save()
    return View()
