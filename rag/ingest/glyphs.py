"""The characters of a PDF page, seen and unseen, in the page's reading frame."""

from __future__ import annotations

import ctypes
import math
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pypdfium2.raw as pdfium

from rag.ingest.layout import Glyph, Rect, turn
from rag.ingest.shapes import Color, Shapes, address, fill_color

CHARACTER_LIMIT = 120_000  # per page; the densest real pages have about 10,000
_SMALLEST = 2.0  # points; smaller print cannot be read
_LINE_BREAKS = "\r\n\x00"
_LINE_END_HYPHENS = "\ufffe\x02"  # pdfium says so for "-" and U+00AD alike
_OVERRUN = 8.0  # letter sizes by which the end of a visible line may run off the page
_INVISIBLE_MODES = (pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP)


@dataclass(slots=True)
class PageText:
    """``quarters`` turn the page's user space (without /Rotate) into the reading frame."""

    glyphs: list[Glyph]
    quarters: int
    hidden: str
    unmapped: int  # characters whose meaning the file does not say


@dataclass(slots=True)
class _Style:
    """What all characters of one text object have in common."""

    size: float
    bold: bool
    direction: int | None  # quarter turns counter-clockwise; None: oblique
    color: Color
    order: int
    unseen: bool
    suspect: bool  # there is a ground on this page on which this ink cannot be seen


def read_glyphs(
    text_page: Any, shapes: Shapes, page_box: Rect, *, searchable_scan: bool
) -> PageText:
    """All characters of the page. ``page_box`` is its visible part in user space.

    ``searchable_scan``: text drawn invisibly over a picture of the page is its OCR layer and
    counts as seen.
    """
    styles: dict[int, _Style] = {}
    found: list[tuple[str, Rect, _Style, bool]] = []
    drawn: set[tuple[str, int, int]] = set()
    hidden: list[str] = []
    unmapped = 0
    after_space = False
    rect = pdfium.FS_RECTF()
    for number in range(min(pdfium.FPDFText_CountChars(text_page), CHARACTER_LIMIT)):
        character = chr(pdfium.FPDFText_GetUnicode(text_page, number) & 0x1FFFFF)
        if character.isspace() or character in _LINE_BREAKS:
            after_space = True
            continue
        item = pdfium.FPDFText_GetTextObject(text_page, number)
        key = address(item) if item else 0
        if key == 0:
            continue  # a hyphen or blank that pdfium made up
        style = styles.get(key)
        if style is None:
            style = styles[key] = _style_of(text_page, number, item, shapes)
        unmapped += _is_unmapped(character)
        pdfium.FPDFText_GetLooseCharBox(text_page, number, rect)
        place = (rect.left, rect.bottom, rect.right, rect.top)
        last = found[-1] if found else None
        runs_off = last is not None and _runs_off(last, place, style, page_box)
        if not runs_off and _is_hidden(place, style, shapes, page_box, searchable_scan):
            hidden.append(" " + character if after_space else character)
        elif last and last[1] == place and (last[2] is style or last[0] != character):
            found[-1] = (last[0] + character, *last[1:])  # "fi", "ff" drawn as one sign
        elif (spot := (character, round(place[0]), round(place[1]))) not in drawn:
            drawn.add(spot)  # a letter drawn twice in one place is a bold one, not two
            found.append((character, place, style, after_space))
        after_space = False
    quarters = _reading_direction(found)
    glyphs = [glyph for entry in found if (glyph := _glyph(entry, page_box, quarters))]
    return PageText(glyphs, quarters, "".join(hidden).strip(), unmapped)


def _glyph(entry: tuple[str, Rect, _Style, bool], page_box: Rect, quarters: int) -> Glyph | None:
    character, place, style, after_space = entry
    if style.direction is None:
        return None  # a watermark across the page
    left, bottom, right, top = page_box
    flat = (place[0] - left, top - place[3], place[2] - left, top - place[1])
    text = "-" if character in _LINE_END_HYPHENS else unicodedata.normalize("NFC", character)
    return Glyph(
        _LIGATURES.get(text, text),
        turn(flat, right - left, top - bottom, quarters),
        style.size,
        style.bold,
        (style.direction - quarters) % 4,
        after_space,
    )


_LIGATURES = {
    "\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl",
    "\ufb05": "st", "\ufb06": "st",
}  # fmt: skip


def _reading_direction(found: list[tuple[str, Rect, _Style, bool]]) -> int:
    """The direction of most of the text, in quarter turns."""
    directions = Counter(style.direction for _, _, style, _ in found)
    directions.pop(None, None)
    return directions.most_common(1)[0][0] or 0 if directions else 0


def _style_of(text_page: Any, number: int, item: Any, shapes: Shapes) -> _Style:
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFText_GetMatrix(text_page, number, matrix)
    size = pdfium.FPDFText_GetFontSize(text_page, number) * math.hypot(matrix.c, matrix.d)
    angle = math.degrees(math.atan2(matrix.b, matrix.a))
    quarter = round(angle / 90)
    mode = pdfium.FPDFTextObj_GetTextRenderMode(item)
    stroked = mode in (
        pdfium.FPDF_TEXTRENDERMODE_STROKE,
        pdfium.FPDF_TEXTRENDERMODE_FILL_STROKE,
    )
    color = (128, 128, 128, 255) if stroked else fill_color(item)
    grounds = [(255, 255, 255, 255), *(area.color for area in shapes.areas)]
    return _Style(
        size=size,
        bold=_is_bold(text_page, number, item),
        direction=quarter % 4 if abs(angle - 90 * quarter) < 5 else None,
        color=color,
        order=shapes.text_order.get(address(item), 0),
        unseen=mode in _INVISIBLE_MODES,
        suspect=color[3] < 8 or any(_alike(color, ground) for ground in grounds),
    )


def _is_bold(text_page: Any, number: int, item: Any) -> bool:
    font = pdfium.FPDFTextObj_GetFont(item)
    name = ctypes.create_string_buffer(128)
    if font and pdfium.FPDFFont_GetBaseFontName(font, name, 128):
        lower = name.value.decode("latin-1").lower()
        if any(word in lower for word in ("bold", "black", "heavy", "semibold", "-bd")):
            return True
    return bool(pdfium.FPDFText_GetFontWeight(text_page, number) >= 600)


def _is_unmapped(character: str) -> bool:
    """Characters that tell nothing: replaced, private, control."""
    return (
        unicodedata.category(character) in ("Co", "Cn", "Cs", "Cc")
        and (character not in _LINE_END_HYPHENS)
    ) or character == "\ufffd"


def _is_hidden(
    place: Rect, style: _Style, shapes: Shapes, page_box: Rect, searchable_scan: bool
) -> bool:
    x, y = (place[0] + place[2]) / 2, (place[1] + place[3]) / 2
    if not (page_box[0] - 1 <= x <= page_box[2] + 1 and page_box[1] - 1 <= y <= page_box[3] + 1):
        return True
    if style.size < _SMALLEST:
        return True
    if style.unseen:
        return not searchable_scan
    return style.suspect and _melts_into_background(x, y, style, shapes)


def _runs_off(
    last: tuple[str, Rect, _Style, bool], place: Rect, style: _Style, page_box: Rect
) -> bool:
    """Whether the character at ``place`` goes on, over the right edge of the page, with the line
    that ``last`` stands in: the typesetter's overfull line, not something put out of sight."""
    _, before, before_style, _ = last
    size = max(style.size, _SMALLEST)
    return (
        page_box[2] < place[2] <= page_box[2] + _OVERRUN * size
        and before[2] > page_box[2] - 2 * size
        and not style.unseen
        and not style.suspect
        and style.size >= _SMALLEST
        and abs(style.size - before_style.size) < 0.5
        and abs(place[1] - before[1]) < 0.3 * size
        and -0.3 * size < place[0] - before[2] < 0.7 * size
    )


def _alike(ink: Color, ground: Color) -> bool:
    return max(abs(one - other) for one, other in zip(ink[:3], ground[:3], strict=True)) <= 16


def _melts_into_background(x: float, y: float, style: _Style, shapes: Shapes) -> bool:
    """Whether the ink has the colour of what lies under it; a picture's colour is not known."""
    if style.color[3] < 8:
        return True
    if any(_covers(image, x, y) for image in shapes.images):
        return False
    ground: Color = (255, 255, 255, 255)
    for area in shapes.areas:
        if area.order < style.order and area.color[3] > 127 and _covers(area.rect, x, y):
            ground = area.color
    return _alike(style.color, ground)


def _covers(rect: Rect, x: float, y: float) -> bool:
    return rect[0] <= x <= rect[2] and rect[1] <= y <= rect[3]
