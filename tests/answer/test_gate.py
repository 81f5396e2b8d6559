"""Nothing a model writes is shown unread."""

from __future__ import annotations

import random

import pytest

from rag.answer.cite import Citer
from rag.answer.gate import Gate
from rag.answer.numbers import Checker
from tests.answer.small_library import compressor

PASSAGES = [one for one in compressor()[1] if one.kind in ("procedure", "table", "text")]


def gate(question: str = "") -> Gate:
    return Gate(Checker(PASSAGES, question, "de"), Citer(PASSAGES, "de"), "de")


def through(text: str, cuts: random.Random | None = None) -> str:
    one = gate()
    shown, rest = "", text
    while rest:
        size = cuts.randint(1, 7) if cuts else len(rest)
        shown += one.feed(rest[:size])
        rest = rest[size:]
    shown += one.finish()
    assert shown == one.text
    return shown


def test_words_flow_and_values_wait_for_their_sentence() -> None:
    one = gate()

    assert one.feed("Die Ölablassschraube wird mit ") == "Die Ölablassschraube wird"
    assert one.feed("45") == " mit"
    assert one.feed(" Nm angezogen [1].") == ""
    assert one.feed(" Danach weiter") == " 45 Nm angezogen [1]. Danach"


def test_an_unknown_citation_is_dropped() -> None:
    assert through("Die Ölablassschraube öffnen [7].") == "Die Ölablassschraube öffnen [1]."
    assert through("Die Ölablassschraube öffnen [1, 9].") == "Die Ölablassschraube öffnen [1]."


def test_a_claim_without_citation_gets_the_passage_it_rests_on() -> None:
    shown = through("Der Antriebsmotor treibt den Verdichterblock an.\n")

    number = next(n for n, c in enumerate(PASSAGES, 1) if "Antriebsmotor" in c.text)
    assert shown == f"Der Antriebsmotor treibt den Verdichterblock an [{number}].\n"


def test_a_claim_that_rests_on_nothing_is_marked() -> None:
    shown = through("Die Kantine öffnet mittags ihre großen Türen.\n")

    assert shown == "Die Kantine öffnet mittags ihre großen Türen *(ohne Beleg)*.\n"


def test_saying_that_the_passages_do_not_answer_is_no_claim() -> None:
    text = "Die Stellen nennen dazu keine Angabe zur Garantiezeit.\n"

    assert through(text) == text


def test_a_wrong_citation_is_put_right_by_its_value() -> None:
    number = next(n for n, c in enumerate(PASSAGES, 1) if "56 Hz" in c.text)

    shown = through("Die Riemenspannung wird mit 56 Hz kontrolliert [1].\n")

    assert shown == f"Die Riemenspannung wird mit 56 Hz kontrolliert [{number}].\n"


def test_marks_stand_behind_the_value() -> None:
    assert "99 Nm **(nicht im Handbuch gefunden)** anziehen" in through("Mit 99 Nm anziehen [1].")
    assert "0,8 MPa *(umgerechnet)*" in through("Der Betriebsdruck, maximal, ist 0,8 MPa [3].")


@pytest.mark.parametrize("seed", range(40))
def test_any_cut_of_the_stream_gives_the_same(seed: int) -> None:
    text = (
        "Zuerst, d. h. vor Beginn, die Anlage ausschalten [1]. Dann gilt:\n\n1. Ölablassschraube "
        "öffnen [1].\n2. Mit 45 Nm anziehen. [1]\n3. Ca. 24 l Kompressorenöl einfüllen [9]. Mit "
        "77 Nm prüfen!\n\n| Teil | Wert |\n| --- | --- |\n| Motorfuß | 85 Nm |\n\n"
        "Siehe [hier](http://evil.example/x) und <b>dort</b>. Der Motor hat 37 kW"
    )

    assert through(text, random.Random(seed)) == through(text)
