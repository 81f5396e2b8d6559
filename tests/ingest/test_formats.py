"""Manuals that are no PDFs: read like one, shown like one, cited like one."""

from __future__ import annotations

import socket
from itertools import pairwise
from pathlib import Path

import docx
import pypdfium2
import pytest
from PIL import Image

from rag.errors import BadFile
from rag.ingest.formats.kinds import SUFFIXES, kind_of
from rag.ingest.render import page_image
from rag.messages import catalogue
from rag.types import Chunk
from tests.ingest.documents import (
    number_pages,
    photograph,
    read,
    rendered_break,
    scanned_table,
    table,
    word_manual,
)

NOTICE = "Quetschgefahr am Stößel. Hauptschalter ausschalten."


def of_kind(chunks: tuple[Chunk, ...], kind: str) -> list[Chunk]:
    return [chunk for chunk in chunks if chunk.kind == kind]


# --- Word ----------------------------------------------------------------------------------------


def test_a_word_file_is_read_like_any_manual(tmp_path: Path) -> None:
    manual = read(word_manual(tmp_path / "Presse.docx"))
    faults = of_kind(manual.chunks, "fault")
    assert [fault.codes for fault in faults] == [(f"E-{n}",) for n in range(101, 161)]
    assert (
        faults[3].text
        == "Code: E-104 | Störung: Druck 104 mbar zu niedrig | Abhilfe: Ventil Y104 prüfen"
    )
    assert {fault.heading for fault in faults} == {("Störungen",)}
    assert {fault.first_page for fault in faults} == {2, 3}
    (notice,) = of_kind(manual.chunks, "notice")
    assert (notice.text, notice.signal, notice.heading) == (
        f"WARNUNG\n{NOTICE}",
        "warning",
        ("Sicherheit",),
    )
    (steps,) = of_kind(manual.chunks, "procedure")
    assert "1. Ölstand am Schauglas prüfen.\n2. Filter der Pumpe wechseln." in steps.text
    assert (manual.title, manual.machine, manual.revision, manual.language) == (
        "Betriebsanleitung Presse HP 77", "HP 77", "3.2", "de",
    )  # fmt: skip


def test_text_that_word_does_not_show_is_left_out_and_reported(tmp_path: Path) -> None:
    manual = read(word_manual(tmp_path / "Presse.docx"))
    assert not [chunk for chunk in manual.chunks if "Geheim" in chunk.text or "Weiß" in chunk.text]
    assert manual.pages[0].hidden_text == "Geheimes Kennwort. Weiß auf Weiß geschrieben."
    assert manual.quality.hidden_text_pages == (1,)
    assert "Sichtbarer Satz" in manual.pages[0].text


def test_pages_are_those_that_word_showed_with_their_labels(tmp_path: Path) -> None:
    document = docx.Document()
    number_pages(document, "lowerRoman", 3)
    document.add_heading("Aufstellen", 1)
    for number in range(90):  # more than a sheet of A4 holds
        document.add_paragraph(f"Satz {number} über das Aufstellen der Maschine in der Halle.")
    rendered_break(document.add_paragraph())
    document.add_paragraph("Die zweite Seite beginnt mit diesem Satz der Anleitung.")
    document.save(str(tmp_path / "Halle.docx"))
    manual = read(tmp_path / "Halle.docx")
    assert [(page.index, page.label) for page in manual.pages] == [(1, "iii"), (2, "iv")]
    assert "Satz 89" in manual.pages[0].text
    assert manual.pages[1].text == "Die zweite Seite beginnt mit diesem Satz der Anleitung."


def test_headings_numbered_by_word_keep_their_numbers(tmp_path: Path) -> None:
    document = docx.Document()
    for level, title in ((1, "Aufbau"), (2, "Antrieb"), (2, "Steuerung"), (1, "Betrieb")):
        heading = document.add_heading(title, level)
        properties = heading._p.get_or_add_pPr().get_or_add_numPr()
        properties.get_or_add_ilvl().val = level - 1
        properties.get_or_add_numId().val = _outline_list(document)
        document.add_paragraph(f"Hier steht der Text über {title} und noch etwas mehr dazu.")
    document.save(str(tmp_path / "Aufbau.docx"))
    assert [chunk.heading for chunk in read(tmp_path / "Aufbau.docx").chunks] == [
        ("1 Aufbau",),
        ("1 Aufbau", "1.1 Antrieb"),
        ("1 Aufbau", "1.2 Steuerung"),
        ("2 Betrieb",),
    ]


def _outline_list(document: docx.document.Document) -> int:
    """The id of a list "1", "1.1" of the document's numbering part, made at the first call."""
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    root = document.part.numbering_part.element
    if root.find("w:num[@w:numId='900']", root.nsmap) is None:
        levels = "".join(
            f'<w:lvl w:ilvl="{n}"><w:start w:val="1"/><w:numFmt w:val="decimal"/>'
            f'<w:lvlText w:val="{pattern}"/></w:lvl>'
            for n, pattern in enumerate(("%1", "%1.%2"))
        )
        names = nsdecls("w")
        root.insert(
            0, parse_xml(f'<w:abstractNum {names} w:abstractNumId="900">{levels}</w:abstractNum>')
        )
        root.append(
            parse_xml(f'<w:num {names} w:numId="900"><w:abstractNumId w:val="900"/></w:num>')
        )
    return 900


def test_merged_cells_of_a_word_table_are_filled(tmp_path: Path) -> None:
    document = docx.Document()
    made = table(
        document,
        [("Baugruppe", "Teil", "Drehmoment"), ("Kopf", "M8", "25 Nm"), ("", "M10", "49 Nm")],
    )
    made.cell(1, 0).merge(made.cell(2, 0))
    document.save(str(tmp_path / "Momente.docx"))
    (chunk,) = read(tmp_path / "Momente.docx").chunks
    assert chunk.text.splitlines() == [
        "Baugruppe: Kopf | Teil: M8 | Drehmoment: 25 Nm",
        "Baugruppe: Kopf | Teil: M10 | Drehmoment: 49 Nm",
    ]


# --- Markdown, HTML, text ------------------------------------------------------------------------


def test_a_warning_in_markdown_is_a_notice_of_its_section(tmp_path: Path) -> None:
    path = tmp_path / "manual.md"
    path.write_text(
        "# Operating Manual XR 200\n\n## Safety\n\n> **WARNING**\n> Hot surface. Wear gloves.\n\n"
        "> [!CAUTION]\n> Sharp edges at the frame.\n\n## Service\n\n1. Switch it off.\n"
        "2. Check the oil → 5 bar.\n\n"
        "| Part no. | Name |\n|---|---|\n| 4711-22 | Filter |\n| 4711-23 | Seal |\n",
        "utf-8",
    )
    manual = read(path)
    notices = of_kind(manual.chunks, "notice")
    assert [(n.text, n.signal, n.heading[-1]) for n in notices] == [
        ("WARNING\nHot surface. Wear gloves.", "warning", "Safety"),
        ("CAUTION\nSharp edges at the frame.", "caution", "Safety"),
    ]
    assert [part.codes for part in of_kind(manual.chunks, "parts")] == [("4711-22",), ("4711-23",)]
    assert (
        of_kind(manual.chunks, "procedure")[0].text
        == "1. Switch it off.\n2. Check the oil → 5 bar."
    )
    assert [page.label for page in manual.pages] == ["1", "2"]  # a section, a page


def test_html_is_read_as_seen_and_loads_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.0)
        there = f"http://127.0.0.1:{server.getsockname()[1]}"
        path = tmp_path / "page.html"
        path.write_text(
            f"""<!DOCTYPE html><html><head><title>Anleitung &amp; Teile</title>
            <link rel=stylesheet href="{there}/s.css"><script src="{there}/s.js">x()</script>
            <style>.off {{ display: none }} @import url({there}/t.css);</style></head><body>
            <nav>Startseite</nav><h1>Schmieren</h1><p>Alle Lager mit <b>Fett</b> schmieren.
            <img src="{there}/i.png" alt="Lager"><img src="file:///etc/passwd">
            <iframe src="{there}/f"></iframe><object data="file:///etc/hostname"></object>
            <p class=off>Nicht zu sehen.<p style="color:#fff">Weiß.<p hidden>Auch nicht.
            <p style="background:#000;color:white">Weiß auf Schwarz.
            <div class="admonition danger"><p class=title>GEFAHR</p><p>Hochspannung.</div>
            <table><tr><th>Takt<th>Fett<tr><td rowspan=2>500 h<td>5 g<tr><td>7 g</table>
            </body></html>""",
            "utf-8",
        )
        manual = read(path)
        with pytest.raises(BlockingIOError):
            server.accept()
    text = manual.pages[0].text
    assert text.startswith("Schmieren\nAlle Lager mit Fett schmieren. [Lager]")
    assert "Weiß auf Schwarz." in text
    assert "root:" not in text
    assert not {"Nicht zu sehen", "Startseite", "x()", "Auch nicht"} & set(text.split("\n"))
    assert manual.pages[0].hidden_text == "Nicht zu sehen. Weiß. Auch nicht."
    assert manual.title == "Anleitung & Teile"
    assert of_kind(manual.chunks, "notice")[0].text == "GEFAHR\nHochspannung."
    assert "500 h" in manual.chunks[-1].text.splitlines()[-1]


def test_plain_text_keeps_its_pages_sections_and_lists(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(
        "BETRIEBSANLEITUNG KX 9\r\n======================\r\n\r\n1 Sicherheit\r\n\r\nWARNUNG!\r\n"
        "Nicht hineingreifen.\r\n\r\n2 Daten\r\n\r\nDruck        5 bar\r\nMoment       25 Nm\r\n"
        "\f3 Ende\r\n\r\nDas ist das Ende der Anleitung für die Öl-\r\npumpe im Werk.".encode(
            "cp1252"
        )
    )
    manual = read(path)
    assert [page.label for page in manual.pages] == ["1", "2"]
    assert of_kind(manual.chunks, "notice")[0].text == "WARNUNG\nNicht hineingreifen."
    texts = {chunk.heading[-1]: chunk.text for chunk in of_kind(manual.chunks, "text")}
    assert texts["2 Daten"] == "Druck 5 bar\nMoment 25 Nm"
    assert texts["3 Ende"] == "Das ist das Ende der Anleitung für die Ölpumpe im Werk."


# --- pictures ------------------------------------------------------------------------------------

LINES = [
    "Wartung der Hydraulikpumpe",
    "Der Öldruck beträgt im Betrieb 180 bar.",
    "Den Filter alle 500 Stunden wechseln.",
    "Die Schrauben werden mit 25 Nm angezogen.",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scan.jpg", "scan.png", "scan.tif", "scan.webp"])
def test_a_picture_of_a_page_is_read_by_ocr(name: str, tmp_path: Path) -> None:
    picture = photograph(LINES)
    more = [photograph(["Zweite Seite der Anleitung."])] if name.endswith(".tif") else []
    options = {"save_all": True, "append_images": more} if more else {}
    picture.save(tmp_path / name, dpi=(150, 150), **options)
    manual = read(tmp_path / name)
    assert "180 bar" in manual.pages[0].text
    assert "25 Nm" in manual.pages[0].text
    assert [page.source for page in manual.pages] == ["ocr"] * (1 + len(more))
    assert (manual.pages[0].width, manual.pages[0].height) == pytest.approx((595, 842), abs=1)
    if more:
        assert "Zweite Seite" in manual.pages[1].text


@pytest.mark.slow
def test_a_ruled_table_on_a_leaning_scan_gives_a_record_a_code(tmp_path: Path) -> None:
    codes = range(201, 213)
    rows = [(f"E-{n}", "Druck zu niedrig", f"Ventil Y{n} klemmt", "Ventil reinigen") for n in codes]
    head = ("Code", "Störung", "Ursache", "Abhilfe")
    scanned_table([head, *rows], -0.8).save(tmp_path / "scan.png", dpi=(200, 200))
    manual = read(tmp_path / "scan.png")
    faults = of_kind(manual.chunks, "fault")
    texts = [
        f"Code: {code} | Störung: {fault} | Ursache: {cause} | Abhilfe: {remedy}"
        for code, fault, cause, remedy in rows
    ]
    assert len(faults) == len(rows)
    assert sum(fault.text == text for fault, text in zip(faults, texts, strict=True)) >= 11
    assert [chunk.text for chunk in of_kind(manual.chunks, "text")] == [
        "Die Tabelle nennt die Störungen der Anlage.",
        "Danach den Betreiber verständigen.",
    ]
    tops = [fault.boxes[0].y0 for fault in faults]
    assert tops == sorted(tops)
    assert all(0.25 < after - before < 0.28 for before, after in pairwise(n * 10 for n in tops))


# --- showing and refusing ------------------------------------------------------------------------


def test_every_page_can_be_shown_and_boxes_lie_on_their_text(tmp_path: Path) -> None:
    path = word_manual(tmp_path / "Presse.docx")
    manual = read(path)
    for page in manual.pages:
        assert page_image(path, page.index, width_px=480).startswith(b"\xff\xd8")
    fault = of_kind(manual.chunks, "fault")[0]
    box = fault.boxes[0]
    with pypdfium2.PdfDocument(tmp_path / "Presse.view.pdf") as view:
        sheet = view[box.page - 1]
        wide, high = sheet.get_size()
        found = sheet.get_textpage().get_text_bounded(
            box.x0 * wide, high - box.y1 * high, box.x1 * wide, high - box.y0 * high
        )
    assert found.split() == [
        "E-101",
        "Druck",
        "101",
        "mbar",
        "zu",
        "niedrig",
        "Ventil",
        "Y101",
        "prüfen",
    ]


@pytest.mark.parametrize(
    ("name", "content", "key"),
    [
        ("page.pdf", b"<!DOCTYPE html><html><body>login</body></html>", "error.not_a_pdf"),
        ("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "error.format_old_office"),
        ("letter.rtf", b"{\\rtf1 hello}", "error.format_old_office"),
        ("all.zip", b"PK\x03\x04" + bytes(100), "error.format_archive"),
        ("sheet.xlsx", b"PK\x03\x04xl/workbook.xml" + bytes(99), "error.format_other_office"),
        ("run.sh", b"#!/bin/sh\necho\n", "error.format_unknown"),
        ("run.exe", b"MZ\x00\x00" + bytes(100), "error.format_unknown"),
        ("scan.jpg", b"<html><body>404</body></html>", "error.format_mismatch"),
        ("notes.txt", b"text with\x00 a NUL in it", "error.format_unknown"),
        ("empty.docx", b"", "error.file_empty"),
        ("broken.docx", b"PK\x03\x04word/document.xml" + bytes(300), "error.word_damaged"),
        ("broken.png", b"\x89PNG\r\n\x1a\n" + bytes(300), "error.picture_damaged"),
        ("blank.html", b"<html><body><script>1</script></body></html>", "error.document_empty"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_why(name: str, content: bytes, key: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadFile) as refused:
        read(path)
    assert refused.value.key == key
    assert catalogue()[key]["de"].format(**refused.value.values)


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    Image.new("L", (9, 9)).save(path, "PNG")
    assert kind_of(path) == kind_of(path, "Scan.JPG") == "picture"
    path.write_bytes(b"# Heading")
    assert (kind_of(path, "a.md"), kind_of(path, "a.txt"), kind_of(path)) == (
        "markdown",
        "text",
        "text",
    )
    assert ".docx" in SUFFIXES
