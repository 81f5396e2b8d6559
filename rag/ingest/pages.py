"""One PDF page as a ``PageLayout``: lines in reading order, tables, frames, hidden text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from rag.ingest.glyphs import PageText, read_glyphs
from rag.ingest.grids import build_frame, build_grid, find_cells, find_frames, inside_table
from rag.ingest.layout import Frame, Glyph, Grid, Line, PageLayout, Rect, holds, turn, union
from rag.ingest.lines import build_lines
from rag.ingest.rules import with_closing_rules, with_upright_rules
from rag.ingest.shapes import Shapes, read_shapes
from rag.ingest.signals import signal_of
from rag.ingest.words import Word, words_of

_SCAN_COVER = 0.5  # share of the page that a picture must cover to be a scan of it
_BROKEN = 0.3  # share of unmapped characters from which a text layer counts as none
_LITTLE_TEXT = 20  # characters; with fewer, a page with ink is read by OCR


Ocr = Callable[[], PageLayout | None]
"""Reads a picture that was taken; None means that it could not, and the page is "unread"."""


def layout_page(page: Any, index: int, ocr: Callable[[Any, int], PageLayout | None]) -> PageLayout:
    """As ``begin_page``, with ``ocr(page, index)`` done at once."""
    begun = begin_page(page, index, lambda page, index: partial(ocr, page, index))
    return begun() if callable(begun) else begun


def begin_page(
    page: Any, index: int, take_picture: Callable[[Any, int], Ocr]
) -> PageLayout | Callable[[], PageLayout]:
    """What stands on pdfium's ``page``. When it has ink but no usable text, ``take_picture`` is
    called while the page is open, and what reads the picture is returned, to be called later."""
    page_box: Rect = page.get_bbox()
    shapes = read_shapes(page)
    scan = _is_scan(shapes, page_box)
    text_page = page.get_textpage()
    try:
        text = read_glyphs(text_page, shapes, page_box, searchable_scan=scan)
    finally:
        text_page.close()
    if _needs_ocr(text, shapes):
        width, height = page_box[2] - page_box[0], page_box[3] - page_box[1]
        unread = PageLayout(index, width, height, page.get_rotation() // 90, source="unread")
        return partial(_from_picture, take_picture(page, index), text.hidden, unread)
    return _from_text(text, shapes, page_box, index, page.get_rotation() // 90)


def _from_picture(ocr: Ocr, hidden: str, unread: PageLayout) -> PageLayout:
    read = ocr() or unread
    read.hidden_text = hidden
    return read


def _needs_ocr(text: PageText, shapes: Shapes) -> bool:
    """Little or broken text, but ink: a picture, or drawn outlines of letters."""
    count = len(text.glyphs)
    if text.unmapped > _BROKEN * max(count, 1):
        return True
    drawn = bool(shapes.images) or len(shapes.edges) + len(shapes.areas) > 40 or shapes.too_many
    return count < _LITTLE_TEXT and drawn


def _is_scan(shapes: Shapes, page_box: Rect) -> bool:
    page_area = (page_box[2] - page_box[0]) * (page_box[3] - page_box[1])
    return any(
        (image[2] - image[0]) * (image[3] - image[1]) > _SCAN_COVER * page_area
        for image in shapes.images
    )


def _from_text(
    text: PageText, shapes: Shapes, page_box: Rect, index: int, shown: int
) -> PageLayout:
    wide, high = page_box[2] - page_box[0], page_box[3] - page_box[1]
    width, height = (high, wide) if text.quarters % 2 else (wide, high)
    layout = PageLayout(index, width, height, (shown - text.quarters) % 4)
    layout.hidden_text = text.hidden

    def framed(rect: Rect) -> Rect:
        """From user space (y upwards) to the reading frame."""
        left, _, _, top = page_box
        flat = (rect[0] - left, top - rect[3], rect[2] - left, top - rect[1])
        return turn(flat, wide, high, text.quarters)

    upright = [glyph for glyph in text.glyphs if glyph.turned == 0]
    edges = with_closing_rules([framed(edge) for edge in shapes.edges])
    edges = with_upright_rules(edges, upright)
    cells = find_cells(edges)
    areas = [
        framed(area.rect) for area in shapes.areas if area.stroked or min(area.color[:3]) <= 250
    ]
    words = words_of(upright)
    frames = _notice_frames(areas, cells, words, layout)
    taken = [frame.rect for frame in frames]
    grids = [
        grid
        for group in cells
        if not any(holds(rect, union(group)) for rect in taken)
        and (grid := build_grid(group, words, index))
    ]
    layout.frames, layout.grids = frames, grids
    turned = [glyph for glyph in text.glyphs if glyph.turned]
    layout.lines = _ordered(words, turned, layout)
    return layout


def _notice_frames(
    areas: Sequence[Rect],
    cells: Sequence[Sequence[Rect]],
    words: Sequence[Word],
    layout: PageLayout,
) -> list[Frame]:
    """Frames whose text begins with a signal word. A table that explains them is none."""
    boxes = [group for group in cells if len(group) <= 6]
    found = []
    for rect in find_frames(areas, boxes, layout.width * layout.height):
        frame = build_frame(rect, words, layout.index)
        signals = [signal_of(line.text) for line in frame.lines]
        if frame.lines and signals[0] and sum(1 for signal in signals if signal) == 1:
            found.append(frame)
    return found


def _ordered(words: Sequence[Word], turned: Sequence[Glyph], layout: PageLayout) -> list[Line]:
    """All lines of the page in reading order, each knowing the grid or frame it stands in."""
    regions = [grid.rect for grid in layout.grids] + [frame.rect for frame in layout.frames]
    free = [
        glyph
        for word in words
        if not any(holds(rect, word.rect, 1.0) for rect in regions)
        and not any(inside_table(word.rect, grid) for grid in layout.grids)
        for glyph in word.glyphs
    ]
    free += [glyph for glyph in turned if not any(holds(r, glyph.rect, 1.0) for r in regions)]
    ordered: list[Line] = []
    for line in build_lines(free, layout.index, layout.width, layout.height, regions=regions):
        if line.region < 0:
            ordered.append(line)
        else:
            ordered.extend(lines_of_region(line, layout))
    return ordered


def lines_of_region(place: Line, layout: PageLayout) -> list[Line]:
    """The lines of the grid or frame whose place in the reading order is ``place``."""
    if place.region < len(layout.grids):
        grid: Grid = layout.grids[place.region]
        by_place = sorted(grid.cells, key=lambda cell: (cell.rows[0], cell.columns[0]))
        lines, role = [line for cell in by_place for line in cell.lines], "table"
    else:
        lines, role = layout.frames[place.region - len(layout.grids)].lines, "notice"
    for line in lines:
        line.region = place.region
        line.role = "table" if role == "table" else "notice"
        line.column = place.column
    return lines
