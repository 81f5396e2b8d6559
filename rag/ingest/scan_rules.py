"""Ruling lines in the picture of a scanned page, found by their long dark runs.

A sheet never lies straight on the glass: the lean is measured on the lines themselves, and lines
and words are then set upright by shearing their coordinates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from PIL import Image

from rag.ingest.layout import Rect

if TYPE_CHECKING:
    import numpy

Edge = tuple[float, float, float, float]

_LEVEL_RUN = 0.35  # inches of darkness without a gap; no letter is so wide
_UPRIGHT_RUN = 0.2  # … so tall
_THICKEST = 0.03  # inches; what is thicker is a bar or a picture
_DARK = 0.6  # share of the paper's brightness below which a pixel is ink
_LEAST_LENGTH = 0.35  # inches of a whole line
_MOST_RUNS = 30_000  # a page with more is a photograph
_STEEPEST = 0.03  # lean, as rise by run; some 1.7 degrees


@dataclass(slots=True)
class _Stroke:
    """Runs one below the other that make one line; x along it, y across."""

    x0: int
    x1: int
    y: int  # of the last run
    area: int = 0
    points: list[tuple[float, float]] = field(default_factory=list)

    def level(self, lean: float) -> float:
        """Where it stands when it is set upright."""
        return median(y - lean * x for x, y in self.points)


@dataclass(slots=True)
class ScanRules:
    """``edges`` are set upright, in pixels. ``clean`` is the picture without the lines."""

    edges: list[Edge]
    lean: float
    clean: Image.Image

    def upright(self, rect: Rect) -> Rect:
        """``rect`` of the picture (pixels) as it stands among ``edges``."""
        middle_x, middle_y = (rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2
        right, down = self.lean * middle_y, -self.lean * middle_x
        return rect[0] + right, rect[1] + down, rect[2] + right, rect[3] + down


def find_rules(picture: Image.Image, dpi: float) -> ScanRules | None:
    """The level and upright lines of the grey ``picture``; None when they make no table."""
    import numpy  # only for scanned pages: it costs 20 MB

    pixels = numpy.asarray(picture)
    paper = float(numpy.median(pixels[::8, ::8]))
    dark = pixels < _DARK * paper
    level = _strokes(dark, round(_LEVEL_RUN * dpi), dpi)
    upright = _strokes(dark.T, round(_UPRIGHT_RUN * dpi), dpi)
    if len(level) < 3 or len(upright) < 3:
        return None
    lean = _lean(level, upright)
    edges = [(s.x0 + lean * s.y, s.level(lean), s.x1 + lean * s.y, s.level(lean)) for s in level]
    edges += [
        (s.level(-lean), s.x0 - lean * s.y, s.level(-lean), s.x1 - lean * s.y) for s in upright
    ]
    return ScanRules(edges, lean, _without(pixels, level, upright, lean))


def _strokes(dark: numpy.ndarray[Any, Any], run: int, dpi: float) -> list[_Stroke]:
    """The lines along the rows of ``dark``."""
    strokes: list[_Stroke] = []
    waiting: list[_Stroke] = []
    for count, (y, x0, x1) in enumerate(_runs(dark, run)):
        if count > _MOST_RUNS:
            return []
        waiting = [stroke for stroke in waiting if y - stroke.y <= 2]
        match = next((s for s in waiting if x0 <= s.x1 + run and x1 >= s.x0 - run), None)
        if match is None:
            match = _Stroke(x0, x1, y)
            strokes.append(match)
            waiting.append(match)
        match.x0, match.x1, match.y = min(match.x0, x0), max(match.x1, x1), y
        match.area += x1 - x0
        match.points.append(((x0 + x1) / 2, y))
    return [
        stroke
        for stroke in strokes
        if stroke.x1 - stroke.x0 >= _LEAST_LENGTH * dpi
        and stroke.area <= _THICKEST * dpi * (stroke.x1 - stroke.x0)
    ]


def _runs(dark: numpy.ndarray[Any, Any], run: int) -> Iterator[tuple[int, int, int]]:
    """(row, first column, one past the last) of each dark run of at least ``run`` pixels."""
    import numpy

    for y in numpy.flatnonzero(dark.sum(axis=1) >= run):
        row = numpy.zeros(dark.shape[1] + 2, dtype=numpy.int8)
        row[1:-1] = dark[y]
        change = numpy.flatnonzero(numpy.diff(row))
        starts, ends = change[::2], change[1::2]
        for index in numpy.flatnonzero(ends - starts >= run):
            yield int(y), int(starts[index]), int(ends[index])


def _lean(level: list[_Stroke], upright: list[_Stroke]) -> float:
    """How much the lines rise to the right, as the median over the longest of them."""
    slopes = []
    for strokes, sign in ((level, 1.0), (upright, -1.0)):
        for stroke in sorted(strokes, key=lambda one: one.x0 - one.x1)[:12]:
            first, last = min(stroke.points), max(stroke.points)
            if last[0] - first[0] > 0.3 * (stroke.x1 - stroke.x0):
                slopes.append(sign * (last[1] - first[1]) / (last[0] - first[0]))
    lean = median(slopes) if slopes else 0.0
    return lean if abs(lean) <= _STEEPEST else 0.0


def _without(
    pixels: numpy.ndarray[Any, Any], level: list[_Stroke], upright: list[_Stroke], lean: float
) -> Image.Image:
    """The picture with its lines painted over: Tesseract takes them for letters."""
    import numpy

    clean = numpy.array(pixels)
    white = numpy.median(pixels[::8, ::8])
    for strokes, turned, slope in ((level, clean, lean), (upright, clean.T, -lean)):
        for stroke in strokes:
            along = numpy.arange(stroke.x0, stroke.x1)
            across = numpy.rint(stroke.level(slope) + slope * along).astype(int)
            reach = round(stroke.area / len(along) / 2) + 2
            for shift in range(-reach, reach + 1):
                turned[numpy.clip(across + shift, 0, turned.shape[0] - 1), along] = white
    return Image.fromarray(clean)
