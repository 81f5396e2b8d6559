"""What was met in manuals typeset by others, one difficulty at a time."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from rag.ingest.damage import damaged_pages
from rag.ingest.document import read_document
from rag.types import Signal
from tests.ingest.paper import Paper
from tests.ingest.raw_pdf import write_pdf


@pytest.fixture
def paper(tmp_path: Path) -> Paper:
    return Paper(tmp_path / "manual.pdf")


def text_at(y: int, text: bytes) -> bytes:
    return b"BT /F 11 Tf 60 %d Td (%s) Tj ET\n" % (y, text)


def test_a_sign_for_two_equal_letters_is_read_as_both(tmp_path: Path) -> None:
    path = write_pdf(
        tmp_path / "m.pdf", [text_at(700, b"Den \x80ner o\x80en lassen, Sto\x80 fi flavor.")]
    )
    manual = read_document(path, file_name="m.pdf", ocr_languages="deu+eng")
    assert manual.pages[0].text == "Den ffner offen lassen, Stoff fi flavor."


def test_a_line_that_runs_off_the_page_is_read_to_its_end(paper: Paper) -> None:
    paper.write("Siehe https://www.example.org/releases/", 410, 100, 10)
    paper.write("Weit draussen ist nichts, was jemand sieht.", 640, 130)
    manual = paper.read()
    assert manual.pages[0].text == "Siehe https://www.example.org/releases/"
    assert manual.pages[0].hidden_text.startswith("Weit draussen")
    assert all(box.x1 <= 1 for chunk in manual.chunks for box in chunk.boxes)


def test_only_the_rest_of_a_line_may_run_off_the_page(paper: Paper) -> None:
    paper.write("Sichtbar und dann ein ganzer Satz, den niemand je auf dem Papier sieht.", 500, 100)
    manual = paper.read()
    assert manual.pages[0].hidden_text
    assert "Papier" not in manual.pages[0].text


def test_a_word_over_a_ruling_line_stays_whole_in_its_cell(paper: Paper) -> None:
    rows = [
        ["Distribution", "Kernel", "Verwendung"],
        ["Aufspannvorrichtungen", "RTAI", "Maschinensteuerung"],
        ["Bohrer", "Preempt", "Pruefung"],
    ]
    paper.table(rows, [90, 80, 70], 100)
    (chunk,) = paper.read().chunks
    assert chunk.text.splitlines() == [
        "Distribution: Aufspannvorrichtungen | Kernel: RTAI | Verwendung: Maschinensteuerung",
        "Distribution: Bohrer | Kernel: Preempt | Verwendung: Pruefung",
    ]


@pytest.mark.parametrize(
    ("word", "signal"),
    [("Warnung", Signal.WARNING), ("Anmerkung", Signal.NOTICE), ("Note", Signal.NOTICE),
     ("Caution", Signal.CAUTION), ("Gefahr", Signal.DANGER), ("Achtung", Signal.NOTICE)],
)  # fmt: skip
def test_a_set_in_notice_in_small_letters_ends_where_the_text_comes_out(
    paper: Paper, word: str, signal: Signal
) -> None:
    paper.write("3.5 Aktualisieren", 60, 80, 15, bold=True)
    paper.lines(["Der Rechner wird regelmäßig aktualisiert."], 60, 110)
    paper.rule(70, 500, 125)
    paper.write(word, 110, 140, bold=True)
    paper.lines(["Das Betriebssystem selbst bleibt so,", "wie es ist."], 110, 154)
    paper.rule(70, 500, 175)
    paper.lines(["1. Das Programm schließen."], 75, 195)
    paper.lines(["2. Das Programm neu starten."], 75, 215)
    chunks = paper.read().chunks
    (notice,) = (chunk for chunk in chunks if chunk.kind == "notice")
    assert notice.text == f"{word}\nDas Betriebssystem selbst bleibt so, wie es ist."
    assert notice.signal is signal
    steps = chunks[-1]
    assert steps.kind == "procedure"
    assert steps.notices == (notice.id,)


def test_a_notice_at_the_margin_ends_at_the_next_paragraph(paper: Paper) -> None:
    paper.write("Hinweis", 60, 100, bold=True)
    paper.lines(["Das Öl ist heiß."], 60, 114)
    paper.lines(["Der Ölstand wird am Schauglas geprüft,", "jeden Tag vor dem Start."], 60, 136)
    notice, text = paper.read().chunks
    assert notice.text == "Hinweis\nDas Öl ist heiß."
    assert text.text == "Der Ölstand wird am Schauglas geprüft, jeden Tag vor dem Start."


def test_a_signal_word_in_a_sentence_or_alone_is_no_notice(paper: Paper) -> None:
    paper.lines(["Hinweis: siehe Kapitel 3, dort steht eine", "Warnung vor heißem Öl."], 60, 100)
    paper.write("Gefahr", 60, 300, bold=True)
    paper.lines(["Ganz woanders steht dieser Satz, weit weg davon."], 60, 500)
    assert {chunk.kind for chunk in paper.read().chunks} == {"text"}


def test_terms_stay_with_their_definitions_and_are_no_headings(paper: Paper) -> None:
    paper.write("6 Glossar", 60, 80, 16, bold=True)
    paper.write("6.1 Achse", 60, 105, 13, bold=True)
    paper.lines(["Von Achsen handelt dieser Abschnitt."], 60, 125)
    paper.write("6.2 Begriffe", 60, 150, 13, bold=True)
    y = 172.0
    meaning = "ist ein Teil der Maschine, der sich dreht oder schiebt und Kraft überträgt."
    for number in range(12):
        paper.write(f"Begriff {number}", 60, y, bold=True)
        y = paper.lines([f"Begriff {number} {meaning}"] * 2, 85, y + 13, 13) + 6
    chunks = [chunk for chunk in paper.read().chunks if chunk.heading[-1] == "6.2 Begriffe"]
    assert len(chunks) > 1
    for chunk in chunks:
        lines = chunk.text.splitlines()
        assert lines[0].startswith("Begriff ")
        assert [line for line in lines if line.endswith("überträgt.")] == lines[1::2]
    names = [line for chunk in chunks for line in chunk.text.splitlines()[::2]]
    assert names == [f"Begriff {number}" for number in range(12)]


def test_a_heading_with_its_text_set_in_stays_a_heading(paper: Paper) -> None:
    for title, body in (("3.1 Aufbau", "Die Anlage hat zwei Achsen."),
                        ("3.2 Antrieb", "Der Motor treibt sie an.")):  # fmt: skip
        y = 100 if title.startswith("3.1") else 160
        paper.write(title, 60, y, bold=True)
        paper.lines([body], 100, y + 15)
    assert [chunk.heading for chunk in paper.read().chunks] == [("3.1 Aufbau",), ("3.2 Antrieb",)]


def test_no_chunk_is_too_long_and_none_is_a_crumb(paper: Paper) -> None:
    paper.write("4 Betrieb", 60, 80, 16, bold=True)
    long_step = "Den Hebel langsam nach rechts drehen und dabei auf die Anzeige achten. " * 40
    words = long_step.split()
    lines = [" ".join(words[start : start + 12]) for start in range(0, len(words), 12)]
    paper.lines([f"1. {lines[0]}", *(f"    {line}" for line in lines[1:])], 60, 110, 13)
    paper.next_page()
    paper.lines(["2. Fertig."], 60, 100)
    paper.lines(["Ende."], 60, 140)
    chunks = paper.read().chunks
    assert all(40 < len(chunk.text) <= 1200 for chunk in chunks)
    together = " ".join(chunk.text for chunk in chunks)
    assert together.split() == ["1.", *words, "2.", "Fertig.", "Ende."]


def test_a_damaged_page_is_unread_and_not_blank(tmp_path: Path) -> None:
    good = text_at(700, b"Der Deckel wird mit 25 Nm angezogen.") * 3
    packed = zlib.compress(b"".join(text_at(y, b"Zeile %d" % y) for y in range(100, 700, 9)))
    torn = packed[:60] + b"\x00\xff\x00\xff" * 8 + packed[92:]
    bent = bytearray(packed)
    bent[2] ^= 0xFF
    path = write_pdf(
        tmp_path / "m.pdf", [good] * 4, packed=[zlib.compress(good), torn, bytes(bent)]
    )
    assert damaged_pages(path) == {2, 3}
    manual = read_document(path, file_name="m.pdf", ocr_languages="deu+eng")
    assert manual.quality.unread_pages == (2, 3)
    assert manual.quality.needs_release
    assert "25 Nm" in manual.pages[0].text
    assert "25 Nm" in manual.pages[3].text


def test_a_whole_file_has_no_damaged_page(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "m.pdf", [text_at(700, b"Text"), b""])
    assert damaged_pages(path) == frozenset()
    manual = read_document(path, file_name="m.pdf", ocr_languages="deu+eng")
    assert manual.quality.unread_pages == ()


def test_a_formula_on_its_own_line_is_no_number_of_a_drawing(paper: Paper) -> None:
    paper.lines(["Die Bedingung lautet wie folgt, ohne Leerzeichen:"], 60, 100)
    paper.lines(["%W1<2*%C0.V"], 60, 130)
    paper.lines(["17"], 300, 400)
    (chunk,) = paper.read().chunks
    assert "%W1<2*%C0.V" in chunk.text
    assert "17" not in chunk.text


def test_contents_whose_numbers_touch_the_titles_keep_their_levels(paper: Paper) -> None:
    titles = ["5 Pflege", "5.9 Reinigen", "5.10 Fetten", "5.11 [Lagern]", "5.12 Entsorgen"]
    for number, title in enumerate(titles):
        printed = title if number < 2 else title.replace(" ", "", 1)
        paper.write(f"{printed} {'. ' * 20} {number + 2}", 60, 100 + 20 * number)
    paper.next_page()
    for number, title in enumerate(titles):
        paper.write(title, 60, 100 + 60 * number, 14, bold=True)
        paper.lines(
            ["Hier steht ein Satz darüber, was zu tun ist und womit."], 60, 120 + 60 * number
        )
    chunks = paper.read().chunks
    assert [chunk.heading for chunk in chunks] == [
        ("5 Pflege",), *(("5 Pflege", title) for title in titles[1:])
    ]  # fmt: skip


def test_columns_that_touch_are_told_apart_by_where_their_texts_begin(paper: Paper) -> None:
    from reportlab.pdfbase.pdfmetrics import stringWidth

    width = stringWidth("Hersteller", "SansBold", 9)
    rows = [["Hersteller", "Modell", "Zeit"], ["www.beispielwerke.de", "D5", "1000"],
            ["Beta", "2,5-Ampere", "2000"], ["Gamma", "Schrittmachertreiber", "3000"],
            ["Delta", "D7", "4000"]]  # fmt: skip
    paper.table(rows, [width, 40, 80], 100)
    text = "\n".join(chunk.text for chunk in paper.read().chunks)
    assert text.splitlines() == [
        " | ".join(f"{name}: {value}" for name, value in zip(rows[0], row, strict=True))
        for row in rows[1:]
    ]


def test_a_table_left_open_at_the_foot_of_the_page_keeps_its_last_row(paper: Paper) -> None:
    for number, (name, value) in enumerate((("Teil", "Maß"), ("Welle", "12"), ("Nabe", "14"))):
        y = 700 + 20 * number
        paper.rule(60, 260, y)
        for x in (60, 160, 260):
            paper.canvas.line(x, 842 - y, x, 842 - y - 20)
        paper.write(name, 64, y + 14, bold=number == 0)
        paper.write(value, 164, y + 14, bold=number == 0)
    (chunk,) = paper.read().chunks
    assert chunk.text.splitlines() == ["Teil: Welle | Maß: 12", "Teil: Nabe | Maß: 14"]
