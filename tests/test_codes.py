"""Codes are found as printed and folded so that spellings of one code meet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.codes import find_codes, find_fault_codes, fold_code


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Was bedeutet Fehler 104?", ["Fehler 104"]),
        (
            "Fehlercode: 17, Störung Nr. 104, alarm 12",
            ["Fehlercode: 17", "Störung Nr. 104", "alarm 12"],
        ),
        ("E-104 und F 101 oder a-17", ["E-104", "F 101", "a-17"]),
        ("e104 is shown", ["e104"]),
        ("E–104", ["E–104"]),
        ("Teil 4711-0815-B und 6.2013.0", ["4711-0815-B", "6.2013.0"]),
        ("SK55-1042, HP160-3301-A", ["SK55-1042", "HP160-3301-A"]),
        ('Schraube M8x1,25, Stopfen G 1/2", SW24', ["M8x1,25", "G 1/2", "SW24"]),
        ("am 17.05.2024, 2024-05-17, im Jahr 2019", []),
        ("1.000.000 Zyklen, 1500-3000 1/min, 1.234,5 kg", []),
        ("nach DIN EN ISO 13849-1, IP54, DN50, 2006/42/EG", []),
        ("Abschnitt 7.3.1, Abb. 12, 20 A 100 V, 100-240V", []),
        ("Pick-and-Place, 1500-Stunden-Wartung, 0.5-1.5 bar", []),
        ("104", []),
    ],
)
def test_codes_are_found_as_printed_and_other_numbers_are_not(text: str, codes: list[str]) -> None:
    assert find_codes(text) == codes


def test_spellings_of_one_code_fold_alike() -> None:
    assert {
        fold_code(code) for code in ("E-104", "E 104", "e104", "E\u2011104", "E\u00ad-104")
    } == {"e104"}
    assert fold_code("Fehler 104") == fold_code("Fehlercode: 104") == "104"
    assert fold_code("M8x1.25") == fold_code("m8 × 1,25")
    assert fold_code("E-104") != fold_code("E-105")
    assert fold_code("G 1/2") != fold_code("G 12")


def test_fault_codes_and_part_numbers_are_told_apart() -> None:
    text = "E-104: Filter 4711-0815-B tauschen"
    assert find_fault_codes(text) == ["E-104"]
    assert find_codes(text) == ["E-104", "4711-0815-B"]


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold_code(fold_code(text)) == fold_code(text)


@given(st.text())
def test_what_is_found_stands_in_the_text(text: str) -> None:
    assert all(code in text for code in find_codes(text))


@given(st.sampled_from("EFAH"), st.integers(10, 9999), st.sampled_from(["-", "", " "]))
def test_every_panel_code_is_found_in_any_spelling(letter: str, number: int, joint: str) -> None:
    text = f"Am Bedienfeld steht {letter}{joint}{number}, was nun?"
    assert [fold_code(code) for code in find_codes(text)] == [f"{letter}{number}".lower()]


@given(st.integers(0, 10**6))
def test_a_bare_number_is_no_code(number: int) -> None:
    assert find_codes(f"nach {number} Stunden") == []
