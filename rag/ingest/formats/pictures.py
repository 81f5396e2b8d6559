"""Image files: checked by what they say of their size before a pixel is unpacked."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from rag.errors import BadFile

# What Pillow raises on damaged files, besides its own.
_DAMAGED = (
    UnidentifiedImageError, OSError, ValueError, SyntaxError,
    EOFError, TypeError, KeyError, IndexError, ZeroDivisionError,
)  # fmt: skip
_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP")
_MOST_BYTES = 150_000_000  # unpacked; A3 in colour at 450 dpi
_MOST_PAGES = 1000
_DPI = (100.0, 1200.0)  # what is taken for the resolution of a scan
_PAPER = (595.0, 842.0)  # A4 in points: for a photograph of a page
_LONGEST_SIDE = 2400.0  # points; A0 has 3,370, but no page of a manual is larger than A2
_SHARPEST = 300  # dots per inch that are kept
_DRAWING_PIXELS = 1600  # of a picture within a text


def pages_of(path: Path) -> Iterator[tuple[Image.Image, float, float]]:
    """Each picture in the file with its width and height on paper in points.

    Raises ``BadFile`` for what is damaged or too large to be unpacked.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damaged tags, which do not matter here
        try:
            with Image.open(path, formats=_FORMATS) as file:
                count = getattr(file, "n_frames", 1)
                if count > _MOST_PAGES:
                    raise BadFile("error.document_too_long")
                for number in range(count):
                    file.seek(number)
                    _check_size(file)
                    dpi = float(file.info.get("dpi", (0, 0))[0] or 0)
                    picture = ImageOps.exif_transpose(_on_white(file))
                    yield _as_page(picture, dpi)
        except BadFile:
            raise
        except Image.DecompressionBombError as error:
            raise BadFile("error.picture_too_large") from error
        except _DAMAGED as error:
            raise BadFile("error.picture_damaged") from error


def drawing(data: bytes) -> Image.Image | None:
    """A picture that stands in a text, no larger than is of use; None when it cannot be shown
    (vector graphics of Windows, damaged or huge)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(data), formats=_FORMATS) as file:
                _check_size(file)
                picture = _on_white(file)
        except (BadFile, Image.DecompressionBombError, *_DAMAGED):
            return None
    picture.thumbnail((_DRAWING_PIXELS, _DRAWING_PIXELS))
    return picture if min(picture.size) > 0 else None


def _check_size(file: Image.Image) -> None:
    wide, high = file.size
    depth = 1 if file.mode in ("1", "L", "P") else 3
    if wide * high * depth > _MOST_BYTES:
        raise BadFile("error.picture_too_large")


def _on_white(file: Image.Image) -> Image.Image:
    """Grey or colour, what is transparent made white."""
    if file.mode in ("1", "L"):
        return file.convert("L")
    if file.mode in ("RGBA", "LA", "PA") or "transparency" in file.info:
        layered = file.convert("RGBA")
        ground = Image.new("RGB", layered.size, "white")
        ground.paste(layered, mask=layered.getchannel("A"))
        return ground
    return file.convert("RGB")


def _as_page(picture: Image.Image, dpi: float) -> tuple[Image.Image, float, float]:
    """The size on paper: that of the scan, or A4 for a photograph, which does not know it."""
    wide, high = picture.size
    if wide < 1 or high < 1:
        raise BadFile("error.picture_damaged")
    scale = 72 / dpi if _DPI[0] <= dpi <= _DPI[1] else 0.0
    if not scale or max(wide, high) * scale > _LONGEST_SIDE:
        short, long = _PAPER
        fits = (long / wide, short / high) if wide > high else (short / wide, long / high)
        scale = min(fits)
    points = max(wide * scale, 3.0), max(high * scale, 3.0)
    most = max(points) / 72 * _SHARPEST
    if max(wide, high) > 1.1 * most:
        picture.thumbnail((round(most), round(most)))
    return picture, points[0], points[1]
