"""What stands on one page, in points of the *reading frame*: turned so that its text is upright.

The frame's origin is top left. ``PageLayout.box`` turns a rectangle of the frame into a ``Box`` of
the page as a viewer shows it (after /Rotate).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from rag.types import Box, PageSource

Rect = tuple[float, float, float, float]  # x0, y0, x1, y1; y grows downwards
LineRole = Literal["body", "furniture", "contents", "table", "notice"]


def turn(rect: Rect, width: float, height: float, quarters: int) -> Rect:
    """``rect`` after its frame (``width`` × ``height``) was turned clockwise by quarter turns."""
    x0, y0, x1, y1 = rect
    match quarters % 4:
        case 1:
            return height - y1, x0, height - y0, x1
        case 2:
            return width - x1, height - y1, width - x0, height - y0
        case 3:
            return y0, width - x1, y1, width - x0
    return rect


def union(rects: Iterable[Rect]) -> Rect:
    """The smallest rectangle around all of ``rects``; raises ``ValueError`` when there is none."""
    every = list(rects)
    return (
        min(rect[0] for rect in every),
        min(rect[1] for rect in every),
        max(rect[2] for rect in every),
        max(rect[3] for rect in every),
    )


def holds(outer: Rect, inner: Rect, slack: float = 2.0) -> bool:
    """Whether the centre of ``inner`` lies within ``outer``, give or take ``slack`` points."""
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] - slack <= x <= outer[2] + slack and outer[1] - slack <= y <= outer[3] + slack


@dataclass(slots=True)
class Glyph:
    """One visible character; ``turned`` is its direction in quarter turns against the frame."""

    text: str
    rect: Rect
    size: float
    bold: bool
    turned: int = 0
    after_space: bool = False


@dataclass(slots=True)
class Line:
    """A line of text as printed. ``page`` is the physical index, ``order`` its place on it."""

    text: str
    rect: Rect
    size: float
    bold: bool
    page: int
    role: LineRole = "body"
    region: int = -1  # number of the table or notice frame it stands in
    column: Rect | None = None

    @property
    def height(self) -> float:
        return self.rect[3] - self.rect[1]


@dataclass(slots=True)
class Cell:
    """A cell of a ruled table; it may span rows and columns of the grid."""

    rows: tuple[int, int]  # first, and one past the last
    columns: tuple[int, int]
    rect: Rect
    lines: list[Line]

    @property
    def bold(self) -> bool:
        return bool(self.lines) and all(line.bold for line in self.lines)


@dataclass(slots=True)
class Grid:
    """A ruled table of one page before its texts are mended."""

    rect: Rect
    cells: list[Cell]
    row_count: int
    column_edges: list[float]


@dataclass(slots=True)
class Frame:
    """A drawn box or coloured area with the lines that stand in it."""

    rect: Rect
    lines: list[Line]


@dataclass(slots=True)
class PageLayout:
    """All that was found on one page. ``lines`` are in reading order, those of grids and frames
    included; ``quarters`` turn the reading frame into the page as displayed."""

    index: int
    width: float
    height: float
    quarters: int
    label: str = ""
    lines: list[Line] = field(default_factory=list)
    grids: list[Grid] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    source: PageSource = "text"
    confidence: float | None = None
    hidden_text: str = ""

    def box(self, rect: Rect) -> Box:
        """``rect`` of the reading frame as fractions of the displayed page."""
        x0, y0, x1, y1 = turn(rect, self.width, self.height, self.quarters)
        wide, high = self.displayed_size
        return Box(
            self.index,
            *(
                round(min(1.0, max(0.0, value)), 4)
                for value in (x0 / wide, y0 / high, x1 / wide, y1 / high)
            ),
        )

    def bare(self) -> PageLayout:
        """The page's measures alone: enough to turn rectangles into boxes."""
        return PageLayout(self.index, self.width, self.height, self.quarters, self.label)

    @property
    def displayed_size(self) -> tuple[float, float]:
        if self.quarters % 2:
            return self.height, self.width
        return self.width, self.height
