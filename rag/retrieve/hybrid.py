"""Two retrievers and their fusion: reciprocal ranks, weighted by what the model understands."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

from langchain_classic.retrievers import EnsembleRetriever
from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever, RetrieverLike
from pydantic import ConfigDict

from rag.store.vectors import in_manuals
from rag.types import Language

ID = "chunk_id"
SCORE = "score"
# BM25 and dense. A model that does not cover the language only adds candidates: no dense rank
# outweighs the last of BM25 (1e-6 / 61 is less than the step between two ranks up to 7,000).
COVERED = (0.75, 0.25)
UNCOVERED = (1.0, 1e-6)


def fusion_weights(
    question: Language, passages: Collection[Language], model: Collection[Language]
) -> tuple[float, float]:
    """Weights of BM25 and dense: equal rights only where the model covers both languages."""
    covered = question in model and all(language in model for language in passages)
    return COVERED if covered else UNCOVERED


class RankedRetriever(BaseRetriever):
    """Hands BM25's hits, found before, to the fusion."""

    hits: Sequence[tuple[str, float]]

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return [
            Document(page_content="", metadata={ID: chunk_id, SCORE: score})
            for chunk_id, score in self.hits
        ]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        return self._get_relevant_documents(query, run_manager=run_manager.get_sync())


class DenseRetriever(BaseRetriever):
    """Nearest passages of the question, or of the hypothetical passage and the question."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    store: Any
    manual_ids: frozenset[str]
    depth: int
    hyde_text: str | None = None

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        vector = self.store.embeddings.embed_query(query)
        if self.hyde_text:
            passage = self.store.embeddings.embed_documents([self.hyde_text])[0]
            vector = [(one + other) / 2 for one, other in zip(vector, passage, strict=True)]
        found = self.store.similarity_search_with_score_by_vector(
            vector, k=self.depth, filter=in_manuals(self.manual_ids)
        )
        return [
            Document(page_content="", metadata={ID: document.metadata[ID], SCORE: score})
            for document, score in found
        ]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        return await asyncio.to_thread(
            self._get_relevant_documents, query, run_manager=run_manager.get_sync()
        )


def ensemble(
    keywords: RetrieverLike, dense: RetrieverLike, weights: tuple[float, float], *, c: int
) -> EnsembleRetriever:
    """Reciprocal rank fusion with constant ``c``, by chunk id: equal texts stay two hits."""
    return EnsembleRetriever(retrievers=[keywords, dense], weights=list(weights), c=c, id_key=ID)


def keep_first(documents: list[Document], first: str | None, depth: int) -> list[Document]:
    """The fused documents with ``first``, the keywords' best, among the first ``depth``.

    Ranks alone do not see to that: with c = 60 every passage that both retrievers have among their
    first twenty comes before one that only the keywords have, be it their very best.
    """
    place = next((n for n, one in enumerate(documents) if one.metadata[ID] == first), 0)
    if place < depth:
        return documents
    others = [*documents[:place], *documents[place + 1 :]]
    return [*others[: depth - 1], documents[place], *others[depth - 1 :]]
