"""Kept terms are what the analyzer says, whatever the text."""

from __future__ import annotations

from rag.retrieve.analyzer import Analyzer
from rag.retrieve.kept_terms import KeptTerms


def test_the_second_time_gives_what_the_analyzer_gives() -> None:
    analyzer = Analyzer()
    kept = KeptTerms(analyzer)
    texts = ["Ölwechsel alle 500 h", "", "…", "E-104 \x00\x01 M8x1,25", "\ud800 Pumpe"]
    expected = [frozenset(analyzer.terms(text, "de")) for text in texts]
    assert kept.of(texts, "de") == expected
    assert kept.of(texts, "de") == expected
    assert kept.of([], "de") == []


def test_texts_are_not_taken_for_others_that_join_to_the_same() -> None:
    kept = KeptTerms(Analyzer())
    assert len(kept.of(["Pumpe\x01Ventil"], "de")) == 1
    assert len(kept.of(["Pumpe", "Ventil"], "de")) == 2
    german = kept.of(["die Pumpe"], "de")
    assert kept.of(["die Pumpe"], "en") != german
