"""The runs of a Word paragraph: shown, hidden, deleted; breaks, symbols, drawings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rag.ingest.formats.pieces import Run
from rag.ingest.formats.word_styles import ParagraphStyle, Styles, W, is_on, value

_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_PLACED = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_ALTERNATIVE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_SMALLEST = 4  # half points; smaller print cannot be read
# Of the fonts Symbol and Wingdings, what manuals draw with them.
_SYMBOLS = {
    "F0B7": "•", "F0A7": "▪", "F0FC": "✓", "F0FB": "✗", "F0FE": "☒", "F0A8": "☐", "F06F": "☐",
    "F0E0": "→", "F0E8": "→", "F0B0": "°", "F0B1": "±", "F06D": "µ", "F057": "Ω", "F0C6": "Ø",
}  # fmt: skip


@dataclass(slots=True)
class ReadParagraph:
    """``pages``: the runs, parted at page breaks. ``boxes``: contents of text boxes in it.
    ``pictures``: (relation id, width in EMU)."""

    pages: list[list[Run]] = field(default_factory=lambda: [[]])
    hidden: str = ""
    boxes: list[Any] = field(default_factory=list)
    pictures: list[tuple[str, float]] = field(default_factory=list)


def tag_of(element: Any) -> str:
    """The name of an element of the main namespace, "" for others."""
    tag = element.tag
    return tag[len(W) :] if isinstance(tag, str) and tag.startswith(W) else ""


class RunReader:
    """Reads paragraphs with the styles of one document."""

    def __init__(self, styles: Styles) -> None:
        self._styles = styles

    def paragraph(self, element: Any, style: ParagraphStyle) -> ReadParagraph:
        read = ReadParagraph()
        self._within(element, style, read)
        read.hidden = " ".join(read.hidden.split())
        return read

    def _within(self, element: Any, style: ParagraphStyle, read: ReadParagraph) -> None:
        for child in element:
            match tag_of(child):
                case "r":
                    self._run(child, style, read)
                case "del" | "moveFrom" | "pPr" | "sdtPr":
                    continue
                case _:
                    if tag_of(child):  # hyperlinks, insertions, fields, content controls
                        self._within(child, style, read)

    def _run(self, run: Any, style: ParagraphStyle, read: ReadParagraph) -> None:
        properties = run.find(f"{W}rPr")
        bold = self._styles.is_bold(properties, style)
        hidden = self._is_hidden(properties, style)
        for child in run:
            match tag_of(child):
                case "t":
                    if hidden:
                        read.hidden += child.text or ""
                    else:
                        read.pages[-1].append(Run(child.text or "", bold))
                case "tab" | "ptab":
                    read.pages[-1].append(Run("\t", bold))
                case "br" | "cr" if child.get(f"{W}type") == "page":
                    read.pages.append([])
                case "br" | "cr":
                    read.pages[-1].append(Run("\n", bold))
                case "lastRenderedPageBreak":
                    self._rendered_break(read)
                case "noBreakHyphen":
                    read.pages[-1].append(Run("-", bold))
                case "sym":
                    code = (child.get(f"{W}char") or "").upper()
                    read.pages[-1].append(Run(_SYMBOLS.get(code, ""), bold))
                case "drawing" | "pict" | "object":
                    self._drawing(child, read)
                case "":
                    if child.tag == f"{_ALTERNATIVE}AlternateContent":
                        chosen = child.find(f"{_ALTERNATIVE}Choice")
                        self._drawing(child if chosen is None else chosen, read)

    def _rendered_break(self, read: ReadParagraph) -> None:
        """Where Word last went on to the next page; right after a break of the author's that is
        the same one again."""
        if len(read.pages) > 1 and not read.pages[-1]:
            return
        read.pages.append([])

    def _drawing(self, drawing: Any, read: ReadParagraph) -> None:
        read.boxes.extend(drawing.iter(f"{W}txbxContent"))
        extent = next(drawing.iter(f"{_PLACED}extent"), None)
        width = extent.get("cx", "0") if extent is not None else "0"
        for picture in drawing.iter(f"{_DRAWING}blip"):
            relation = picture.get(f"{_RELATION}embed")
            if relation:
                read.pictures.append((relation, float(width) if width.isdigit() else 0.0))

    def _is_hidden(self, properties: Any, style: ParagraphStyle) -> bool:
        """Marked as hidden, white on white, or too small to be read."""
        if properties is None:
            return style.hidden
        vanish = is_on(properties.find(f"{W}vanish"))
        size = value(properties.find(f"{W}sz"))
        if size and size.isdigit() and int(size) < _SMALLEST:
            return True
        color = (value(properties.find(f"{W}color")) or "").upper()
        shaded = style.shaded or any(
            properties.find(f"{W}{name}") is not None for name in ("shd", "highlight")
        )
        if color == "FFFFFF" and not shaded and not _is_shaded(properties):
            return True
        return style.hidden if vanish is None else vanish


def _is_shaded(properties: Any) -> bool:
    """Whether a cell or table around has a ground of its own: white letters show on it."""
    for element in properties.iterancestors(f"{W}tc", f"{W}tbl"):
        for name in ("tcPr", "tblPr"):
            shade = element.find(f"{W}{name}/{W}shd")
            if shade is not None and (shade.get(f"{W}fill") or "auto").upper() not in (
                "AUTO", "FFFFFF",
            ):  # fmt: skip
                return True
        if element.find(f"{W}tblPr/{W}tblStyle") is not None:
            return True  # the style may colour its first row
    return False
