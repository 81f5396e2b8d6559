"""BM25 in the vector store gives what BM25 in memory gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.retrieve.keywords import KeywordIndex
from rag.store.vectors import open_vectors
from rag.types import Scope
from tests.retrieve.corpus import COMPRESSOR, PRESS, open_services, publish

QUESTIONS = [
    "Wie fest muss ich die Schrauben anziehen?",
    "Der Riemen quietscht, was prüfen?",
    "Wie viele Umdrehungen macht der Motor?",
    "How often to replace hydraulic hoses?",
    "E-104 Kühler reinigen",
    "Wartung",
    "zzzz",
]


@pytest.mark.slow
async def test_same_hits_and_scores_from_both(tmp_path: Path) -> None:
    services = open_services(tmp_path, keyword_backend="qdrant")
    vectors = open_vectors(services.settings, None)
    for machine, language, passages in (
        ("Schraubenkompressor KX-200", "de", COMPRESSOR),
        ("Hydraulic press HP-63", "en", PRESS),
    ):
        added = publish(services, machine, language, passages)
        vectors.upsert(services.library.chunks_of(added.id), None)
    sparse = KeywordIndex(
        services.library, settings=services.settings, glossary=services.glossary, vectors=vectors
    )
    everything = services.library.active_ids(Scope())
    first = frozenset([services.manuals["Schraubenkompressor KX-200"].id])
    for question in QUESTIONS:
        for manual_ids in (everything, first):
            expected = await services.keywords.search(question, "de", manual_ids, 10)
            found = await sparse.search(question, "de", manual_ids, 10)
            assert found.ids == expected.ids
            assert found.scores == pytest.approx(expected.scores, rel=1e-3)
    vectors.close()
