"""The story of finding: from a question to the passages that a model, or a reader, is given.

scope → exact code → BM25 → fusion with dense → (HyDE, and once more) → rerank → dedup → verdict.
Every step reports a ``Stage`` with its time and its chunk ids.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from langchain_core.documents import Document

from rag.codes import find_codes, fold_code
from rag.language import detect_language
from rag.retrieve.dedup import merge_duplicates
from rag.retrieve.exact import Exact, find_records, is_record_of_another
from rag.retrieve.hybrid import (
    ID,
    SCORE,
    DenseRetriever,
    RankedRetriever,
    ensemble,
    fusion_weights,
)
from rag.retrieve.hyde import write_passage
from rag.retrieve.keywords import KeywordIndex
from rag.retrieve.rerank import covers, rerank
from rag.retrieve.scope import Narrowed, narrow
from rag.retrieve.snapshot import Found, Snapshot
from rag.retrieve.verdict import Evidence, judge
from rag.settings import Settings
from rag.store.library import Library
from rag.types import Chunk, Hit, Language, Retrieval, Scope, Stage

OnStage = Callable[[Stage], None]
_FINAL_DEPTH = 10


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


def _ignore(stage: Stage) -> None:
    """For callers that do not want to know."""


@dataclass(slots=True)
class _Search:
    """One question on its way."""

    question: str
    language: Language
    manual_ids: frozenset[str]
    manual_languages: frozenset[Language]
    quiet: frozenset[str]
    services: Services
    on_stage: OnStage
    stages: dict[str, tuple[Hit, ...]] = field(default_factory=dict)

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


async def find_passages(
    question: str,
    scope: Scope,
    *,
    services: Services,
    on_stage: OnStage = _ignore,
    use_language_model: bool = True,
) -> Retrieval:
    """The passages of the manuals in ``scope`` that answer ``question``, best first.

    ``question`` must stand on its own. ``use_language_model=False`` leaves HyDE out (the caller
    knows that the model is down). Raises ``StoreDown`` when the index cannot be read.
    """
    narrowed, search = await _begin(question, scope, services, on_stage)
    notes = tuple(f"machine:{machine}" for machine in narrowed.named)
    if narrowed.outside or not search.manual_ids:
        reason = "machine_outside_scope" if narrowed.outside else "no_manual_in_scope"
        return Retrieval((), {}, "absent", notes=(*notes, reason))

    snapshot = await services.keywords.current()
    exact = await _exact(search, snapshot, narrowed)
    found, fused = await _first_pass(search, snapshot)
    evidence = _evidence(found, None)
    hyde_text = None
    if use_language_model and _wants_hyde(search, exact, evidence):
        hyde_text, fused = await _second_pass(search, snapshot, fused)
    ranked = await _reranked(search, fused)
    final = _final(search, exact, ranked)

    best_logit = next((hit.scores["rerank"] for hit in ranked if "rerank" in hit.scores), None)
    verdict, sure = judge(_evidence(found, best_logit))
    if exact.records:
        verdict, sure = "found", 1.0
    elif exact.missing or not final:
        verdict, sure = "absent", 0.0
    return Retrieval(
        hits=tuple(final[: services.settings.passages]),
        stages=search.stages,
        verdict=verdict,
        confidence=sure,
        missing_code=exact.missing,
        ambiguous_code=exact.ambiguous,
        hyde_text=hyde_text,
        notes=notes,
    )


async def _begin(
    question: str, scope: Scope, services: Services, on_stage: OnStage
) -> tuple[Narrowed, _Search]:
    """Narrow the scope, and learn which manuals and languages it holds."""
    started = time.time_ns()

    def look_up() -> tuple[Narrowed, frozenset[str], frozenset[Language]]:
        library = services.library
        narrowed = narrow(question, scope, library.machines(), services.keywords.glossary)
        ids = frozenset() if narrowed.outside else library.active_ids(narrowed.scope)
        languages = frozenset(manual.language for manual in library.manuals() if manual.id in ids)
        return narrowed, ids, languages

    narrowed, ids, languages = await asyncio.to_thread(look_up)
    default: Language = "en" if languages == {"en"} else "de"
    language = detect_language(question, default)
    search = _Search(question, language, ids, languages, narrowed.words, services, on_stage)
    search.report("scope", started, (), machines=list(narrowed.named), manuals=len(ids))
    return narrowed, search


async def _exact(search: _Search, snapshot: Snapshot, narrowed: Narrowed) -> Exact:
    """The record of a code that the question names."""
    started = time.time_ns()
    library = search.services.library

    def look_up() -> Exact:
        names = {fold_code(machine) for machine in library.machines()}
        names |= {fold_code(code) for machine in library.machines() for code in find_codes(machine)}
        return find_records(
            search.question,
            search.manual_ids,
            library,
            lambda code: snapshot.stands_in(code, search.manual_ids),
            names,
        )

    exact = await asyncio.to_thread(look_up)
    if exact.asked:
        hits = [Hit(chunk, {"exact": rank}) for rank, chunk in enumerate(exact.records, 1)]
        search.report("exact", started, hits, asked=list(exact.asked))
    return exact


async def _first_pass(search: _Search, snapshot: Snapshot) -> tuple[Found, list[Hit]]:
    """BM25 with the glossary, and its fusion with the dense retriever."""
    started = time.time_ns()
    depth = search.services.settings.keyword_depth
    found = await asyncio.to_thread(
        snapshot.search,
        search.question,
        search.language,
        search.manual_ids,
        depth,
        search.manual_languages,
        quiet=search.quiet,
    )
    hits = await _hydrate(search, {"bm25": list(zip(found.ids, found.scores, strict=True))})
    search.stages["bm25"] = tuple(hits)
    search.report("bm25", started, hits, unknown=list(found.unknown))
    return found, await _fuse(search, found, hyde_text=None)


async def _second_pass(
    search: _Search, snapshot: Snapshot, fused: list[Hit]
) -> tuple[str | None, list[Hit]]:
    """Search again with a passage that the language model imagines."""
    services = search.services
    started = time.time_ns()
    languages = search.manual_languages
    language = search.language if search.language in languages else min(languages)
    text = await write_passage(
        search.question, language, services.llm, timeout_s=services.settings.hyde_timeout_s
    )
    search.report("hyde", started, (), written=bool(text))
    if text is None:
        return None, fused
    found = await asyncio.to_thread(
        snapshot.search,
        search.question,
        search.language,
        search.manual_ids,
        services.settings.keyword_depth,
        search.manual_languages,
        # The imagined words help BM25 where the question is in another language than the manual.
        text if search.language not in languages else "",
        search.quiet,
    )
    return text, await _fuse(search, found, hyde_text=text)


async def _fuse(search: _Search, found: Found, *, hyde_text: str | None) -> list[Hit]:
    """BM25's hits and the dense ones as one list (LangChain's EnsembleRetriever)."""
    services = search.services
    keyword_hits = list(zip(found.ids, found.scores, strict=True))
    store = services.vectors.store if services.vectors and services.embedder else None
    if store is None:
        hits = await _hydrate(search, {"bm25": keyword_hits, "fused": keyword_hits})
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
        seen.extend(await dense.ainvoke(query))
        ids = tuple(document.metadata[ID] for document in seen)
        search.on_stage(Stage("dense", begun, time.time_ns(), ids))
        return seen

    from langchain_core.runnables import RunnableLambda

    weights = fusion_weights(search.language, search.manual_languages, services.embedder.languages)
    retriever = ensemble(
        RankedRetriever(hits=keyword_hits),
        RunnableLambda(dense_hits),
        weights,
        c=services.settings.rrf_k,
    )
    documents = await retriever.ainvoke(search.question)
    hits = await _hydrate(
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


async def _hydrate(search: _Search, ranked: dict[str, list[tuple[str, float]]]) -> list[Hit]:
    """Hits in the order of the last list, with rank and score in each list."""
    order = [chunk_id for chunk_id, _ in list(ranked.values())[-1]]
    chunks = await asyncio.to_thread(search.services.library.chunks, order)
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


def _wants_hyde(search: _Search, exact: Exact, evidence: Evidence) -> bool:
    settings = search.services.settings
    if settings.hyde == "never" or search.services.llm is None or exact.asked:
        return False
    return settings.hyde == "always" or judge(evidence)[0] != "found"


async def _reranked(search: _Search, fused: list[Hit]) -> list[Hit]:
    services = search.services
    depth = services.settings.rerank_depth
    if fused and covers(services.reranker, search.language, fused[:depth]):
        started = time.time_ns()
        fused = await rerank(search.question, fused, services.reranker, depth=depth)
        search.report("rerank", started, fused[:depth])
    search.stages["reranked"] = tuple(fused)
    return fused


def _final(search: _Search, exact: Exact, ranked: list[Hit]) -> list[Hit]:
    """Exact records first, then the ranked passages; repetitions merged, other codes' records
    left out."""
    started = time.time_ns()
    first = [
        Hit(chunk, {"exact": rank}, {"exact": 1.0}) for rank, chunk in enumerate(exact.records, 1)
    ]
    known = {hit.chunk.id for hit in first}
    rest = [hit for hit in ranked if hit.chunk.id not in known]
    if exact.asked:
        rest = [hit for hit in rest if not is_record_of_another(hit.chunk, exact.asked)]
    merged = merge_duplicates([*first, *rest], jaccard=search.services.settings.dedup_jaccard)[
        :_FINAL_DEPTH
    ]
    final = [replace(hit, ranks={**hit.ranks, "final": rank}) for rank, hit in enumerate(merged, 1)]
    search.stages["final"] = tuple(final)
    search.report("dedup", started, final)
    return final


def _evidence(found: Found, logit: float | None) -> Evidence:
    if not found.ids:
        return Evidence(0.0, 0.0, 0.0, logit)
    tenth = found.scores[9] if len(found.scores) > 9 else 0.0
    return Evidence(
        coverage=max(found.coverage[:3]),
        own=found.known_share,
        margin=1.0 - tenth / found.scores[0],
        rerank=logit,
    )
