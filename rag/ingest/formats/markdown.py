"""Markdown: made into HTML and read as that, with the same care for what it contains."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.ingest.formats.html import read_html_text
from rag.ingest.formats.pieces import Piece
from rag.ingest.formats.plain import decoded

_FRONT_MATTER = re.compile(r"\A---\n(?:[^\n]*\n){0,100}?(?:---|\.\.\.)\n")


def read_markdown(data: bytes) -> Iterator[Piece]:
    """CommonMark with tables; HTML within it is read like that of a web page."""
    from markdown_it import MarkdownIt

    text = _FRONT_MATTER.sub("", decoded(data).replace("\r\n", "\n"))
    html = MarkdownIt("commonmark", {"html": True, "maxNesting": 40}).enable("table").render(text)
    yield from read_html_text(html)
