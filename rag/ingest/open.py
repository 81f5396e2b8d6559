"""Opening a manual: what cannot become one is refused here, with the reason."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from rag.errors import BadFile
from rag.ingest.formats.kinds import SUFFIXES, Kind, kind_of, view_path

__all__ = ["PAGE_LIMIT", "SUFFIXES", "check_content", "open_pdf", "sha256_of", "view_of"]

PAGE_LIMIT = 3000
_SIDE_LIMIT = 14_400.0  # points; the largest page that PDF 1.7 readers must show (200 inches)


def sha256_of(path: Path) -> str:
    """SHA-256 of the file, in hex; reads it in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def open_pdf(path: Path) -> Iterator[Any]:
    """The pdfium document at ``path``, closed at the end. Raises ``BadFile``."""
    if kind_of(path, "manual.pdf") != "pdf":
        raise BadFile("error.not_a_pdf")
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise _refused(error) from error
    try:
        count = len(document)
        if count == 0:
            raise BadFile("error.pdf_no_pages")
        if count > PAGE_LIMIT:
            raise BadFile("error.pdf_too_many_pages", pages=str(count), limit=str(PAGE_LIMIT))
        yield document
    finally:
        document.close()


def check_content(path: Path, file_name: str = "") -> Kind:
    """Refuse what cannot become a manual by its bytes; nothing of it is unpacked.

    A name, when it is given, must not say otherwise. Raises ``BadFile``.
    """
    return kind_of(path, file_name)


def view_of(path: Path) -> Path:
    """The PDF to show for a manual's file: the copy made of another format, else the file."""
    view = view_path(path)
    return view if view.exists() else path


def _refused(error: pypdfium2.PdfiumError) -> BadFile:
    code = getattr(error, "err_code", None)
    if code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
        return BadFile("error.pdf_encrypted")
    return BadFile("error.pdf_damaged")


def is_huge(page: Any) -> bool:
    """Whether a page's declared size is beyond what any reader must show."""
    width, height = page.get_size()
    return not (0 < width <= _SIDE_LIMIT and 0 < height <= _SIDE_LIMIT)
