"""The cross-encoder's second look at the fused candidates, in the languages it was trained on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from rag.models.reranker import Reranker
from rag.types import Hit, Language


def covers(reranker: Reranker | None, question: Language, hits: Sequence[Hit]) -> bool:
    """Whether the model may judge: it knows the question's language and all passages'."""
    return reranker is not None and all(
        language in reranker.languages
        for language in (question, *(hit.chunk.language for hit in hits))
    )


async def rerank(
    question: str, hits: Sequence[Hit], reranker: Reranker, *, depth: int
) -> list[Hit]:
    """The first ``depth`` hits in the cross-encoder's order, the others after them."""
    head, tail = hits[:depth], hits[depth:]
    passages = [f"{hit.chunk.section}\n{hit.chunk.text}" for hit in head]
    scores = await asyncio.to_thread(reranker.scores, question, passages)
    order = sorted(range(len(head)), key=lambda number: -scores[number])
    return [
        replace(
            head[number],
            ranks={**head[number].ranks, "rerank": rank},
            scores={**head[number].scores, "rerank": scores[number]},
        )
        for rank, number in enumerate(order, 1)
    ] + list(tail)
