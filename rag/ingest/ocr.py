"""Scanned pages through Tesseract's command line: one page at a time, with confidence."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable
from functools import cache, partial
from statistics import fmean, median
from typing import Any

import pypdfium2.raw as pdfium
from PIL import Image

from rag.ingest.layout import Line, PageLayout, union
from rag.ingest.lines import in_reading_order
from rag.ingest.pages import Ocr, lines_of_region
from rag.ingest.render import picture_of
from rag.ingest.scan_rules import find_rules
from rag.ingest.scan_tables import put_in_grids, scaled, word_rect

_DPI = 250  # for a page without a scan of its own resolution
_LEAST_DPI, _MOST_DPI = 150, 400  # a scan between these is read as it is: resampling costs words
_TIMEOUT_S = 120
_UNSURE = 0.55  # below this mean confidence the page is tried upside down and sideways
_LEAST_SIGN = 0.3  # confidence below which a sign without letter or figure is a speck
_SPECKS = 0.00005  # share of dark pixels below which a page is blank
_INK = 0.0015  # … from which it is not: with less, it is blank when no word is found on it


@cache
def tesseract() -> str | None:
    """Path of the tesseract program; None when it is not installed."""
    return shutil.which("tesseract")


def picture_taker(languages: str) -> Callable[[Any, int], Ocr]:
    """A function ``(pdfium page, index)`` that draws the page and returns what will read it.

    That gives None for a page with ink that could not be read, and a page without lines for a
    blank one; it needs nothing of pdfium and may run in a thread of its own.
    """

    def take(page: Any, index: int) -> Ocr:
        size = page.get_size()
        picture = picture_of(page, width_px=round(size[0] / 72 * _resolution(page)), gray=True)
        return partial(_read_upright, picture, languages, index, size)

    return take


def _read_upright(
    picture: Image.Image, languages: str, index: int, size: tuple[float, float]
) -> PageLayout | None:
    """Read the picture, turned as it makes the most sense."""
    ink = _ink(picture)
    blank = PageLayout(index, *size, 0)
    if ink < _SPECKS:
        return blank
    if tesseract() is None:
        return None
    best: PageLayout | None = None
    for turned in (0, 1, 3, 2):
        layout = _read_picture(picture, turned, languages, index, size)
        if layout and (best is None or _score(layout) > _score(best)):
            best = layout
        if best and best.lines and (best.confidence or 0) >= _UNSURE:
            break
    if best and best.lines:
        return best
    return blank if best and ink < _INK else None


def _resolution(page: Any) -> float:
    """Dots per inch of the largest picture on the page, if that is a scan's; else the default."""
    best = 0.0, float(_DPI)
    for item in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3):
        left, bottom, right, top = item.get_bounds()
        if right - left > 1 and top - bottom > 1:
            dpi = max(item.get_px_size()) / max(right - left, top - bottom) * 72
            best = max(best, ((right - left) * (top - bottom), dpi))
    return best[1] if _LEAST_DPI <= best[1] <= _MOST_DPI else float(_DPI)


def _score(layout: PageLayout) -> float:
    return (layout.confidence or 0.0) * min(1.0, sum(len(li.text) for li in layout.lines) / 200)


def _ink(picture: Image.Image) -> float:
    """The share of dark pixels."""
    histogram = picture.resize((picture.width // 4 or 1, picture.height // 4 or 1)).histogram()
    return sum(histogram[:160]) / sum(histogram)


def _read_picture(
    picture: Image.Image, turned: int, languages: str, index: int, size: tuple[float, float]
) -> PageLayout | None:
    """The picture turned clockwise by quarter turns and read."""
    upright = picture.rotate(-90 * turned, expand=True) if turned else picture
    width, height = (size[1], size[0]) if turned % 2 else size
    scale = width / upright.width
    dpi = round(72 / scale)
    rules = find_rules(upright, dpi)
    table = _run(rules.clean if rules else upright, languages, dpi)
    if table is None:
        return None
    layout = PageLayout(index, width, height, -turned % 4, source="ocr")
    words = _words(table)
    if words:
        weights = [len(row["text"]) for row in words]
        total = sum(float(r["conf"]) * w for r, w in zip(words, weights, strict=True))
        layout.confidence = round(total / sum(weights) / 100, 3)
    if rules:
        words = put_in_grids(layout, rules, words, scale)
    by_line: dict[tuple[str, ...], list[dict[str, str]]] = defaultdict(list)
    for row in words:
        by_line[row["block_num"], row["par_num"], row["line_num"]].append(row)
    lines = [_line(row, scale, index) for row in by_line.values()]
    places = [
        Line("", grid.rect, 0.0, False, index, region=n) for n, grid in enumerate(layout.grids)
    ]
    # Tesseract takes names and values of a list for two columns; here they are read across.
    ordered = in_reading_order([*lines, *places])
    _even_out_sizes([line for line in ordered if line.region < 0])
    for line in ordered:
        layout.lines.extend([line] if line.region < 0 else lines_of_region(line, layout))
    return layout


def _words(table: str) -> list[dict[str, str]]:
    """The rows of Tesseract's table that are words."""
    kept = []
    for row in csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE):
        text = (row["text"] or "").strip() if row["level"] == "5" else ""
        # A value read with doubt is kept: a list with a hole in it would mislead more.
        if re.search(r"\w", text) or (text and float(row["conf"]) >= 100 * _LEAST_SIGN):
            kept.append(row)
    return kept


def _even_out_sizes(lines: list[Line]) -> None:
    """Letter sizes from ink vary with the letters: what is near the median is of that size."""
    usual = median(line.size for line in lines) if lines else 0.0
    for line in lines:
        if 0.7 * usual < line.size < 1.3 * usual:
            line.size = usual


def _line(words: list[dict[str, str]], scale: float, index: int) -> Line:
    rects = [scaled(word_rect(word), scale) for word in words]
    # The boxes are as high as the ink; letters with ascender and descender are about 0.95 em.
    size = fmean(rect[3] - rect[1] for rect in rects) * 1.1
    text = " ".join(word["text"] for word in words)
    return Line(text, union(rects), round(size, 1), False, index)


def _run(picture: Image.Image, languages: str, dpi: int) -> str | None:
    """Tesseract's table of words for ``picture``; None when it fails or takes too long."""
    program = tesseract()
    if program is None:
        return None
    image = io.BytesIO()
    picture.save(image, "PNG", compress_level=1)
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program, fed by standard input
            [program, "stdin", "stdout", "-l", languages, "--dpi", str(dpi), "--psm", "3", "tsv"],
            input=image.getvalue(),
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        )
    except (subprocess.TimeoutExpired, OSError):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None
