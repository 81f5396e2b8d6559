"""Tables drawn with all their rules, rows kept whole, their header repeated on each page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rag.ingest.formats.flow import SetLine, longest_word, natural_width, set_lines
from rag.ingest.formats.pieces import Cell, Paragraph, Run, Table, plain
from rag.ingest.formats.sheet import BODY, INNER, LEADING, MARGIN, Sheet

_SIZE = 9.0
_SMALL = 7.0
_PADDING = 4.0
_MOST_COLUMNS = 40
_WIDE = 220.0  # points; what a column would like at most


@dataclass(slots=True)
class _Placed:
    """A cell at its place in the grid."""

    row: int
    column: int
    cell: Cell
    lines: list[SetLine]

    def height(self, size: float) -> float:
        return len(self.lines) * size * LEADING + 2 * _PADDING


def draw_table(sheet: Sheet, table: Table) -> None:
    """``table`` from the sheet's present place on; one of too many columns as lines of text."""
    placed, columns = _place(table)
    if not placed:
        return
    if columns > _MOST_COLUMNS:
        for row in table.rows:
            text = " | ".join(" ".join(plain(cell.text).split()) for cell in row)
            sheet.paragraph(Paragraph((Run(text),)))
        return
    widths, size = _widths(placed, columns)
    edges = [MARGIN]
    for width in widths:
        edges.append(edges[-1] + width)
    for one in placed:
        last = min(one.column + one.cell.columns, columns)
        inner = edges[last] - edges[one.column] - 2 * _PADDING
        one.lines = set_lines(one.cell.text, max(inner, size), size)
    sheet.y += 0.0 if sheet.is_blank else BODY
    _draw_groups(sheet, placed, edges, size, table.header_rows)
    sheet.y += 0.8 * BODY


def _place(table: Table) -> tuple[list[_Placed], int]:
    """The cells with their places, spans cut to what the table has; and the count of columns."""
    taken: set[tuple[int, int]] = set()
    placed: list[_Placed] = []
    columns = 0
    for number, row in enumerate(table.rows):
        column = 0
        for cell in row:
            while (number, column) in taken:
                column += 1
            wide = max(1, min(cell.columns, _MOST_COLUMNS + 1 - column))
            tall = max(1, min(cell.rows, len(table.rows) - number))
            bold = number < table.header_rows
            text = tuple(replace(run, bold=run.bold or bold) for run in cell.text)
            placed.append(_Placed(number, column, Cell(text, wide, tall), []))
            if tall > 1 or wide > 1:
                taken.update(
                    (r, c)
                    for r in range(number, number + tall)
                    for c in range(column, column + wide)
                )
            column += wide
            columns = max(columns, column)
            if columns > _MOST_COLUMNS:
                return placed, columns
    return placed, columns


def _widths(placed: Sequence[_Placed], columns: int) -> tuple[list[float], float]:
    """The columns' widths, and the letter size with which the longest words fit if they can."""
    for size in (_SIZE, _SMALL):
        least, liked = [16.0] * columns, [24.0] * columns
        for one in placed:
            if one.cell.columns == 1:
                column = one.column
                word = longest_word(one.cell.text, size) + 2 * _PADDING + 1
                wide = natural_width(one.cell.text, size) + 2 * _PADDING + 1
                least[column] = max(least[column], min(word, _WIDE))
                liked[column] = max(liked[column], min(wide, 2 * _WIDE))
        if sum(least) <= INNER:
            break
    if sum(liked) <= INNER:
        return liked, size
    if sum(least) > INNER:
        return [wide * INNER / sum(least) for wide in least], size
    spare = INNER - sum(least)
    wanted = [more - wide for more, wide in zip(liked, least, strict=True)]
    total = sum(wanted) or 1.0
    return [w + spare * more / total for w, more in zip(least, wanted, strict=True)], size


def _draw_groups(
    sheet: Sheet, placed: Sequence[_Placed], edges: Sequence[float], size: float, header_rows: int
) -> None:
    """Rows that a cell ties together go onto one page; what is taller than a page is cut."""
    groups = list(_groups(placed))
    header = [one for group in groups if group[0].row < header_rows for one in group]
    header_height = sum(_heights(header, size).values())
    repeats = bool(header) and header_height < 0.3 * sheet.full_page()
    for group in groups:
        heights = _heights(group, size)
        tall = sum(heights.values())
        if tall > sheet.room() and not sheet.is_blank:
            sheet.break_page()
            if repeats and group[0].row >= header_rows:
                _draw(sheet, header, _heights(header, size), edges, size)
        if tall <= sheet.room():
            _draw(sheet, group, heights, edges, size)
        else:
            _draw_cut(sheet, group, edges, size)


def _groups(placed: Sequence[_Placed]) -> Iterator[list[_Placed]]:
    """Cells by row, rows joined as long as a cell reaches into the next one."""
    group: list[_Placed] = []
    reach = 0
    for one in sorted(placed, key=lambda one: (one.row, one.column)):
        if group and one.row >= reach:
            yield group
            group = []
        group.append(one)
        reach = max(reach, one.row + one.cell.rows)
    if group:
        yield group


def _heights(group: Sequence[_Placed], size: float) -> dict[int, float]:
    """The height of each row of the group; a cell over several rows lengthens its last one."""
    if not group:
        return {}
    first, last = group[0].row, max(one.row + one.cell.rows for one in group)
    heights = dict.fromkeys(range(first, last), size * LEADING + 2 * _PADDING)
    for one in sorted(group, key=lambda one: one.cell.rows):
        rows = range(one.row, one.row + one.cell.rows)
        lacking = one.height(size) - sum(heights[row] for row in rows)
        if lacking > 0:
            heights[rows[-1]] += lacking
    return heights


def _draw(
    sheet: Sheet,
    group: Sequence[_Placed],
    heights: dict[int, float],
    edges: Sequence[float],
    size: float,
) -> None:
    tops: dict[int, float] = {}
    y = sheet.y
    for row, height in heights.items():
        tops[row] = y
        y += height
    for one in group:
        top = tops[one.row]
        bottom = top + sum(heights[row] for row in range(one.row, one.row + one.cell.rows))
        last = min(one.column + one.cell.columns, len(edges) - 1)
        sheet.box(edges[one.column], top, edges[last], bottom)
        for number, line in enumerate(one.lines):
            base = top + _PADDING + size + number * size * LEADING
            sheet.line(line, edges[one.column] + _PADDING, base, size)
    sheet.y = y


def _draw_cut(sheet: Sheet, group: Sequence[_Placed], edges: Sequence[float], size: float) -> None:
    """Row after row, each cell on its own, the lines of a tall one over as many pages as needed."""
    for number in sorted({one.row for one in group}):
        row = [replace_rows(one) for one in group if one.row <= number < one.row + one.cell.rows]
        rest = {id(one): one.lines for one in row}
        while any(rest.values()):
            count = int((sheet.room() - 2 * _PADDING) / (size * LEADING))
            if count < 1:
                sheet.break_page()
                continue
            for one in row:
                one.row = number
                one.lines, rest[id(one)] = rest[id(one)][:count], rest[id(one)][count:]
            _draw(sheet, row, _heights(row, size), edges, size)
            if any(rest.values()):
                sheet.break_page()


def replace_rows(one: _Placed) -> _Placed:
    """The cell for one row of those it spans: its text is repeated in each."""
    return _Placed(one.row, one.column, replace(one.cell, rows=1), one.lines)
