"""Pages whose content cannot be unpacked: pdfium shows them blank, or in part, and says nothing.

First every packed stream of the file is tried, which is quick; only when one fails are the pages
looked up that use it.
"""

from __future__ import annotations

import mmap
import re
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_HEAD_BYTES = 600  # before "stream": its dictionary
_STEP_BYTES = 64 * 1024
_MOST_STEPS = 4096  # of one stream; what is longer is not tried to its end
_MOST_STREAMS = 50_000


def damaged_pages(path: Path) -> frozenset[int]:
    """Physical indexes (1-based) of the pages whose own content stream, or that of a form on
    them, does not unpack to its end. An encrypted file is not looked into."""
    if not _has_broken_stream(path):
        return frozenset()
    from pdfminer.pdfdocument import PDFDocument
    from pdfminer.pdfpage import PDFPage
    from pdfminer.pdfparser import PDFParser

    found: set[int] = set()
    with path.open("rb") as file:
        try:
            pages = PDFPage.create_pages(PDFDocument(PDFParser(file)))
            for index, page in enumerate(pages, start=1):
                if any(not _unpacks(stream) for stream in _contents(page)):
                    found.add(index)
        except Exception:  # a damaged file breaks pdfminer in any way it likes
            return frozenset(found)
    return frozenset(found)


def _has_broken_stream(path: Path) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data.find(b"/Encrypt") >= 0:
            return False
        for match in islice(_STREAM.finditer(data), _MOST_STREAMS):
            head = data[max(0, match.start() - _HEAD_BYTES) : match.start()]
            own = head[head.rfind(b" obj") :]
            if b"FlateDecode" not in own or b"/Image" in own or b"/FontFile" in own:
                continue
            if re.search(rb"/Filter\s*\[\s*/(?!FlateDecode)", own):
                continue  # packed in another way first
            if not _is_whole(data, match.end()):
                return True
    return False


def _is_whole(data: mmap.mmap | bytes, start: int) -> bool:
    """Whether the zlib stream that begins at ``start`` unpacks to its end."""
    unpacker = zlib.decompressobj()
    waiting = b""
    try:
        for _ in range(_MOST_STEPS):
            if not waiting:
                waiting = data[start : start + _STEP_BYTES]
                start += len(waiting)
            unpacker.decompress(waiting, 4 * _STEP_BYTES)
            if unpacker.eof:
                return True
            waiting = unpacker.unconsumed_tail
            if not waiting and start >= len(data):
                return False
    except zlib.error:
        return False
    return True


def _contents(page: Any) -> Iterator[Any]:
    """The streams that a page is drawn from: its own and those of its forms."""
    from pdfminer.pdftypes import PDFStream, resolve1

    for content in page.contents:
        stream = resolve1(content)
        if isinstance(stream, PDFStream):
            yield stream
    forms = resolve1((resolve1(page.resources) or {}).get("XObject")) or {}
    for form in forms.values():
        stream = resolve1(form)
        if isinstance(stream, PDFStream) and getattr(stream.get("Subtype"), "name", "") == "Form":
            yield stream


def _unpacks(stream: Any) -> bool:
    filters = [getattr(name, "name", "") for name, _ in stream.get_filters()]
    raw = stream.get_rawdata()
    if filters[:1] not in (["FlateDecode"], ["Fl"]) or raw is None:
        return True
    return _is_whole(raw, 0)
