"""One question on its way through the stages: what it carries, and its fused search."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda

from rag.errors import StoreDown
from rag.retrieve.hybrid import (
    ID,
    SCORE,
    DenseRetriever,
    RankedRetriever,
    ensemble,
    fusion_weights,
    keep_first,
)
from rag.retrieve.keywords import KeywordIndex
from rag.retrieve.snapshot import Found
from rag.settings import Settings
from rag.store.library import Library
from rag.types import Chunk, Hit, Language, Stage

_log = logging.getLogger(__name__)
# Among the notes of a ``Retrieval``: the vector store was away, words alone were searched.
INDEX_AWAY = "index_away"

OnStage = Callable[[Stage], None]


class Services(Protocol):
    """What finding needs of ``rag.services.Services``; embedder, vectors, reranker and llm may
    be ``None``."""

    settings: Settings
    library: Library
    keywords: KeywordIndex
    embedder: Any
    vectors: Any
    reranker: Any
    llm: Any


def ignore(stage: Stage) -> None:
    """For callers that do not want to know."""


@dataclass(slots=True)
class Search:
    """One question on its way. ``machines`` are those of all active manuals; ``read`` the passages
    that were read from the library so far, by id."""

    question: str
    language: Language
    manual_ids: frozenset[str]
    manual_languages: frozenset[Language]
    quiet: frozenset[str]
    services: Services
    on_stage: OnStage
    machines: Sequence[str] = ()
    stages: dict[str, tuple[Hit, ...]] = field(default_factory=dict)
    notes: set[str] = field(default_factory=set)
    read: dict[str, Chunk] = field(default_factory=dict)

    def report(self, name: str, started: int, hits: Sequence[Hit], **attributes: Any) -> None:
        self.on_stage(
            Stage(
                name,
                started,
                time.time_ns(),
                tuple(hit.chunk.id for hit in hits),
                attributes,
            )
        )


async def fuse(search: Search, found: Found, *, hyde_text: str | None) -> list[Hit]:
    """BM25's hits and the dense ones as one list (LangChain's EnsembleRetriever)."""
    services = search.services
    keyword_hits = list(zip(found.ids, found.scores, strict=True))
    store = await _dense_store(search)
    if store is None:
        hits = await hydrate(search, {"bm25": keyword_hits, "fused": keyword_hits})
        search.stages["fused"] = tuple(hits)
        return hits
    started = time.time_ns()
    dense = DenseRetriever(
        store=store,
        manual_ids=search.manual_ids,
        depth=services.settings.dense_depth,
        hyde_text=hyde_text,
    ).with_config(run_name="dense")
    seen: list[Document] = []

    async def dense_hits(query: str) -> list[Document]:
        begun = time.time_ns()
        try:
            with services.vectors.patience.answering():
                seen.extend(await dense.ainvoke(query))
        except StoreDown as down:  # words are searched all the same
            _log.warning("the vector store is away: %s", down.values.get("reason"))
            search.notes.add(INDEX_AWAY)
        ids = tuple(document.metadata[ID] for document in seen)
        search.on_stage(Stage("dense", begun, time.time_ns(), ids))
        return seen

    weights = fusion_weights(search.language, search.manual_languages, services.embedder.languages)
    retriever = ensemble(
        RankedRetriever(hits=keyword_hits),
        RunnableLambda(dense_hits),
        weights,
        c=services.settings.rrf_k,
    )
    documents = keep_first(
        await retriever.ainvoke(search.question),
        keyword_hits[0][0] if keyword_hits else None,
        services.settings.rerank_depth,
    )
    hits = await hydrate(
        search,
        {
            "bm25": keyword_hits,
            "dense": [(document.metadata[ID], document.metadata[SCORE]) for document in seen],
            "fused": [(document.metadata[ID], 0.0) for document in documents],
        },
    )
    search.stages["dense"] = tuple(
        sorted((h for h in hits if "dense" in h.ranks), key=lambda h: h.ranks["dense"])
    )
    search.stages["fused"] = tuple(hits)
    search.report("fused", started, hits, weights=list(weights))
    return hits


async def _dense_store(search: Search) -> Any:
    """LangChain's store of the vectors; ``None`` when there are none, or their server is away."""
    vectors = search.services.vectors
    if not vectors or not search.services.embedder:
        return None
    try:
        return await asyncio.to_thread(lambda: vectors.store)
    except StoreDown as down:
        _log.warning("the vector store is away: %s", down.values.get("reason"))
        search.notes.add(INDEX_AWAY)
        return None


async def hydrate(search: Search, ranked: dict[str, list[tuple[str, float]]]) -> list[Hit]:
    """Hits in the order of the last list, with rank and score in each list."""
    order = [chunk_id for chunk_id, _ in list(ranked.values())[-1]]
    missing = [chunk_id for chunk_id in order if chunk_id not in search.read]
    if missing:
        search.read |= await asyncio.to_thread(search.services.library.chunks, missing)
    chunks = search.read
    ranks: dict[str, dict[str, int]] = {}
    scores: dict[str, dict[str, float]] = {}
    for stage, listed in ranked.items():
        for rank, (chunk_id, score) in enumerate(listed, 1):
            ranks.setdefault(chunk_id, {})[stage] = rank
            if stage != "fused":
                scores.setdefault(chunk_id, {})[stage] = score
    return [
        Hit(chunks[chunk_id], ranks[chunk_id], scores.get(chunk_id, {}))
        for chunk_id in order
        if chunk_id in chunks and chunks[chunk_id].manual_id in search.manual_ids
    ]
