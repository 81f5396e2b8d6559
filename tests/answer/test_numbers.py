"""Values and codes are looked up in the row and the column that are meant."""

from __future__ import annotations

import pytest

from rag.answer.numbers import Checker
from rag.types import Chunk
from tests.answer.small_library import chunk, compressor, manual, press

GERMAN = [one for one in compressor()[1] if one.kind != "notice"]
ENGLISH = [one for one in press()[1] if one.kind != "notice"]


def statuses(text: str, passages: list[Chunk], question: str = "") -> list[tuple[str, str]]:
    language = passages[0].language
    checker = Checker(passages, question, language)
    return [(one.check.text, one.check.status) for one in checker.check(text)]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Die Ölablassschraube mit 45 Nm anziehen.", "found"),
        ("Die Ölablassschraube mit 54 Nm anziehen.", "missing"),
        ("Die Ölablassschraube mit 45 bar anziehen.", "missing"),
        ("Die Ölablassschraube mit 4,5 Nm anziehen.", "missing"),
        ("Die Ölablassschraube mit 20 Nm anziehen.", "missing"),
        ("Der Betriebsdruck beträgt höchstens 0,8 MPa.", "converted"),
        ("Der Betriebsdruck beträgt höchstens 116 psi.", "converted"),
        ("Der Betriebsdruck beträgt höchstens 0,9 MPa.", "missing"),
        ("Die Motordrehzahl ist 2960 U/min.", "found"),
        ("Der Ölfilter wird alle 2000 Betriebsstunden gewechselt.", "found"),
        ("Der Ölfilter wird alle 1000 Betriebsstunden gewechselt.", "missing"),
    ],
)
def test_a_value_is_looked_up(text: str, status: str) -> None:
    assert [one[1] for one in statuses(text, GERMAN)] == [status]


def test_a_part_number_must_be_the_one_of_the_part() -> None:
    other = chunk(
        compressor()[0],
        "Luftfilterelement | Artikelnummer: 4711-0990-A | Menge: 1",
        page=32, heading=("9 Ersatzteile",), kind="parts", codes=("4711-0990-A",),
    )  # fmt: skip
    passages = [*GERMAN, other]

    assert statuses("Der Ölfilter hat die Nummer 4711-0815-B.", passages)[0][1] == "found"
    assert statuses("Der Ölfilter hat die Nummer 4711-0990-A.", passages)[0][1] == "missing"
    assert statuses("Der Ölfilter hat die Nummer 4711-0816-B.", passages)[0][1] == "missing"


def test_only_the_row_of_the_code_asked_for_counts() -> None:
    question = "Was bedeutet E-104?"

    assert ("110 °C", "found") in statuses("Abschaltung bei 110 °C.", GERMAN, question)
    assert ("5,5 bar", "missing") in statuses("Meldung unter 5,5 bar.", GERMAN, question)


def test_the_column_that_is_named_counts() -> None:
    row = chunk(
        manual("SK 37", "de"),
        "Größe: Betriebsdruck | Ausführung SK 37-8: 8 bar | Ausführung SK 37-10: 10 bar",
        page=10, heading=("2 Daten",), kind="table",
    )  # fmt: skip
    question = "Welchen Betriebsdruck hat der SK 37-10?"

    assert ("10 bar", "found") in statuses("Der Betriebsdruck ist 10 bar.", [row], question)
    assert ("8 bar", "missing") in statuses("Der Betriebsdruck ist 8 bar.", [row], question)


def test_english_thousands_and_a_german_answer() -> None:
    passages = [one for one in ENGLISH if one.kind == "table"]
    checker = Checker(passages, "Anzugsmoment Tie rod nut?", "de")

    assert [f.check.status for f in checker.check("Tie rod nut: 1.250 Nm")] == ["found"]
    assert [f.check.status for f in checker.check("Tie rod nut: 125 Nm")] == ["missing"]


def test_a_value_the_user_wrote_is_no_claim() -> None:
    question = "Reichen 70 Nm für die Ölablassschraube?"

    assert statuses("Nein, 70 Nm sind zu viel.", GERMAN, question)[0][1] == "found"


def test_small_counts_are_left_alone_unless_the_manual_counts_the_same() -> None:
    counted = chunk(
        manual("SK 37", "de"), "Die 6 Deckelschrauben über Kreuz lösen.",
        page=9, heading=("7",),
    )  # fmt: skip

    assert statuses("Das geht in 3 Schritten.", [counted]) == []
    assert statuses("Die 6 Deckelschrauben lösen.", [counted]) == [("6", "found")]
    assert statuses("Die 8 Deckelschrauben lösen.", [counted]) == [("8", "missing")]
