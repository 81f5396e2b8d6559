"""Plain text: its bytes as characters, its lines as they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.ingest.formats.pieces import Heading, PageBreak, Paragraph, Piece, Run, as_notice
from rag.ingest.headings import is_numbered
from rag.ingest.signals import signal_of

_DECLARED = re.compile(rb"charset\s*=\s*[\"']?([\w-]{3,20})", re.IGNORECASE)
_UNDERLINE = re.compile(r"^\s*(?:={3,}|-{3,}|~{3,}|\*{3,})\s*$")
_GAP = re.compile(r"(?<=\S) {3,}(?=\S)")
_RULER = re.compile(r"^[\s=_*~#+-]+$")
_LONGEST_HEADING = 80


def decoded(data: bytes) -> str:
    """``data`` by its byte order mark, as UTF-8, as it declares itself, or as Western European."""
    for mark, coding in (
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
        (b"\xef\xbb\xbf", "utf-8-sig"),
    ):
        if data.startswith(mark):
            return data.decode(coding, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        declared = _DECLARED.search(data[:4096])
        try:
            return data.decode(declared[1].decode() if declared else "cp1252", "replace")
        except LookupError:
            return data.decode("cp1252", "replace")


def read_plain(data: bytes) -> Iterator[Piece]:
    """Headings are numbered or underlined lines that stand alone; form feeds part pages."""
    for number, page in enumerate(
        decoded(data).replace("\r\n", "\n").replace("\r", "\n").split("\f")
    ):
        if number:
            yield PageBreak(str(number + 1))
        yield from _blocks([line.expandtabs(8).rstrip() for line in page.split("\n")])


def _blocks(lines: list[str]) -> Iterator[Piece]:
    block: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            block.append(line)
        elif block:
            yield from _block(block)
            block = []


def _block(lines: list[str]) -> Iterator[Piece]:
    """What stands between two blank lines."""
    if len(lines) >= 2 and _UNDERLINE.match(lines[1]) and _is_short(lines[0]):
        yield Heading(1 if "=" in lines[1] else 2, (Run(lines[0].strip()),))
        lines = lines[2:]
    elif len(lines) == 1 and is_numbered(lines[0].strip()) and _is_short(lines[0]):
        title = lines[0].strip()
        yield Heading(min(title.split()[0].rstrip(".").count(".") + 1, 6), (Run(title),))
        return
    lines = [line for line in lines if not _RULER.match(line)]
    if not lines:
        return
    if signal_of(lines[0].strip()):
        texts = [Paragraph((Run("\n".join(line.strip() for line in lines)),))]
        if notice := as_notice(texts, framed=True):
            yield notice
            return
    yield from _lines(lines)


def _is_short(line: str) -> bool:
    return len(line.strip()) <= _LONGEST_HEADING and not line.rstrip().endswith(
        (".", ",", ";", ":")
    )


def _lines(lines: list[str]) -> Iterator[Piece]:
    """Each line as it stands: how far it is set in and what gaps it has may carry a meaning."""
    margin = min(len(line) - len(line.lstrip()) for line in lines)
    for number, line in enumerate(lines):
        depth = (len(line) - len(line.lstrip()) - margin) // 2
        text = _GAP.sub("\t", line.strip())
        yield Paragraph((Run(text),), depth=min(depth, 6), tight=number > 0)
