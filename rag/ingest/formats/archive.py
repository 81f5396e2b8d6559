"""A Word file's ZIP archive, looked through before anything of it is unpacked."""

from __future__ import annotations

import zipfile
from pathlib import Path

from rag.errors import BadFile

_MOST_PARTS = 5000
_MOST_BYTES = 200 * 1024 * 1024  # of all parts, unpacked
_MOST_XML_BYTES = 25 * 1024 * 1024  # of one part; the text of 3,000 pages has some 15 MB
_HEAD_BYTES = 64 * 1024


def check_archive(path: Path) -> None:
    """Raises ``BadFile`` for what is damaged, locked, or unpacks to more than a manual can be."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > _MOST_BYTES:
                raise BadFile("error.document_too_long")
            for part in parts:
                if part.flag_bits & 1:
                    raise BadFile("error.format_old_office")
                if part.filename.endswith((".xml", ".rels")):
                    _check_xml(archive, part)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError) as error:
        raise BadFile("error.word_damaged") from error


def _check_xml(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """A part of XML of sensible size, without entities of its own (they can be bombs)."""
    if part.file_size > _MOST_XML_BYTES:
        raise BadFile("error.document_too_long")
    with archive.open(part) as file:
        head = file.read(_HEAD_BYTES)
    if b"<!DOCTYPE" in head or b"<!ENTITY" in head or b"<\x00!\x00D\x00O" in head:
        raise BadFile("error.word_damaged")
