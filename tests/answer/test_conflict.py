"""Two passages with different values for the same thing are both shown."""

from __future__ import annotations

import pytest

from rag.answer.conflict import find_conflict
from rag.answer.records import words_of
from rag.services import Services
from rag.types import Chunk
from tests.answer.conftest import answer_to
from tests.answer.small_library import chunk, compressor, load, manual

TORQUE = words_of("Wie fest wird die Ölablassschraube angezogen?", "de")


def row(text: str, page: int = 12) -> Chunk:
    return chunk(compressor()[0], text, page=page, heading=("2.8 Anzugsdrehmomente",), kind="table")


@pytest.mark.parametrize(
    ("one", "other", "contradict"),
    [
        ("Schraube: Ölablassschraube | Moment: 45 Nm", "Schraube: Ölablassschraube | Moment: 40 Nm",
         True),
        ("Schraube: Ölablassschraube | Moment: 45 Nm", "Schraube: Ölablassschraube | Moment: 45 Nm",
         False),
        ("Schraube: Ölablassschraube | Moment: 45 Nm", "Schraube: Ölablassschraube | Länge: 30 mm",
         False),
        ("Schraube: Ölablassschraube | Moment: 45 Nm", "Schraube: Motorfuß | Moment: 85 Nm", False),
        ("Schraube: Ölablassschraube | Moment: 1 kNm",
         "Schraube: Ölablassschraube | Moment: 1000 Nm",
         False),
    ],
)  # fmt: skip
def test_rows_contradict_only_on_the_same_thing(one: str, other: str, contradict: bool) -> None:
    assert (find_conflict([row(one), row(other, page=30)], TORQUE) is not None) is contradict


async def test_both_values_are_shown_with_revision_and_page(quoting: Services) -> None:
    of = manual("SK 37", "de", revision="5.0", title="Serviceheft")
    load(quoting, of, [
        chunk(of, "Tabelle 1: Momente\nSchraubverbindung: Ölablassschraube | Gewinde: M22x1,5 | "
              "Anzugsdrehmoment: 60 Nm\nSchraubverbindung: Motorfuß | Gewinde: M12 | "
              "Anzugsdrehmoment: 85 Nm", page=8, heading=("2.8 Anzugsdrehmomente",), kind="table"),
    ])  # fmt: skip

    answer = await answer_to(
        "Welches Anzugsdrehmoment hat die Ölablassschraube?", quoting, machine="SK 37"
    )

    assert "zwei Fundstellen nennen verschiedene Werte" in answer.text
    assert "**60 Nm** – Serviceheft, Revision 5.0, Seite 3" in answer.text
    assert "**45 Nm** – Betriebsanleitung SK 37, Revision 4.2, Seite 7" in answer.text


async def test_a_consistent_manual_shows_no_conflict(quoting: Services) -> None:
    answer = await answer_to("Welches Anzugsdrehmoment hat die Ölablassschraube?", quoting)

    assert "verschiedene Werte" not in answer.text
