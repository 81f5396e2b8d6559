"""The drawn things of a page: ruling lines, filled areas, pictures, in the order of painting."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pypdfium2.raw as pdfium

from rag.ingest.layout import Rect

Matrix = tuple[float, float, float, float, float, float]
Color = tuple[int, int, int, int]

OBJECT_LIMIT = 60_000  # a page with more is a drawing; its ruling lines are of no use
_DEPTH_LIMIT = 12  # forms within forms
_SEGMENT_LIMIT = 400  # a path with more is a picture
_THIN = 2.6  # points; a filled area this thin is a ruling line
_IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass(slots=True)
class Area:
    """A filled rectangle; ``order`` is its place in the painting order."""

    rect: Rect
    color: Color
    order: int
    stroked: bool = False


@dataclass(slots=True)
class Shapes:
    """Rectangles are in PDF user space: y grows upwards (y0 is the bottom)."""

    edges: list[tuple[float, float, float, float]] = field(default_factory=list)
    areas: list[Area] = field(default_factory=list)
    images: list[Rect] = field(default_factory=list)
    text_order: dict[int, int] = field(default_factory=dict)
    too_many: bool = False


def read_shapes(page: Any) -> Shapes:
    """Walk the page's objects once. Stops at ``OBJECT_LIMIT`` and says so in ``too_many``."""
    shapes = Shapes()
    for order, (kind, item, matrix) in enumerate(_objects(page)):
        if order >= OBJECT_LIMIT:
            shapes.too_many = True
            break
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            shapes.text_order[address(item)] = order
        elif kind == pdfium.FPDF_PAGEOBJ_PATH:
            _add_path(shapes, item, matrix, order)
        elif kind in (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_SHADING):
            bounds = _bounds(item, matrix)
            if bounds:
                shapes.images.append(bounds)
    return shapes


def address(item: Any) -> int:
    """The address of a pdfium object: its identity while the page is open."""
    return ctypes.cast(item, ctypes.c_void_p).value or 0


def _objects(page: Any) -> Iterator[tuple[int, Any, Matrix]]:
    """(type, object, matrix of the forms around it) in painting order, forms opened."""

    def inside(form: Any, matrix: Matrix, depth: int) -> Iterator[tuple[int, Any, Matrix]]:
        for number in range(pdfium.FPDFFormObj_CountObjects(form)):
            yield from opened(pdfium.FPDFFormObj_GetObject(form, number), matrix, depth)

    def opened(item: Any, matrix: Matrix, depth: int) -> Iterator[tuple[int, Any, Matrix]]:
        kind = pdfium.FPDFPageObj_GetType(item)
        if kind != pdfium.FPDF_PAGEOBJ_FORM:
            yield kind, item, matrix
        elif depth < _DEPTH_LIMIT:
            yield from inside(item, _times(_matrix(item), matrix), depth + 1)

    for number in range(pdfium.FPDFPage_CountObjects(page)):
        yield from opened(pdfium.FPDFPage_GetObject(page, number), _IDENTITY, 0)


def _matrix(item: Any) -> Matrix:
    found = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(item, found):
        return _IDENTITY
    return (found.a, found.b, found.c, found.d, found.e, found.f)


def _times(first: Matrix, then: Matrix) -> Matrix:
    a, b, c, d, e, f = first
    p, q, r, s, t, u = then
    return (
        a * p + b * r,
        a * q + b * s,
        c * p + d * r,
        c * q + d * s,
        e * p + f * r + t,
        e * q + f * s + u,
    )


def _moved(x: float, y: float, matrix: Matrix) -> tuple[float, float]:
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f


def _bounds(item: Any, matrix: Matrix) -> Rect | None:
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    if not pdfium.FPDFPageObj_GetBounds(item, left, bottom, right, top):
        return None
    corners = [
        _moved(x, y, matrix) for x in (left.value, right.value) for y in (bottom.value, top.value)
    ]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return min(xs), min(ys), max(xs), max(ys)


def fill_color(item: Any) -> Color:
    """Red, green, blue and opacity, 0 to 255 each; black where the file names no colour."""
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    if not pdfium.FPDFPageObj_GetFillColor(item, red, green, blue, alpha):
        return 0, 0, 0, 255
    return red.value, green.value, blue.value, alpha.value


def _add_path(shapes: Shapes, item: Any, matrix: Matrix, order: int) -> None:
    mode, stroke = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDFPath_GetDrawMode(item, mode, stroke)
    filled, stroked = bool(mode.value), bool(stroke.value)
    count = pdfium.FPDFPath_CountSegments(item)
    if not (filled or stroked) or count > _SEGMENT_LIMIT:
        return
    lines, straight = _straight_lines(item, count, _times(_matrix(item), matrix))
    if filled:
        rect = _bounds(item, matrix)
        if rect is None:
            return
        x0, y0, x1, y1 = rect
        if min(x1 - x0, y1 - y0) <= _THIN:
            if max(x1 - x0, y1 - y0) > _THIN:
                x, y = (x0 + x1) / 2, (y0 + y1) / 2
                level = x1 - x0 > y1 - y0
                shapes.edges.append((x0, y, x1, y) if level else (x, y0, x, y1))
            return
        color = fill_color(item)
        shapes.areas.append(Area(rect, color, order, stroked))
        if not stroked and _is_white(color):
            return  # a white patch draws no line
    if straight:
        shapes.edges.extend(lines)


def _straight_lines(
    item: Any, count: int, matrix: Matrix
) -> tuple[list[tuple[float, float, float, float]], bool]:
    """The level and upright lines of a path; False when it has curves that make it a picture."""
    lines: list[tuple[float, float, float, float]] = []
    start = here = (0.0, 0.0)
    curves = 0
    x, y = ctypes.c_float(), ctypes.c_float()
    for number in range(count):
        segment = pdfium.FPDFPath_GetPathSegment(item, number)
        pdfium.FPDFPathSegment_GetPoint(segment, x, y)
        point = _moved(x.value, y.value, matrix)
        kind = pdfium.FPDFPathSegment_GetType(segment)
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            start = point
        elif kind == pdfium.FPDF_SEGMENT_LINETO:
            lines.extend(_as_edge(here, point))
        else:
            curves += 1
        here = point
        if pdfium.FPDFPathSegment_GetClose(segment):
            lines.extend(_as_edge(here, start))
            here = start
    return lines, curves <= 12  # a box with rounded corners has four curves of three points


def _as_edge(
    start: tuple[float, float], end: tuple[float, float]
) -> list[tuple[float, float, float, float]]:
    (x0, y0), (x1, y1) = sorted((start, end))
    if abs(y1 - y0) < 1.0 and x1 - x0 > 3.0:
        return [(x0, y0, x1, y0)]
    if abs(x1 - x0) < 1.0 and abs(y1 - y0) > 3.0:
        return [(x0, min(y0, y1), x0, max(y0, y1))]
    return []


def _is_white(color: Color) -> bool:
    return color[3] < 8 or min(color[:3]) > 250
