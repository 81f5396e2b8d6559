"""Word files: text as Word shows it, in order, with its headings, lists, tables and page breaks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from rag.errors import BadFile
from rag.ingest.formats.archive import check_archive
from rag.ingest.formats.pieces import (
    MOST_PIECES,
    Cell,
    Heading,
    Hidden,
    Paragraph,
    Picture,
    Piece,
    Run,
    Table,
    as_notice,
    plain,
    trimmed,
)
from rag.ingest.formats.word_pages import PageLabels
from rag.ingest.formats.word_runs import RunReader, tag_of
from rag.ingest.formats.word_styles import Numbering, Styles, W, value

_EMU_PER_POINT = 12_700
_CONTENTS_ENTRY = re.compile(
    r"^(?P<title>.*\S)\s+(?P<label>[ivxlcdm]{1,7}|[A-Z]?\d{0,3}[-–/]?\d{1,4})$", re.S
)


class WordFile:
    """An opened .docx file. Raises ``BadFile`` when it is a bomb; a damaged one makes python-docx
    raise whatever it likes."""

    def __init__(self, path: Path) -> None:
        check_archive(path)
        from docx import Document

        self._document = Document(str(path))
        self._part = self._document.part
        self._body = self._document.element.body
        if sum(1 for _ in self._body.iter(f"{W}p")) > MOST_PIECES:
            raise BadFile("error.document_too_long")
        self._styles = Styles(self._part)
        self._numbering = Numbering(self._part)
        self._labels = PageLabels(self._body)
        self._runs = RunReader(self._styles)

    @property
    def title(self) -> str:
        """As its properties say, "" when they do not."""
        try:
            return str(self._document.core_properties.title or "")
        except (KeyError, ValueError, AttributeError):
            return ""

    @property
    def first_label(self) -> str:
        return self._labels.first

    @property
    def has_pages(self) -> bool:
        """Whether the file says where its pages ended when Word last showed them."""
        return self._labels.known

    def pieces(self) -> Iterator[Piece]:
        """The whole body. Headers and footers are no part of it."""
        for element in self._body:
            yield from self._block(element)

    def _block(self, element: Any) -> Iterator[Piece]:
        tag = tag_of(element)
        if tag == "p":
            yield from self._paragraph(element)
        elif tag == "tbl":
            yield from self._table(element)
        elif tag in ("sdt", "sdtContent", "ins", "customXml"):
            for child in element:
                yield from self._block(child)

    # --- paragraphs ------------------------------------------------------------------------------

    def _paragraph(self, element: Any) -> Iterator[Piece]:
        style = self._styles.of_paragraph(element)
        if style.page_break_before and not self._labels.at_start:
            yield self._labels.next_page()
        read = self._runs.paragraph(element, style)
        for number, runs in enumerate(read.pages):
            if number:
                yield self._labels.next_page()
            if piece := self._said(element, style, runs, number == 0):
                yield piece
                self._labels.at_start = False
        for blob, width in self._pictures(read.pictures):
            self._labels.at_start = False
            yield Picture(blob, width)
        if read.hidden:
            yield Hidden(read.hidden)
        for box in read.boxes:
            said = [piece for child in box for piece in self._block(child)]
            texts = [piece for piece in said if isinstance(piece, Paragraph)]
            notice = as_notice(texts, framed=True) if len(texts) == len(said) else None
            yield from [notice] if notice else said
        if self._labels.ends_section(element):
            yield self._labels.next_page()

    def _said(self, element: Any, style: Any, runs: list[Run], is_first: bool) -> Piece | None:
        """One paragraph, or the part of it that stands on one page."""
        text = trimmed(runs)
        if not text:
            return None
        number, depth = self._numbering.next(element, style) if is_first else ("", 0)
        if style.heading is not None:
            lead = (Run(f"{number} "),) if number and number != "•" else ()
            return Heading(style.heading, (*lead, *text))
        if style.contents and (entry := _CONTENTS_ENTRY.match(plain(text))):
            title = f"{number} {entry['title']}".strip()
            return Paragraph((Run(title),), style.contents - 1, contents=entry["label"])
        paragraph = Paragraph(text, depth if number else 0, number)
        return as_notice([paragraph], framed=style.framed) or paragraph

    def _pictures(self, found: list[tuple[str, float]]) -> Iterator[tuple[bytes, float]]:
        """The image files of drawings that lie within the file; linked ones are not fetched."""
        for relation, emu in found:
            part = self._part.related_parts.get(relation)
            blob = getattr(part, "blob", None)
            if blob:
                yield blob, emu / _EMU_PER_POINT

    # --- tables ----------------------------------------------------------------------------------

    def _table(self, table: Any) -> Iterator[Piece]:
        rows = [row for row in table.iter(f"{W}tr") if _owner(row) is table]
        if notice := self._as_frame(rows):
            yield notice
            self._labels.at_start = False
            return
        grid: list[list[tuple[int, Cell, bool]]] = []
        after: list[Piece] = []
        breaks = 0
        for row in rows:
            breaks += len(row.findall(f".//{W}lastRenderedPageBreak"))
            grid.append(self._row(row, after))
        made = _merged(grid)
        if made:
            yield Table(made, self._header_rows(table, rows))
            self._labels.at_start = False
        yield from after
        for _ in range(breaks):
            self._labels.skip_page()

    def _row(self, row: Any, after: list[Piece]) -> list[tuple[int, Cell, bool]]:
        """(column, cell, whether it goes on from the row above) of each cell."""
        cells: list[tuple[int, Cell, bool]] = []
        column = _whole(value(row.find(f"{W}trPr/{W}gridBefore")))
        for element in row.iter(f"{W}tc"):
            if _owner(element) is not row:
                continue
            properties = element.find(f"{W}tcPr")
            wide = merge = None
            if properties is not None:
                wide = value(properties.find(f"{W}gridSpan"))
                merge = properties.find(f"{W}vMerge")
            goes_on = merge is not None and value(merge) != "restart"
            span = max(1, _whole(wide) or 1)
            cells.append((column, Cell(self._cell_text(element, after), span), goes_on))
            column += span
        return cells

    def _cell_text(self, element: Any, after: list[Piece]) -> tuple[Run, ...]:
        """The paragraphs of a cell, a line each; pictures and hidden text follow the table."""
        runs: list[Run] = []
        for paragraph in element.iter(f"{W}p"):
            style = self._styles.of_paragraph(paragraph)
            read = self._runs.paragraph(paragraph, style)
            number, _ = self._numbering.next(paragraph, style)
            after.extend(Picture(blob, wide) for blob, wide in self._pictures(read.pictures))
            after.extend([Hidden(read.hidden)] if read.hidden else [])
            said = [run for page in read.pages for run in page]
            if plain(said).strip():
                runs.extend([Run("\n")] if runs else [])
                runs.extend([Run(f"{number} ")] if number else [])
                runs.extend(said)
        return trimmed(runs)

    def _as_frame(self, rows: list[Any]) -> Piece | None:
        """A table of one or two cells that holds a warning is a frame around it."""
        cells = [cell for row in rows for cell in row.iter(f"{W}tc")]
        if not rows or len(rows) > 2 or len(cells) > 4:
            return None
        said: list[Paragraph] = []
        for element in (paragraph for cell in cells for paragraph in cell.iter(f"{W}p")):
            style = self._styles.of_paragraph(element)
            read = self._runs.paragraph(element, style)
            if read.pictures and len(cells) == 1:
                return None
            text = trimmed([run for page in read.pages for run in page])
            if text:
                said.append(Paragraph(text))
        return as_notice(said, framed=True)

    def _header_rows(self, table: Any, rows: list[Any]) -> int:
        """Rows marked as header; else the first when the table's style sets that apart."""
        count = 0
        for row in rows:
            if row.find(f"{W}trPr/{W}tblHeader") is None:
                break
            count += 1
        if count == 0 and self._styles.has_bold_first_row(table):
            count = 1
        return count if count < len(rows) else 0


def _owner(element: Any) -> Any:
    """The table of a row, the row of a cell, whatever content controls lie between."""
    parent = element.getparent()
    while parent is not None and tag_of(parent) in ("sdt", "sdtContent", "ins", "customXml"):
        parent = parent.getparent()
    return parent


def _whole(text: str | None) -> int:
    return min(int(text), 100) if text and text.isdigit() else 0


def _merged(grid: list[list[tuple[int, Cell, bool]]]) -> tuple[tuple[Cell, ...], ...]:
    """Rows with cells that go on from above counted into the cell that began them."""
    began: dict[int, tuple[int, int]] = {}  # column → row and place of the cell that goes on
    rows: list[list[Cell]] = []
    for cells in grid:
        row: list[Cell] = []
        following: dict[int, tuple[int, int]] = {}
        for column, cell, goes_on in cells:
            start = began.get(column)
            if goes_on and start is not None:
                first = rows[start[0]][start[1]]
                rows[start[0]][start[1]] = replace(first, rows=len(rows) - start[0] + 1)
                following[column] = start
            else:
                following[column] = len(rows), len(row)
                row.append(cell)
        began = following
        rows.append(row)
    return tuple(tuple(row) for row in rows)
