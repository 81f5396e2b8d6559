"""Pictures of pages: for the viewer and for OCR. One page at a time, never larger than a limit."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

from PIL import Image

from rag.errors import BadFile
from rag.ingest.open import open_pdf

PDFIUM_LOCK = threading.Lock()  # pdfium is not thread-safe
_PIXEL_LIMIT = 12_000_000
_WIDTH_LIMIT = 3000
_JPEG_QUALITY = 82


def page_image(path: Path, index: int, *, width_px: int) -> bytes:
    """Page ``index`` (physical, 1-based) of the PDF at ``path`` as JPEG, ``width_px`` wide.

    The width is capped at 3,000 pixels and the whole picture at 12 million, so that no page size
    can fill the memory. Raises ``BadFile`` for a damaged file or a page that is not there.
    """
    with PDFIUM_LOCK, open_pdf(path) as document:
        if not 1 <= index <= len(document):
            raise BadFile("error.page_missing")
        page = document[index - 1]
        try:
            picture = picture_of(page, width_px=width_px)
        finally:
            page.close()
    output = io.BytesIO()
    picture.save(output, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return output.getvalue()


def picture_of(page: Any, *, width_px: int, gray: bool = False) -> Image.Image:
    """pdfium's ``page`` as displayed, ``width_px`` wide unless that breaks the limits."""
    width, height = page.get_size()
    scale = min(max(width_px, 1), _WIDTH_LIMIT) / max(width, 1.0)
    pixels = width * height * scale * scale
    if pixels > _PIXEL_LIMIT:
        scale *= (_PIXEL_LIMIT / pixels) ** 0.5
    scale = max(scale, 1.01 / max(min(width, height), 1.0))
    if width * height * scale * scale > 2 * _PIXEL_LIMIT:
        raise BadFile("error.pdf_page_size")
    bitmap = page.render(scale=scale, grayscale=gray, rev_byteorder=not gray)
    try:
        picture: Image.Image = bitmap.to_pil().copy()
    finally:
        bitmap.close()
    return picture if gray else picture.convert("RGB")
