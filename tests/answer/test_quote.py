"""Quotations: verbatim, short, the rows and sentences that answer, procedures whole."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

from rag.answer.clean import plain
from rag.answer.excerpt import asks_for_value, best_part
from rag.answer.quote import _blockquote
from rag.answer.relevance import Relevance
from rag.services import Services
from rag.types import Language
from tests.answer.conftest import answer_to
from tests.answer.small_library import COMPRESSOR, chunk, compressor, manual


def relevance(services: Services, question: str, language: Language = "de") -> Relevance:
    snapshot = services.keywords.build()
    return Relevance(
        snapshot, question, language, {"de", "en"}, asks_value=asks_for_value(question, language)
    )


def test_the_row_that_answers_is_picked_from_a_long_table(quoting: Services) -> None:
    table = next(one for one in compressor()[1] if "Tabelle 7" in one.text)

    part = best_part(table, relevance(quoting, "Wie fest wird der Motorfuß angezogen?"), 160)

    assert part.split("\n")[0] == "Tabelle 7: Anzugsdrehmomente"
    assert "Motorfuß | Gewinde: M12 | Anzugsdrehmoment: 85 Nm" in part
    assert "Riemenschutz" not in part


def test_an_english_question_finds_the_german_row(quoting: Services) -> None:
    table = next(one for one in compressor()[1] if "Tabelle 6" in one.text)

    part = best_part(table, relevance(quoting, "What is the rated voltage?", "en"), 60)

    assert "400 V" in part


def test_a_part_of_a_text_is_verbatim_and_in_order(quoting: Services) -> None:
    sentences = [f"Satz {n} spricht von Bauteil {n} der Anlage." for n in range(30)]
    sentences[17] = "Der Verdichterblock wird mit 56 Hz geprüft."
    text = chunk(manual("X", "de"), " ".join(sentences), page=9, heading=("1",))

    part = best_part(text, relevance(quoting, "Wie wird der Verdichterblock geprüft?"), 200)

    assert "Der Verdichterblock wird mit 56 Hz geprüft." in part
    assert len(part) <= 220
    kept = [piece.strip() for piece in part.split("…") if piece.strip()]
    assert all(piece in text.text for piece in kept)


async def test_a_procedure_is_quoted_with_all_its_steps(quoting: Services) -> None:
    answer = await answer_to("Wie wechsle ich das Kompressorenöl?", quoting)

    procedure = next(one for one in compressor()[1] if one.kind == "procedure")
    for step in procedure.text.split("\n"):
        assert f"> {step}" in plain(answer.text)


async def test_at_most_three_quotations_each_with_its_place(quoting: Services) -> None:
    answer = await answer_to("Wie oft wird der Ölfilter gewechselt?", quoting, machine=COMPRESSOR)

    assert 1 <= answer.text.count("> — ") <= 3
    assert "Seite 14" in answer.text
    assert "2.000 h" in answer.text
    for citation in answer.citations:
        assert f"[{citation.n}]" in answer.text


def test_questions_for_a_value_are_known() -> None:
    assert asks_for_value("Wie fest wird die Schraube angezogen?", "de")
    assert asks_for_value("How often must it be greased?", "en")
    assert not asks_for_value("Was bedeutet E-104?", "de")


def test_left_out_steps_leave_the_others_their_numbers() -> None:
    """Markdown counts on by itself: step 7 behind step 2 would be shown as step 3."""
    of = manual(COMPRESSOR, "de")
    text = "\n".join(f"{n}. Teil {n} der Anlage prüfen." for n in range(1, 10))
    steps = chunk(of, text, page=3, heading=("1",), kind="procedure")
    lines = steps.text.split("\n")
    quoted = _blockquote("\n".join(["…", lines[1], "…", *lines[6:8], "…"]), steps.kind)

    html = MarkdownIt().render(quoted)

    starts = re.findall(r'<ol start="(\d+)">', html)
    assert starts == ["2", "7"]
    assert html.count("<li>") == 3
    assert html.count("<p>…</p>") == 3
