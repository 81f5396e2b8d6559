"""Pages drawn from pieces, top down; the PDF that a manual of another format is viewed as."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL.Image import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from rag.errors import BadFile
from rag.ingest.formats.flow import SetLine, font, set_lines, width_of
from rag.ingest.formats.pieces import Heading, Paragraph, Run, Text, plain

WIDTH, HEIGHT = 595.0, 842.0  # A4, in points
MARGIN = 56.0
INNER = WIDTH - 2 * MARGIN
BODY = 10.0
LEADING = 1.32
_HEADINGS = (22.0, 18.0, 15.0, 13.0, 12.0, 11.4, 11.0)  # letter sizes; 0 is the title
_INDENT = 18.0
_PADDING = 7.0
_TALLEST = 2.2 * HEIGHT  # a page that was given to us whole may grow so far
_MOST_PAGES = 3000


@dataclass(slots=True)
class _Drawn:
    """What waits to be drawn on the page; y runs down from its top."""

    texts: list[tuple[float, float, str, bool, float]] = field(default_factory=list)
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    pictures: list[tuple[Image, float, float, float, float]] = field(default_factory=list)


class Sheet:
    """A PDF being written. ``grows``: the document has pages of its own, which stretch to hold
    their text, so that its page 7 is page 7 of the PDF, and is labelled as it says."""

    def __init__(self, path: Path, *, title: str, grows: bool) -> None:
        self._canvas = Canvas(str(path), pagesize=(WIDTH, HEIGHT), invariant=1, pageCompression=1)
        self._canvas.setTitle(title[:200])
        self._grows = grows
        self._limit = (_TALLEST if grows else HEIGHT) - MARGIN
        self._waiting = _Drawn()
        self._outline_level = -1
        self._labels: list[str] = []
        self.y = MARGIN
        self.page = 1
        self.label = ""

    # --- pages -----------------------------------------------------------------------------------

    @property
    def is_blank(self) -> bool:
        return self.y == MARGIN

    def room(self) -> float:
        """Points left on the page."""
        return self._limit - self.y

    def full_page(self) -> float:
        """Points that an empty page has."""
        return self._limit - MARGIN

    def break_page(self, label: str | None = None) -> None:
        """End the page, also a blank one. Raises ``BadFile`` when there are too many."""
        self._flush()
        if self.page > _MOST_PAGES:
            raise BadFile("error.document_too_long")
        if self._grows and label is not None:
            self.label = label

    def need(self, height: float) -> None:
        """Go on to the next page when ``height`` points do not fit on this one."""
        if self.room() < height and not self.is_blank:
            self.break_page()

    def save(self) -> None:
        if not self.is_blank or self.page == 1:
            self._flush()
        if any(self._labels):
            for number, label in enumerate(self._labels):
                self._canvas.addPageLabel(number, prefix=label or str(number + 1))
        self._canvas.save()

    def _flush(self) -> None:
        canvas, waiting = self._canvas, self._waiting
        high = max(HEIGHT, self.y + MARGIN)
        canvas.setPageSize((WIDTH, high))
        canvas.setLineWidth(0.6)
        for x0, y0, x1, y1 in waiting.boxes:
            canvas.rect(x0, high - y1, x1 - x0, y1 - y0)
        for x, y, text, bold, size in waiting.texts:
            canvas.setFont(font(bold), size)
            canvas.drawString(x, high - y, text)
        for picture, x, y, wide, tall in waiting.pictures:
            canvas.drawImage(ImageReader(picture), x, high - y - tall, wide, tall)
        canvas.showPage()
        self._labels.append(self.label)
        self._waiting = _Drawn()
        self.y = MARGIN
        self.page += 1

    # --- what stands on them ---------------------------------------------------------------------

    def heading(self, piece: Heading) -> None:
        """Large and bold, with an entry in the outline."""
        size = _HEADINGS[min(piece.level, len(_HEADINGS) - 1)]
        bold = tuple(Run(run.text.replace("\t", " "), bold=True) for run in piece.text)
        lines = set_lines(bold, INNER, size)
        self.need(len(lines) * size * LEADING + 5 * BODY)
        self.y += 0.0 if self.is_blank else 0.9 * size
        if piece.level:
            self._list(piece)
        self._lines(lines, MARGIN, size)
        self.y += 0.35 * size

    def _list(self, piece: Heading) -> None:
        key = f"h{self.page}-{self.y:.0f}"
        level = min(piece.level - 1, self._outline_level + 1)
        title = " ".join(plain(piece.text).split())
        self._canvas.bookmarkHorizontal(key, 0, 0)
        self._canvas.addOutlineEntry(title[:300], key, level)
        self._outline_level = level

    def paragraph(self, piece: Paragraph) -> None:
        """Running text, an entry of a list, or one of the table of contents."""
        if piece.contents:
            self._contents_entry(piece)
            return
        left = MARGIN + _INDENT * min(piece.depth, 8)
        hang = max(14.0, width_of(piece.marker + "  ", False, BODY)) if piece.marker else 0.0
        lines = set_lines(piece.text, WIDTH - MARGIN - left - hang, BODY)
        if not piece.tight:
            self.y += 0.0 if self.is_blank else 0.55 * BODY
        self.need(min(2, len(lines)) * BODY * LEADING)
        if piece.marker:
            self.text(left, self.y + BODY, piece.marker, False, BODY)
        self._lines(lines or [[]], left + hang, BODY)

    def _contents_entry(self, piece: Paragraph) -> None:
        """A title, dots, a page: what the reader knows as contents."""
        self.need(BODY * LEADING)
        title = " ".join(plain(piece.text).split())[:90]
        left = MARGIN + _INDENT * min(piece.depth, 8)
        free = WIDTH - MARGIN - left - width_of(f"{title}  {piece.contents}", False, BODY)
        dots = "." * max(6, int(free / width_of(".", False, BODY)))
        self._lines(
            set_lines((Run(f"{title} {dots} {piece.contents}"),), INNER + 60, BODY), left, BODY
        )

    def framed(self, paragraphs: Sequence[Paragraph]) -> None:
        """A notice in a frame; one that is taller than a page stands without it."""
        inner = INNER - 2 * _PADDING
        texts = [_marked(paragraph) for paragraph in paragraphs]
        set_texts = [set_lines(text, inner, BODY) for text in texts]
        tall = sum(len(lines) for lines in set_texts) * BODY * LEADING
        tall += 2 * _PADDING + 0.4 * BODY * (len(set_texts) - 1)
        self.y += 0.0 if self.is_blank else BODY
        if tall > self.full_page():
            for paragraph in paragraphs:
                self.paragraph(paragraph)
            return
        self.need(tall)
        self.box(MARGIN, self.y, WIDTH - MARGIN, self.y + tall)
        self.y += _PADDING
        for lines in set_texts:
            self._lines(lines, MARGIN + _PADDING, BODY)
            self.y += 0.4 * BODY
        self.y += _PADDING + 0.6 * BODY

    def picture(self, image: Image, width: float = 0.0) -> None:
        """A picture of ``width`` points, made smaller where it does not fit."""
        wide = min(width or image.width * 0.75, INNER)
        tall = wide * image.height / image.width
        most = HEIGHT - 2 * MARGIN
        if tall > most:
            wide, tall = wide * most / tall, most
        self.need(tall + BODY)
        self.y += 0.5 * BODY
        self._waiting.pictures.append((image, MARGIN, self.y, wide, tall))
        self.y += tall + 0.5 * BODY

    # --- strokes ---------------------------------------------------------------------------------

    def _lines(self, lines: Iterable[SetLine], left: float, size: float) -> None:
        for line in lines:
            self.need(size * LEADING)
            self.line(line, left, self.y + size, size)
            self.y += size * LEADING

    def line(self, line: SetLine, left: float, base: float, size: float) -> None:
        """A set line whose letters stand on ``base``."""
        for span in line:
            self.text(left + span.x, base, span.text, span.bold, size)

    def text(self, x: float, base: float, text: str, bold: bool, size: float) -> None:
        self._waiting.texts.append((x, base, text, bold, size))

    def box(self, x0: float, y0: float, x1: float, y1: float) -> None:
        self._waiting.boxes.append((x0, y0, x1, y1))


def _marked(paragraph: Paragraph) -> Text:
    return (Run(f"{paragraph.marker} "), *paragraph.text) if paragraph.marker else paragraph.text
