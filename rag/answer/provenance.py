"""What an answer rests on: enough to show it, export it, and find the same passages again."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Any

from rag.answer.passages import Passage
from rag.models.llm import LanguageModelState
from rag.services import Services
from rag.store.library import Library
from rag.types import Check, Language, Manual, Retrieval, Scope, Stage

# What decides which passages are found and what is written; addresses and secrets stay out.
SETTINGS = (
    "num_ctx",
    "answer_tokens",
    "temperature",
    "embedding_model",
    "reranker_model",
    "hyde",
    "rrf_k",
    "dense_depth",
    "keyword_depth",
    "rerank_depth",
    "passages",
    "dedup_jaccard",
    "keyword_backend",
)


async def provenance(
    *,
    asked: str,
    understood_as: str,
    understood_by: str,
    scope: Scope,
    language: Language,
    retrieval: Retrieval,
    passages: Sequence[Passage],
    services: Services,
    model: LanguageModelState | None,
    prompt_version: str | None,
    checks: Sequence[Check],
    stages: Sequence[Stage],
) -> dict[str, Any]:
    """A dictionary that survives JSON.

    ``found`` are the ids of what was found, best first; ``passages`` what was told of it, each with
    the ids of its pieces. The same question, scope, settings and corpus find the same again; where
    ``hyde_text`` was written for the search, it is part of the question.
    """
    ids = {one.hit.chunk.manual_id for one in passages}
    manuals, corpus = await asyncio.to_thread(_library_now, services.library, ids)
    found = retrieval.stages.get("final") or retrieval.hits
    embedder = services.embedder
    return {
        "question": asked,
        "understood_as": understood_as,
        "understood_by": understood_by,
        "scope": dataclasses.asdict(scope),
        "corpus_version": corpus,
        "language": language,
        "verdict": retrieval.verdict,
        "confidence": round(retrieval.confidence, 4),
        "hyde_text": retrieval.hyde_text,
        "found": [hit.chunk.id for hit in found],
        "passages": [_passage(n, one, manuals) for n, one in enumerate(passages, start=1)],
        "model": {"name": model.model, "digest": model.digest} if model else None,
        "prompt_version": prompt_version,
        "embedder": embedder.name if embedder else None,
        "embedder_fingerprint": embedder.fingerprint if embedder else None,
        "reranker": services.reranker.name if services.reranker else None,
        "settings": {name: getattr(services.settings, name) for name in SETTINGS},
        "timings_ms": {stage.name: round(stage.ms, 1) for stage in stages},
        "checks": [dataclasses.asdict(check) for check in checks],
    }


def _library_now(library: Library, ids: set[str]) -> tuple[dict[str, Manual], int]:
    """These manuals, and the version of what can be found."""
    found = (library.manual(manual_id) for manual_id in sorted(ids))
    manuals = {manual.id: manual for manual in found if manual is not None}
    return manuals, library.corpus_version()


def _passage(n: int, passage: Passage, manuals: dict[str, Manual]) -> dict[str, Any]:
    hit, chunk = passage.hit, passage.hit.chunk
    manual = manuals.get(chunk.manual_id)
    return {
        "n": n,
        "chunk_id": chunk.id,
        "pieces": [piece.id for piece in passage.pieces],
        "further": passage.further,
        "content_hash": chunk.content_hash,
        "manual_id": chunk.manual_id,
        "sha256": manual.sha256 if manual else "",
        "file": manual.file_name if manual else "",
        "title": chunk.title,
        "machine": chunk.machine,
        "revision": chunk.revision,
        "page": chunk.first_page,
        "label": chunk.first_label,
        "ranks": dict(hit.ranks),
        "scores": {name: round(score, 4) for name, score in hit.scores.items()},
    }
