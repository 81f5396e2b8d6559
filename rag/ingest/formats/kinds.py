"""What a file is, by its bytes; its name must not say otherwise. Light: nothing is unpacked here.

This runs in the chat's process at upload, so a file is only looked at, never parsed.
"""

from __future__ import annotations

import mmap
import re
from pathlib import Path, PurePath
from typing import Literal

from rag.errors import BadFile

Kind = Literal["pdf", "word", "html", "markdown", "text", "picture"]

SUFFIXES_OF: dict[Kind, tuple[str, ...]] = {
    "pdf": (".pdf",),
    "word": (".docx",),
    "html": (".html", ".htm"),
    "markdown": (".md",),
    "text": (".txt",),
    "picture": (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"),
}
SUFFIXES: tuple[str, ...] = tuple(suffix for every in SUFFIXES_OF.values() for suffix in every)
"""What can be uploaded: the list for a file dialog and for the message that refuses others."""
MEDIA_TYPES: dict[str, list[str]] = {
    "application/pdf": [".pdf"],
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": [".docx"],
    "text/html": [".html", ".htm"],
    "text/markdown": [".md"],
    "text/plain": [".txt"],
    "image/png": [".png"],
    "image/jpeg": [".jpg", ".jpeg"],
    "image/tiff": [".tif", ".tiff"],
    "image/webp": [".webp"],
}
"""The same for a file dialog that wants media types."""

VIEW_SUFFIX = ".view.pdf"

_HEAD_BYTES = 4096
_PDF_HEAD_BYTES = 1024  # in which "%PDF-" must stand (ISO 32000-1, implementation note 13)
_OLD_OFFICE = (b"\xd0\xcf\x11\xe0", b"{\\rtf")  # also what Word makes of a file with a password
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*")
_WIDE_TEXT = (b"\xff\xfe", b"\xfe\xff")  # byte order marks of UTF-16
_HTML = re.compile(rb"<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>]", re.IGNORECASE)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def kind_of(path: Path, file_name: str = "") -> Kind:
    """The kind of the file at ``path``, uploaded as ``file_name`` ("" when that is not known yet).

    Raises ``BadFile`` with the reason when it is none that can be read, or when its name ends like
    another kind: a web page saved as ".pdf" is a failed download, not a manual.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        raise BadFile("error.file_empty")
    suffix = PurePath(file_name).suffix.lower()
    if b"%PDF-" in head[:_PDF_HEAD_BYTES]:
        if has_view(suffix):
            raise BadFile("error.format_mismatch", suffix=suffix)
        return "pdf"
    kind = _other_kind(path, head, suffix)
    named = next((one for one, endings in SUFFIXES_OF.items() if suffix in endings), None)
    if named == "pdf":
        raise BadFile("error.not_a_pdf")
    if kind is None or (suffix and named is None):
        raise BadFile("error.format_unknown", formats=", ".join(SUFFIXES))
    if named is not None and named != kind:
        raise BadFile("error.format_mismatch", suffix=suffix)
    return kind


def has_view(suffix: str) -> bool:
    """Whether a manual of the library with this suffix has a view copy."""
    return suffix in SUFFIXES and suffix not in SUFFIXES_OF["pdf"]


def view_path(path: Path) -> Path:
    """Where the view copy of a file that is no PDF lies: beside it."""
    return path.with_name(f"{path.stem}{VIEW_SUFFIX}")


def _other_kind(path: Path, head: bytes, suffix: str) -> Kind | None:
    if head.startswith(b"PK\x03\x04"):
        if suffix == ".pdf":
            return None
        return _kind_of_archive(path)
    if head.startswith(_OLD_OFFICE) and suffix != ".pdf":
        raise BadFile("error.format_old_office")
    if head.startswith(_PICTURES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return "picture"
    if not head.startswith(_WIDE_TEXT) and _CONTROL.search(head):
        return None
    if _HTML.search(head) or (suffix in SUFFIXES_OF["html"] and b"<" in head):
        return "html"
    return "markdown" if suffix in SUFFIXES_OF["markdown"] else "text"


def _kind_of_archive(path: Path) -> Kind:
    """Office files are ZIP archives; names in them are looked for, nothing is unpacked."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data.find(b"word/document") >= 0:
            return "word"
        if data.find(b"xl/workbook") >= 0 or data.find(b"ppt/presentation") >= 0:
            raise BadFile("error.format_other_office")
    raise BadFile("error.format_archive")
