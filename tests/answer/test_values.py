"""Values with their units, German and English."""

from __future__ import annotations

import pytest

from rag.answer.values import find_values
from rag.types import Language


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("25 Nm", "de", [(25, "Nm")]),
        ("2.000 h oder 1.500 Betriebsstunden", "de", [(2000, "h"), (1500, "h")]),
        ("1,250 Nm and 2.5 bar", "en", [(1250, "Nm"), (2.5, "bar")]),
        ("7,5–10 bar", "de", [(7.5, "bar"), (10, "bar")]),
        ("75 bis 90 °C", "de", [(75, "°C"), (90, "°C")]),
        ("-10 °C bis +50 °C", "de", [(-10, "°C"), (50, "°C")]),
        ("2.960 1/min, 3000 min-1, 1500 U/min", "de", [(2960, "1/min"), (3000, "1/min"),
                                                       (1500, "1/min")]),
        ("8 bar(g)", "en", [(8, "bar")]),
        ("5 × 35 mm²", "de", [(5, "mm²"), (35, "mm²")]),
        ("every 500 operating hours", "en", [(500, "h")]),
        ("500-hour service", "en", [(500, "h")]),
        ("jährlich prüfen", "de", [(1, "years")]),
        ("Torque [Nm]: 45", "en", [(45, "Nm")]),
        ("68 dB(A)", "de", [(68, "dB")]),
        ("0,8 m³/min", "de", [(0.8, "m³/min")]),
    ],
)  # fmt: skip
def test_values_are_read(text: str, language: Language, expected: list[tuple[float, str]]) -> None:
    found = find_values(text, language)

    assert [(v.readings[0], v.unit and v.unit.name) for v in found] == expected


@pytest.mark.parametrize(
    "text",
    ["E-104", "4711-0815-B", "M22x1,5", "1. Anlage ausschalten", "siehe [1]", "am 12.03.2025"],
)
def test_codes_steps_citations_and_dates_are_no_values(text: str) -> None:
    assert find_values(text, "de") == []
