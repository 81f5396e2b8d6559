"""Measures without a judge, on cases worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from evals import metrics

BOOK = "Handbuch.pdf"


def question(pages: list[int], **more: Any) -> dict[str, Any]:
    return {"question": "?", "manuals": [BOOK] if pages else [], "pages": pages} | more


def on(*pages: int) -> frozenset[metrics.Place]:
    return frozenset((BOOK, page) for page in pages)


@pytest.mark.parametrize(
    ("gold", "passages", "precision", "recall"),
    [
        ([7], [on(7)], 1.0, 1.0),
        ([7], [on(8)], 0.0, 0.0),
        ([7], [on(7), on(8)], 1 / 2, 1.0),
        ([7, 9], [on(7), on(8)], 1 / 2, 1 / 2),
        ([7, 9], [on(7), on(9), on(1)], 2 / 3, 1.0),
        ([7, 8], [on(7, 8)], 1.0, 1.0),  # a passage over two pages
        ([7], [frozenset({("Anderes.pdf", 7)})], 0.0, 0.0),
    ],
)
def test_context_by_id(
    gold: list[int], passages: list[Any], precision: float, recall: float
) -> None:
    measured = metrics.context_metrics(question(gold), ["x"] * len(passages), passages)
    assert measured["context_precision_id"] == pytest.approx(precision)
    assert measured["context_recall_id"] == pytest.approx(recall)


def test_context_by_text() -> None:
    gold = question([7], passage="Schrauben mit 25 Nm anziehen")
    contexts = ["Die Pumpe ist blau.", "Vorher reinigen. Schrauben mit 25 Nm anziehen. Fertig."]
    measured = metrics.context_metrics(gold, contexts, [on(1), on(7)])
    assert measured["context_precision_text"] == 0.5  # only at rank 2
    assert measured["context_recall_text"] == 1.0
    measured = metrics.context_metrics(gold, contexts[:1], [on(1)])
    assert (measured["context_precision_text"], measured["context_recall_text"]) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("wanted", "text", "similarity"),
    [
        ("abc", "abc", 1.0),
        ("abc", "xx abc yy", 1.0),  # what stands around does not count
        ("abcd", "xx abd yy", 0.75),  # one letter left out
        ("abcd", "xx axcd yy", 0.75),  # one letter exchanged
        ("abcd", "xx abxcd yy", 0.75),  # one letter too many
        ("abc", "", 0.0),
        ("ABC  d", "abc d", 1.0),
        ("aaaa", "bbbb", 0.0),
    ],
)
def test_part_similarity(wanted: str, text: str, similarity: float) -> None:
    assert metrics.part_similarity(wanted, text) == pytest.approx(similarity)


def test_average_precision() -> None:
    assert metrics.average_precision([True, False, True]) == pytest.approx((1 + 2 / 3) / 2)
    assert metrics.average_precision([False, False]) == 0.0


def test_facts_and_citations() -> None:
    asked = question([7, 9], must_contain="25 Nm", values=["25 Nm", "M8"])
    measured = metrics.answer_metrics(
        asked, "Mit **25 Nm** anziehen [1].", [(BOOK, 7), (BOOK, 3)], refused=False
    )
    assert measured["contains"] == 1.0
    assert measured["right_page"] == 1.0
    assert measured["values"] == 0.5
    assert measured["citation_precision"] == 0.5
    assert measured["citation_recall"] == 0.5
    assert measured["false_refusal"] == 0.0


def test_values_need_no_blank_between_number_and_unit() -> None:
    asked = question([7], values=["25 Nm"])
    assert metrics.answer_metrics(asked, "25Nm", [], refused=False)["values"] == 1.0
    assert metrics.answer_metrics(asked, "30 Nm", [], refused=False)["values"] == 0.0


def test_refusals() -> None:
    assert metrics.answer_metrics(question([7]), "", [], refused=True)["false_refusal"] == 1.0
    rightly = metrics.answer_metrics(question([]), "", [], refused=True)
    assert (rightly["refused_rightly"], rightly["false_answer"]) == (1.0, 0.0)
    wrongly = metrics.answer_metrics(question([]), "42", [], refused=False)
    assert (wrongly["refused_rightly"], wrongly["false_answer"]) == (0.0, 1.0)


def test_notices_are_counted_word_for_word() -> None:
    asked = question([7], notices=["Lebensgefahr!\nStrom abschalten.", "Heiß! Abwarten."])
    shown = ["GEFAHR\nLebensgefahr! Strom abschalten."]
    assert metrics.notice_metrics(asked, shown) == {"notices_shown": 0.5}
    assert metrics.notice_metrics(asked, ["Lebensgefahr! Strom einschalten."]) == {
        "notices_shown": 0.0
    }
    assert metrics.notice_metrics(question([7]), shown) == {}


def test_quotes_on_their_page() -> None:
    page = "Tabelle 3 Code Störung E-104 Temperatur zu hoch Öl nachfüllen"
    assert metrics.quoted_on_page("Code: E-104\nStörung: Temperatur zu hoch", page) == 1.0
    assert metrics.quoted_on_page("Code: E-105\nStörung: Druck zu tief", page) == 0.0
