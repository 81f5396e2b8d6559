"""Ruled tables and drawn frames of one page, from its ruling lines and filled areas.

The cells are found by pdfplumber's table algorithm, fed with the lines that pdfium has already
read: the same result as opening the page again with pdfplumber, at a tenth of the time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from rag.ingest.layout import Cell, Frame, Glyph, Grid, Rect, holds, union
from rag.ingest.lines import build_lines
from rag.ingest.words import Word, column_of, split_at, text_starts

_EDGE_LIMIT = 2500  # a page with more is a drawing
_POINT_LIMIT = 2500
_TOLERANCE = 3.0  # points within which ruling lines meet
_LEAST_FRAME = (60.0, 12.0)  # width and height of the smallest frame that can hold a notice

Edge = tuple[float, float, float, float]


def find_cells(edges: Sequence[Edge]) -> list[list[Rect]]:
    """The cells of each ruled table or box, tables from top to bottom; y grows downwards."""
    if len(edges) < 4 or len(edges) > _EDGE_LIMIT:
        return []
    from pdfplumber import table as plumber  # only when there are lines: it costs 20 MB

    merged = plumber.merge_edges(
        [_as_plumber_edge(edge) for edge in edges], _TOLERANCE, _TOLERANCE, _TOLERANCE, _TOLERANCE
    )
    points = plumber.edges_to_intersections(merged, _TOLERANCE, _TOLERANCE)
    if not points or len(points) > _POINT_LIMIT:
        return []
    groups: list[list[Rect]] = []
    for cell in plumber.intersections_to_cells(points):
        _join_group(groups, cell)
    return sorted(groups, key=lambda cells: (min(c[1] for c in cells), min(c[0] for c in cells)))


def _join_group(groups: list[list[Rect]], cell: Rect) -> None:
    """Add ``cell`` to the group it shares a corner with; it may unite several."""
    corners = set(_corners(cell))
    touching = [group for group in groups if any(corners.intersection(_corners(c)) for c in group)]
    joined = [cell]
    for group in touching:
        joined = group + joined
        groups.remove(group)
    groups.append(joined)


def _corners(cell: Rect) -> tuple[tuple[float, float], ...]:
    x0, y0, x1, y1 = cell
    return (x0, y0), (x0, y1), (x1, y0), (x1, y1)


def _as_plumber_edge(edge: Edge) -> dict[str, Any]:
    x0, y0, x1, y1 = edge
    level = y0 == y1
    return {
        "x0": x0,
        "x1": x1,
        "top": y0,
        "bottom": y1,
        "width": x1 - x0,
        "height": y1 - y0,
        "orientation": "h" if level else "v",
    }


def build_grid(cells: Sequence[Rect], words: Sequence[Word], page: int) -> Grid | None:
    """The table made of ``cells`` with its texts; None when it has not two rows and columns.

    A word that runs over a ruling line belongs to the cell that has most of it.
    """
    columns = _edges([x for cell in cells for x in (cell[0], cell[2])])
    rows = _edges([y for cell in cells for y in (cell[1], cell[3])])
    if len(columns) < 3 or len(rows) < 3 or len(cells) < 4:
        return None
    bounds = union(cells)
    made = [
        Cell(
            rows=(_place(rows, cell[1]), _place(rows, cell[3])),
            columns=(_place(columns, cell[0]), _place(columns, cell[2])),
            rect=cell,
            lines=[],
        )
        for cell in cells
    ]
    for cell, inside in zip(made, _by_cell(made, words, columns, rows), strict=True):
        cell.lines = build_lines(inside, page, bounds[2], bounds[3], columns=False)
    if sum(bool(cell.lines) for cell in made) < 3:
        return None
    return Grid(bounds, made, len(rows) - 1, columns)


def _by_cell(
    cells: Sequence[Cell], words: Sequence[Word], columns: Sequence[float], rows: Sequence[float]
) -> list[list[Glyph]]:
    """The glyphs of each cell, by their words."""
    bounds = (columns[0], rows[0], columns[-1], rows[-1])
    owner = {
        (row, column): number
        for number, cell in enumerate(cells)
        for row in range(*cell.rows)
        for column in range(*cell.columns)
    }
    found: list[list[Glyph]] = [[] for _ in cells]
    starts = text_starts([word.rect[0] for word in words if holds(bounds, word.rect)], columns)
    for word in (part for whole in words for part in split_at(whole, starts)):
        _, y0, _, y1 = word.rect
        column = column_of(word.rect, columns, starts)
        place = bisect_right(rows, (y0 + y1) / 2) - 1, column
        if place in owner:
            found[owner[place]].extend(word.glyphs)
    return found


def _edges(values: list[float]) -> list[float]:
    """Distinct positions, those within the tolerance taken as one."""
    kept: list[float] = []
    for value in sorted(values):
        if not kept or value - kept[-1] > _TOLERANCE:
            kept.append(value)
    return kept


def _place(edges: Sequence[float], value: float) -> int:
    return max(0, bisect_right(edges, value + _TOLERANCE / 2) - 1)


def find_frames(
    areas: Sequence[Rect], boxes: Sequence[Sequence[Rect]], page_area: float
) -> list[Rect]:
    """Rectangles that may hold a notice: outlines and coloured areas, touching ones united."""
    rects = [union(cells) for cells in boxes] + list(areas)
    large = [
        rect
        for rect in rects
        if rect[2] - rect[0] >= _LEAST_FRAME[0]
        and rect[3] - rect[1] >= _LEAST_FRAME[1]
        and (rect[2] - rect[0]) * (rect[3] - rect[1]) < 0.8 * page_area
    ]
    frames: list[Rect] = []
    for rect in sorted(large, key=lambda rect: (rect[1], -(rect[3] - rect[1]))):
        for number, frame in enumerate(frames):
            if _belongs(frame, rect):
                frames[number] = union((frame, rect))
                break
        else:
            frames.append(rect)
    return frames


def _belongs(frame: Rect, rect: Rect) -> bool:
    """Whether ``rect`` lies in ``frame``, or goes on right below or beside it, flush with it."""
    inside = (
        frame[0] - 3 <= rect[0] and rect[2] <= frame[2] + 3
        and frame[1] - 3 <= rect[1] and rect[3] <= frame[3] + 3
    )  # fmt: skip
    below = abs(rect[0] - frame[0]) < 4 and abs(rect[2] - frame[2]) < 4 and rect[1] - frame[3] < 2.5
    beside = (
        abs(rect[1] - frame[1]) < 4 and abs(rect[3] - frame[3]) < 4 and rect[0] - frame[2] < 2.5
    )
    return inside or below or beside


def build_frame(rect: Rect, words: Sequence[Word], page: int) -> Frame:
    """The frame at ``rect`` with the lines that stand in it, from top to bottom."""
    inside = [glyph for word in words if holds(rect, word.rect, 1.0) for glyph in word.glyphs]
    return Frame(rect, build_lines(inside, page, rect[2], rect[3], columns=False))


def inside_table(rect: Rect, grid: Grid) -> bool:
    """Whether a word at ``rect`` is one of the table's, though it may run out of it."""
    y = (rect[1] + rect[3]) / 2
    within = grid.rect[1] - 1 <= y <= grid.rect[3] + 1
    return within and column_of(rect, grid.column_edges, {}) >= 0
