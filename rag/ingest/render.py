"""Pictures of pages: for the viewer and for OCR. One page at a time, never larger than a limit."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

import pypdfium2.raw as pdfium
from PIL import Image

from rag.errors import BadFile
from rag.ingest.open import open_pdf, view_of

PDFIUM_LOCK = threading.Lock()  # pdfium is not thread-safe
_PIXEL_LIMIT = 12_000_000
_IMAGE_PIXEL_LIMIT = 120_000_000  # of one embedded picture; a scan of A0 at 250 dpi has 97 million
_IMAGE_DEPTH = 4  # forms within forms that are searched for pictures
_WIDTH_LIMIT = 3000
_HEIGHT_LIMIT = 12_000
_JPEG_QUALITY = 82


def page_image(path: Path, index: int, *, width_px: int) -> bytes:
    """Page ``index`` (physical, 1-based) of the manual at ``path`` as JPEG, ``width_px`` wide.

    The width is capped at 3,000 pixels and the whole picture at 12 million, so that no page size
    can fill the memory. Raises ``BadFile`` for a damaged file or a page that is not there.
    """
    with PDFIUM_LOCK, open_pdf(view_of(path)) as document:
        if not 1 <= index <= len(document):
            raise BadFile("error.page_missing")
        page = document[index - 1]
        try:
            picture = picture_of(page, width_px=width_px)
        finally:
            page.close()
    output = io.BytesIO()
    picture.save(output, "JPEG", quality=_JPEG_QUALITY)
    return output.getvalue()


def picture_of(page: Any, *, width_px: int, gray: bool = False) -> Image.Image:
    """pdfium's ``page`` as displayed, ``width_px`` wide unless that breaks the limits.

    Raises ``BadFile`` for a page, or a picture on it, too large to be drawn."""
    for item in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=_IMAGE_DEPTH):
        wide, high = item.get_px_size()
        if wide * high > _IMAGE_PIXEL_LIMIT:
            raise BadFile("error.pdf_page_size")
    width, height = (max(side, 0.01) for side in page.get_size())
    scale = min(max(width_px, 1), _WIDTH_LIMIT) / width
    scale = min(scale, _HEIGHT_LIMIT / height, (_PIXEL_LIMIT / (width * height)) ** 0.5)
    bitmap = page.render(scale=scale, grayscale=gray, rev_byteorder=not gray)
    try:
        picture: Image.Image = bitmap.to_pil().copy()
    finally:
        bitmap.close()
    return picture if gray else picture.convert("RGB")
