"""HTML: what a reader of the page would see, in order. Nothing is loaded, nothing is run."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from lxml import etree
from lxml import html as lxml_html

from rag.errors import BadFile
from rag.ingest.formats.hidden import HiddenRules
from rag.ingest.formats.pieces import (
    Cell,
    Heading,
    Hidden,
    Paragraph,
    Picture,
    Piece,
    Run,
    Table,
    Text,
    as_notice,
    plain,
    trimmed,
)
from rag.ingest.formats.plain import decoded

# What is no part of the text, or stands around it on every page of a site.
_LEFT_OUT = frozenset(
    "script style template noscript head title meta link iframe object embed applet svg math "
    "canvas audio video nav select textarea button input datalist map source track param".split()
)
_BLOCKS = frozenset(
    "p div section article main aside header footer address figure figcaption details summary "
    "blockquote body html form fieldset legend center dl dt dd ul ol li hr pre table caption "
    "thead tbody tfoot tr td th h1 h2 h3 h4 h5 h6".split()
)
_BOLD = frozenset("b strong th dt summary legend".split())
_SET_APART = frozenset("blockquote aside".split())
_ADMONITION = re.compile(
    r"admonition|warn|danger|caution|note|notice|hinweis|gefahr|vorsicht|alert|callout", re.I
)
_DATA_PICTURE = re.compile(r"^data:image/(?:png|jpe?g|webp);base64,", re.IGNORECASE)
_DEEPEST = 200  # elements within elements; what lies deeper is read as plain text
_MOST_TAGS = 400_000  # some 100 MB as a tree
_SPACE = re.compile(r"[ \t\r\n\f]+")


def read_html(data: bytes) -> Iterator[Piece]:
    """The pieces of a page. Raises ``BadFile`` when there is nothing to be read in it."""
    yield from read_html_text(decoded(data))


def read_html_text(text: str) -> Iterator[Piece]:
    """As ``read_html``, of characters."""
    if text.count("<") > _MOST_TAGS:
        raise BadFile("error.document_too_long")
    # libxml2 takes no text with a declaration of its coding, and no NUL.
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text.replace("\x00", " "))
    parser = lxml_html.HTMLParser(
        no_network=True, huge_tree=False, remove_comments=True, remove_pis=True, recover=True
    )
    try:
        root = lxml_html.document_fromstring(text, parser=parser)
    except (etree.LxmlError, ValueError) as error:
        raise BadFile("error.document_empty") from error
    reader = _Reader(HiddenRules(root))
    body = root.find("body")
    yield from reader.pieces(root if body is None else body)


def title_of(data: bytes) -> str:
    """What the page calls itself, "" when it does not."""
    found = re.search(r"<title[^>]*>(.{1,500}?)</title>", decoded(data[:200_000]), re.I | re.S)
    if not found:
        return ""
    return _SPACE.sub(" ", lxml_html.fromstring(f"<p>{found[1]}</p>").text_content()).strip()


class _Reader:
    """Walks the tree once; ``_runs`` is the paragraph that is being collected."""

    def __init__(self, hidden: HiddenRules) -> None:
        self._hidden = hidden
        self._runs: list[Run] = []
        self._done: list[Piece] = []
        self._marker = ""
        self._depth = 0
        self._kept_lines = False

    def pieces(self, root: Any) -> list[Piece]:
        self._walk(root, bold=False, level=0)
        self._end_paragraph()
        return self._done

    def _walk(self, element: Any, *, bold: bool, level: int) -> None:
        """What stands within ``element``; the text after it is its parent's."""
        self._say(element.text, bold)
        for child in element:
            self._take(child, bold=bold, level=level + 1)
            self._say(child.tail, bold)

    def _take(self, element: Any, *, bold: bool, level: int) -> None:
        tag = element.tag if isinstance(element.tag, str) else ""
        if not tag or tag in _LEFT_OUT:
            return
        if self._hidden.hides(element):
            text = _SPACE.sub(" ", element.text_content()).strip()
            self._done.extend([Hidden(text)] if text else [])
        elif level > _DEEPEST:
            self._say(element.text_content(), bold)
        elif tag in ("br", "img"):
            self._take_empty(element, bold)
        elif tag not in _BLOCKS:
            self._walk(element, bold=bold or tag in _BOLD, level=level)
        else:
            self._end_paragraph()
            self._take_block(element, tag, bold=bold, level=level)
            self._end_paragraph()

    def _take_block(self, element: Any, tag: str, *, bold: bool, level: int) -> None:
        if re.fullmatch(r"h[1-6]", tag):
            text = trimmed(_inline(element, self._hidden))
            self._done.extend([Heading(int(tag[1]), text)] if text else [])
        elif tag == "table" and _is_data(element):
            self._done.append(_table(element, self._hidden))
        elif tag in ("ul", "ol"):
            self._take_list(element, tag, level)
        elif tag == "dd":
            self._depth += 1
            self._walk(element, bold=bold, level=level)
            self._end_paragraph()
            self._depth -= 1
        elif tag == "pre":
            self._kept_lines = True
            self._walk(element, bold=bold, level=level)
            self._end_paragraph()
            self._kept_lines = False
        elif tag in _SET_APART or _ADMONITION.search(element.get("class") or ""):
            self._take_box(element, level)
        else:
            self._walk(element, bold=bold or tag in _BOLD, level=level)

    def _take_list(self, element: Any, tag: str, level: int) -> None:
        start = element.get("start") or "1"
        number = int(start) if re.fullmatch(r"\d{1,4}", start) else 1
        self._depth += 1
        for child in element:
            if child.tag == "li" and not self._hidden.hides(child):
                self._end_paragraph()
                self._marker = f"{number}." if tag == "ol" else "•"
                self._walk(child, bold=False, level=level + 1)
                self._end_paragraph()
                self._marker = ""
                number += 1
            else:
                self._take(child, bold=False, level=level + 1)
        self._depth -= 1

    def _take_box(self, element: Any, level: int) -> None:
        outer, self._done = self._done, []
        self._walk(element, bold=False, level=level)
        self._end_paragraph()
        inner, self._done = self._done, outer
        said = [piece for piece in inner if isinstance(piece, Paragraph)]
        # A paragraph that is a notice by itself was framed already.
        notice = as_notice(said, framed=True) if len(said) == len(inner) else None
        self._done.extend([notice] if notice else inner)

    def _take_empty(self, element: Any, bold: bool) -> None:
        if element.tag == "br":
            self._runs.append(Run("\n", bold))
            return
        source = element.get("src") or ""
        if found := _DATA_PICTURE.match(source):
            try:
                data = base64.b64decode(source[found.end() :], validate=False)
            except (binascii.Error, ValueError):
                return
            self._end_paragraph()
            self._done.append(Picture(data))
        elif name := (element.get("alt") or "").strip():
            self._say(f" [{name}] ", bold)

    def _say(self, text: str | None, bold: bool) -> None:
        if text:
            self._runs.append(Run(text if self._kept_lines else _SPACE.sub(" ", text), bold))

    def _end_paragraph(self) -> None:
        runs, self._runs = self._runs, []
        if self._kept_lines:
            lines = plain(runs).expandtabs(8).strip("\n").split("\n")
            self._done.extend(
                Paragraph((Run(line.rstrip()),), self._depth, tight=number > 0)
                for number, line in enumerate(lines)
                if line.strip()
            )
            return
        text = trimmed(_single_spaced(runs))
        if not text:
            return
        paragraph = Paragraph(text, max(0, self._depth - bool(self._marker)), self._marker)
        self._marker = ""
        notice = as_notice([paragraph], framed=False) if not paragraph.marker else None
        self._done.append(notice or paragraph)


def _single_spaced(runs: list[Run]) -> Iterator[Run]:
    """No blank at the beginning of a line, none twice."""
    ended = True
    for run in runs:
        text = run.text.lstrip(" ") if ended else run.text
        if text:
            ended = text[-1] in " \n"
            yield Run(text, run.bold)


def _inline(element: Any, hidden: HiddenRules, bold: bool = False) -> Iterator[Run]:
    """All text within ``element`` as one paragraph; blocks within it begin a new line."""
    if element.text:
        yield Run(_SPACE.sub(" ", element.text), bold)
    for child in element:
        tag = child.tag if isinstance(child.tag, str) else ""
        if tag == "br":
            yield Run("\n")
        elif tag == "img":
            yield Run(f" {(child.get('alt') or '').strip()} ", bold)
        elif tag and tag not in _LEFT_OUT and not hidden.hides(child):
            if tag in _BLOCKS:
                yield Run("\n")
            if tag == "li":
                yield Run("• ")
            yield from _inline(child, hidden, bold or tag in _BOLD)
            if tag in _BLOCKS:
                yield Run("\n")
        if child.tail:
            yield Run(_SPACE.sub(" ", child.tail), bold)


def _is_data(table: Any) -> bool:
    """Whether it is a table of data: one that lays out a page holds others, or headings."""
    return table.find(".//table") is None and not table.xpath(".//h1|.//h2|.//h3|.//pre")


def _table(table: Any, hidden: HiddenRules) -> Table:
    rows: list[tuple[Cell, ...]] = []
    headers = 0
    for row in table.iter("tr"):
        if hidden.hides(row):
            continue
        cells = [cell for cell in row if cell.tag in ("td", "th") and not hidden.hides(cell)]
        if not cells:
            continue
        in_head = row.getparent().tag == "thead" or all(cell.tag == "th" for cell in cells)
        if in_head and headers == len(rows):
            headers += 1
        rows.append(tuple(_cell(cell, hidden) for cell in cells))
    return Table(tuple(rows), headers if headers < len(rows) else 0)


def _cell(cell: Any, hidden: HiddenRules) -> Cell:
    text: Text = trimmed(_single_spaced(list(_inline(cell, hidden, cell.tag == "th"))))
    text = tuple(Run(re.sub(r"\n\s*", "\n", run.text), run.bold) for run in text)
    return Cell(text, _span(cell.get("colspan")), _span(cell.get("rowspan")))


def _span(value: str | None) -> int:
    return int(value) if value and re.fullmatch(r"\d{1,3}", value.strip()) and int(value) else 1
