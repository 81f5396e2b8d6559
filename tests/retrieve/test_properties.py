"""What must hold whatever is asked."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda
from rank_bm25 import BM25Plus

from rag.retrieve.bm25 import Bm25, Candidates, Postings
from rag.retrieve.find import find_passages
from rag.retrieve.hybrid import COVERED, ID, UNCOVERED, RankedRetriever, ensemble, keep_first
from rag.retrieve.keywords import KeywordIndex
from rag.store.vectors import open_vectors
from rag.types import Scope
from tests.retrieve.corpus import SmallServices
from tests.store.fake_embedder import WordEmbedder

RANKING = st.lists(st.integers(0, 60), unique=True, max_size=40)


def fuse(keywords: Sequence[int], dense: Sequence[int], weights: tuple[float, float]) -> list[str]:
    """The ids in the order of LangChain's EnsembleRetriever."""

    async def nearest(query: str) -> list[Document]:
        return [Document(page_content="", metadata={ID: str(one)}) for one in dense]

    retriever = ensemble(
        RankedRetriever(hits=[(str(one), 1.0) for one in keywords]),
        RunnableLambda(nearest),
        weights,
        c=60,
    )
    return [document.metadata[ID] for document in asyncio.run(retriever.ainvoke("?"))]


@settings(deadline=None)
@given(RANKING, RANKING)
def test_uncovered_language_keeps_the_order_of_bm25(keywords: list[int], dense: list[int]) -> None:
    fused = fuse(keywords, dense, UNCOVERED)
    assert fused[: len(keywords)] == [str(one) for one in keywords]
    assert set(fused) == {str(one) for one in (*keywords, *dense)}


@settings(deadline=None)
@given(RANKING.filter(bool), RANKING, st.integers(1, 10))
def test_first_of_bm25_stays_among_the_candidates(
    keywords: list[int], dense: list[int], depth: int
) -> None:
    documents = [Document("", metadata={ID: one}) for one in fuse(keywords, dense, COVERED)]
    kept = [one.metadata[ID] for one in keep_first(documents, str(keywords[0]), depth)]
    assert str(keywords[0]) in kept[:depth]
    assert sorted(kept) == sorted({str(one) for one in (*keywords, *dense)})


def test_ranks_alone_would_drop_it() -> None:
    both = list(range(1, 20))
    fused = fuse([0, *both], both, COVERED)
    assert "0" not in fused[:10]
    documents = [Document("", metadata={ID: one}) for one in fused]
    assert keep_first(documents, "0", 10)[9].metadata[ID] == "0"


@pytest.fixture(params=["memory", "qdrant"])
def ready(services: SmallServices, request: pytest.FixtureRequest) -> Iterator[SmallServices]:
    """Words alone, in memory; or words and meanings, both in the vector store."""
    if request.param == "memory":
        services.keywords.build()
        yield services
        return
    services.settings = services.settings.model_copy(update={"keyword_backend": "qdrant"})
    services.embedder = WordEmbedder()
    services.vectors = open_vectors(services.settings, services.embedder)
    for added in services.manuals.values():
        passages = services.library.chunks_of(added.id)
        services.vectors.upsert(passages, services.vectors.embed(passages))
    services.keywords = KeywordIndex(
        services.library,
        settings=services.settings,
        glossary=services.glossary,
        vectors=services.vectors,
    )
    services.keywords.build()
    yield services
    services.vectors.close()


@pytest.mark.parametrize("machine", ["Schraubenkompressor KX-200", "Hydraulic press HP-63"])
def test_no_hit_outside_the_scope(ready: SmallServices, machine: str) -> None:
    words = "E-104 Öl oil Riemen pressure HP-63 KX-200 Drehzahl 10 bar leak Wartung how wie".split()

    @settings(deadline=None, max_examples=40)
    @given(st.lists(st.sampled_from(words) | st.text(max_size=12), max_size=8).map(" ".join))
    def ask(question: str) -> None:
        found = asyncio.run(find_passages(question, Scope(machines=(machine,)), services=ready))
        hits = [hit for stage in found.stages.values() for hit in stage] + list(found.hits)
        assert {hit.chunk.machine for hit in hits} <= {machine}

    ask()


@settings(deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=12), min_size=2, max_size=9),
    st.lists(st.sampled_from("abcdefgx"), max_size=5),
)
def test_postings_score_like_rank_bm25(documents: list[list[str]], query: list[str]) -> None:
    bm25 = Bm25.of(documents, k1=1.2, b=0.6)
    everywhere = np.zeros(len(documents), np.int32)
    reference = BM25Plus(documents, k1=1.2, b=0.6, delta=0).get_scores(query)
    scores = Postings(bm25, ["manual"], everywhere).scores(Counter(query))
    np.testing.assert_allclose(scores, reference, rtol=1e-4, atol=1e-5)
    some = np.arange(0, len(documents), 2, dtype=np.int32)
    candidates, scores = Candidates(bm25, some, query), np.zeros(len(some), np.float32)
    for term in query:
        candidates.add(scores, term, 1.0)
    np.testing.assert_allclose(scores, reference[some], rtol=1e-4, atol=1e-5)
