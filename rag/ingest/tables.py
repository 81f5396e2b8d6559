"""Whole tables from grids: header rows found, merged cells filled, page breaks joined."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rag.ingest.layout import Cell, Grid, PageLayout, Rect, union
from rag.ingest.mend import Vocabulary, join_lines
from rag.types import Box, Table

_SAME_EDGE = 6.0  # points by which columns may differ over a page break


@dataclass(slots=True)
class Row:
    """One row over all columns. ``own`` says which cells were printed in this row, not filled."""

    cells: list[str]
    own: list[bool]
    boxes: list[Box]
    page: int
    group: str = ""  # the title row it stands under


@dataclass(slots=True)
class WholeTable:
    """A table with its rows from all pages it crosses."""

    header: list[str]
    rows: list[Row]
    column_edges: list[float]
    title: str = ""
    pages: list[int] = field(default_factory=list)


def read_table(grid: Grid, page: PageLayout, vocabulary: Vocabulary) -> WholeTable:
    """The table of one page. A header stacked over several rows becomes one name a column."""
    texts = {id(cell): _text(cell, vocabulary) for cell in grid.cells}
    columns = len(grid.column_edges) - 1
    filled: list[list[Cell | None]] = [[None] * columns for _ in range(grid.row_count)]
    for cell in grid.cells:
        for row in range(cell.rows[0], min(cell.rows[1], grid.row_count)):
            for column in range(cell.columns[0], min(cell.columns[1], columns)):
                filled[row][column] = cell
    depth = _header_depth(grid, filled)
    header = [_header_name(filled[:depth], column, texts) for column in range(columns)]
    table = WholeTable(header, [], grid.column_edges, pages=[page.index])
    group = ""
    for number in range(depth, grid.row_count):
        cells = filled[number]
        if _is_group_row(cells, texts):
            group = texts[id(cells[0])]
            continue
        values = [texts[id(cell)] if cell else "" for cell in cells]
        if not any(values):
            continue
        own = [bool(cell) and cell.rows[0] == number for cell in cells]  # type: ignore[union-attr]
        table.rows.append(Row(values, own, [page.box(_row_rect(cells))], page.index, group))
    return table


def _text(cell: Cell, vocabulary: Vocabulary) -> str:
    return join_lines([line.text for line in cell.lines], vocabulary)


def _header_depth(grid: Grid, filled: Sequence[Sequence[Cell | None]]) -> int:
    """How many rows on top are header: the bold ones, else the first one of three columns."""
    bold = [_is_bold_row(row) for row in filled]
    if bold and bold[0] and not all(bold):
        return bold.index(False)
    if all(bold) or grid.column_edges[2:3] == [] or len(grid.column_edges) < 4:
        return 1 if len(grid.column_edges) >= 4 or (bold and bold[0]) else 0
    spans = [cell for cell in filled[0] if cell and cell.columns[1] - cell.columns[0] > 1]
    return 2 if spans and len(filled) > 2 else 1


def _is_bold_row(row: Sequence[Cell | None]) -> bool:
    cells = [cell for cell in row if cell and cell.lines]
    return bool(cells) and all(cell.bold for cell in cells)


def _header_name(rows: Sequence[Sequence[Cell | None]], column: int, texts: dict[int, str]) -> str:
    names: list[str] = []
    for row in rows:
        cell = row[column]
        if cell and texts[id(cell)] and texts[id(cell)] not in names:
            names.append(texts[id(cell)])
    return " ".join(names)


def _is_group_row(cells: Sequence[Cell | None], texts: dict[int, str]) -> bool:
    """A row that is one cell from edge to edge: a title for the rows below it."""
    first = cells[0]
    return (
        first is not None
        and len(cells) > 1
        and all(cell is first for cell in cells)
        and 0 < len(texts[id(first)]) <= 120
    )


def _row_rect(cells: Sequence[Cell | None]) -> Rect:
    """The row's own rectangle: as high as its lowest cells, as wide as all."""
    real = [cell for cell in cells if cell]
    lowest = min(real, key=lambda cell: cell.rows[1] - cell.rows[0])
    wide = union(cell.rect for cell in real)
    return wide[0], lowest.rect[1], wide[2], lowest.rect[3]


def can_continue(table: WholeTable, following: WholeTable) -> bool:
    """Whether ``following``, first on the next page, has the columns of ``table``."""
    if len(table.column_edges) != len(following.column_edges):
        return False
    if following.pages[0] - table.pages[-1] != 1:
        return False
    return all(
        abs(one - other) < _SAME_EDGE
        for one, other in zip(
            _relative(table.column_edges), _relative(following.column_edges), strict=True
        )
    )


def _relative(edges: Sequence[float]) -> list[float]:
    """Edges from the left one on: odd and even pages may stand apart."""
    return [edge - edges[0] for edge in edges]


def append_table(table: WholeTable, following: WholeTable) -> None:
    """Put the rows of ``following`` under ``table``; its repeated header is dropped, and a row
    without its first cell goes on with the row before the break."""
    if following.header != table.header and any(following.header):
        columns = len(table.header)
        empty = Row(following.header, [True] * columns, [], following.pages[0])
        if following.rows:
            empty.boxes = following.rows[0].boxes
        if _looks_like_values(following.header, table):
            following.rows.insert(0, empty)
    for number, row in enumerate(following.rows):
        if number == 0 and table.rows and not row.cells[0] and any(row.cells):
            _extend(table.rows[-1], row)
            continue
        row.group = row.group or (table.rows[-1].group if table.rows else "")
        table.rows.append(row)
    table.pages.extend(following.pages)


def _looks_like_values(header: Sequence[str], table: WholeTable) -> bool:
    """Whether what was taken for a header is in truth the first row after a page break."""
    return _squeezed(header) != _squeezed(table.header)


def _squeezed(cells: Sequence[str]) -> str:
    return re.sub(r"\W+", "", "".join(cells)).casefold()


def _extend(row: Row, rest: Row) -> None:
    row.cells = [
        f"{cell} {more}".strip() if more else cell
        for cell, more in zip(row.cells, rest.cells, strict=True)
    ]
    row.boxes.extend(rest.boxes)


def as_page_table(table: WholeTable, box: Box) -> Table:
    """The part of the public ``Page``: cells as read."""
    return Table(
        header=tuple(table.header),
        rows=tuple(tuple(row.cells) for row in table.rows),
        box=box,
        row_boxes=tuple(row.boxes[0] for row in table.rows),
        title=table.title,
    )
