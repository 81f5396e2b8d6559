"""Words of a scanned page put into the cells of its ruled tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from rag.ingest.grids import build_grid, find_cells, inside_table
from rag.ingest.layout import Cell, Glyph, Grid, Line, PageLayout, Rect, union
from rag.ingest.scan_rules import ScanRules
from rag.ingest.words import Word

OcrWord = dict[str, str]  # a row of Tesseract's table


def word_rect(word: Mapping[str, str]) -> Rect:
    """Where Tesseract found it, in pixels."""
    left, top = float(word["left"]), float(word["top"])
    return left, top, left + float(word["width"]), top + float(word["height"])


def scaled(rect: Rect, scale: float) -> Rect:
    """``rect`` in points; ``scale`` is points per pixel."""
    return rect[0] * scale, rect[1] * scale, rect[2] * scale, rect[3] * scale


def put_in_grids(
    layout: PageLayout, rules: ScanRules, words: Sequence[OcrWord], scale: float
) -> list[OcrWord]:
    """Give ``layout`` the tables that the rules make; the words that stand in none of them."""
    placed = [(word, _as_word(word, rules, scale)) for word in words]
    cells = find_cells([scaled(edge, scale) for edge in rules.edges])
    grids = [build_grid(group, [word for _, word in placed], layout.index) for group in cells]
    kept = [grid for grid in grids if grid is not None]
    layout.grids = [_leaning(grid, rules, scale) for grid in kept]
    return [
        word
        for word, upright in placed
        if not any(inside_table(upright.rect, grid) for grid in kept)
    ]


def _as_word(word: OcrWord, rules: ScanRules, scale: float) -> Word:
    """A whole word stands as one sign, at its place when the sheet is set upright."""
    rect = scaled(rules.upright(word_rect(word)), scale)
    size = (rect[3] - rect[1]) * 1.1
    return Word([Glyph(word["text"], rect, size, bold=False, after_space=True)], rect)


def _leaning(grid: Grid, rules: ScanRules, scale: float) -> Grid:
    """The grid as it lies on the page: boxes are drawn on the picture that leans."""

    def back(rect: Rect) -> Rect:
        pixels = scaled(rect, 1 / scale)
        opposite = replace(rules, lean=-rules.lean)
        return scaled(opposite.upright(pixels), scale)

    cells = [
        Cell(cell.rows, cell.columns, back(cell.rect), [_moved(line, back) for line in cell.lines])
        for cell in grid.cells
    ]
    return replace(grid, rect=union(cell.rect for cell in cells), cells=cells)


def _moved(line: Line, back: Callable[[Rect], Rect]) -> Line:
    line.rect = back(line.rect)
    line.text = line.text.strip()
    return line
