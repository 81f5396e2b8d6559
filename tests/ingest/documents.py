"""Word, HTML and picture files made on the spot, as an office would save them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import docx
from docx.document import Document
from docx.enum.text import WD_BREAK
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import RGBColor
from PIL import Image, ImageDraw, ImageFont

from rag.ingest.document import ReadManual, read_document

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


def read(path: Path) -> ReadManual:
    """As the worker reads it; the view copy stays beside the file."""
    return read_document(
        path, file_name=path.name, ocr_languages="deu+eng", view=path.with_suffix(".view.pdf")
    )


def table(document: Document, rows: Sequence[Sequence[str]], *, marked: bool = True) -> Any:
    """A ruled table; ``marked``: its first row is set as header."""
    made = document.add_table(len(rows), len(rows[0]), style="Table Grid")
    for cells, texts in zip(made.rows, rows, strict=True):
        for cell, text in zip(cells.cells, texts, strict=True):
            cell.text = text
    if marked:
        properties = made.rows[0]._tr.get_or_add_trPr()
        properties.append(OxmlElement("w:tblHeader"))
    return made


def rendered_break(paragraph: Any) -> None:
    """Where Word ended a page when it last showed the file."""
    paragraph.add_run()._r.append(OxmlElement("w:lastRenderedPageBreak"))


def number_pages(document: Document, coding: str, start: int) -> None:
    """The last section's page numbers: "lowerRoman" from 3 is iii, iv …"""
    numbers = OxmlElement("w:pgNumType")
    numbers.set(qn("w:fmt"), coding)
    numbers.set(qn("w:start"), str(start))
    document.sections[-1]._sectPr.append(numbers)


def word_manual(path: Path) -> Path:
    """A German manual with headings, a warning, numbered steps, faults, and text not shown."""
    document = docx.Document()
    document.core_properties.title = "Betriebsanleitung Presse HP 77"
    document.add_heading("Betriebsanleitung HP 77", 0)
    document.add_paragraph("Revision 3.2 der Anleitung für die Presse.")
    document.add_heading("Sicherheit", 1)
    frame = document.add_table(1, 1, style="Table Grid").cell(0, 0)
    frame.text = "WARNUNG"
    frame.add_paragraph("Quetschgefahr am Stößel. Hauptschalter ausschalten.")
    document.add_heading("Wartung", 1)
    for step in ("Ölstand am Schauglas prüfen.", "Filter der Pumpe wechseln."):
        document.add_paragraph(step, style="List Number")
    shown = document.add_paragraph("Sichtbarer Satz im Absatz. ")
    shown.add_run("Geheimes Kennwort.").font.hidden = True
    white = document.add_paragraph().add_run("Weiß auf Weiß geschrieben.")
    white.font.color.rgb = RGBColor(255, 255, 255)
    document.add_paragraph().add_run().add_break(WD_BREAK.PAGE)
    document.add_heading("Störungen", 1)
    faults = [
        (f"E-{n}", f"Druck {n} mbar zu niedrig", f"Ventil Y{n} prüfen") for n in range(101, 161)
    ]
    table(document, [("Code", "Störung", "Abhilfe"), *faults])
    document.save(str(path))
    return path


def rewritten(path: Path, part: str, content: bytes) -> Path:
    """The archive at ``path`` with one part replaced or added."""
    output = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename != part:
                new.writestr(entry.filename, old.read(entry))
        new.writestr(part, content)
    path.write_bytes(output.getvalue())
    return path


def photograph(lines: Sequence[str], size: tuple[int, int] = (1240, 1754)) -> Image.Image:
    """A page of text as a picture at 150 dpi."""
    picture = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(picture)
    font = ImageFont.truetype(FONT, 26)
    for number, line in enumerate(lines):
        pen.text((120, 140 + 50 * number), line, fill="black", font=font)
    return picture


def scanned_table(rows: Sequence[Sequence[str]], tilt: float) -> Image.Image:
    """A ruled table between two lines of text, at 200 dpi, ``tilt`` degrees askew."""
    picture = Image.new("L", (1654, 2339), 250)
    pen = ImageDraw.Draw(picture)
    font = ImageFont.truetype(FONT, 28)
    pen.text((170, 230), "Die Tabelle nennt die Störungen der Anlage.", fill=40, font=font)
    edges, y = (170, 330, 690, 1080, 1480), 300
    for row in rows:
        for left, right, text in zip(edges[:-1], edges[1:], row, strict=True):
            pen.rectangle((left, y, right, y + 62), outline=40, width=3)
            pen.text((left + 14, y + 14), text, fill=40, font=font)
        y += 62
    pen.text((170, y + 60), "Danach den Betreiber verständigen.", fill=40, font=font)
    return picture.rotate(tilt, resample=Image.Resampling.BICUBIC, fillcolor=250)
