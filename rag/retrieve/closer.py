"""A closer look at the fused candidates: is what was asked for said in one place?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from rag.retrieve.intent import intent_of
from rag.retrieve.scope import designations
from rag.retrieve.search import Search
from rag.retrieve.snapshot import Found, Snapshot
from rag.retrieve.together import Nearness, Together
from rag.retrieve.verdict import Evidence
from rag.types import Hit

_DEPTH = 24
_BEST = 5  # the passages among which the verdict looks for an answer
_PARTS = 10
_TELLING = 0.5  # weight from which a word says what is asked for
_NO_PARTS = 0.7  # for questions that ask for no part number


@dataclass(frozen=True, slots=True)
class Looked:
    """The hits in their new order, and what was seen in each of them (by chunk id). For the rest
    see ``verdict.Evidence``."""

    hits: list[Hit]
    seen: Mapping[str, Nearness]
    unsaid: float = 1.0
    lacking: float = 0.0
    unmeasured: bool = False
    words: int = 0


async def look_closer(
    search: Search, snapshot: Snapshot, found: Found, hits: Sequence[Hit]
) -> Looked:
    """The first hits, those before that say more of the question in one sentence."""
    started = time.time_ns()
    looked = await asyncio.to_thread(_look, search, snapshot, found, hits)
    search.report("near", started, looked.hits[:_DEPTH])
    return looked


def _look(search: Search, snapshot: Snapshot, found: Found, hits: Sequence[Hit]) -> Looked:
    names = {part for one in search.machines for part in designations(one)}
    together = Together(
        search.question,
        search.language,
        found.groups,
        found.weights,
        snapshot.analyzer,
        names,
        snapshot.kept_terms,
    )
    seen = {
        hit.chunk.id: together.look(hit.chunk, snapshot.language_of(hit.chunk))
        for hit in hits[:_DEPTH]
    }
    share = snapshot.tuning.near
    c = search.services.settings.rrf_k
    worth = {
        hit.chunk.id: (1 + share * seen[hit.chunk.id].together) / (c + rank)
        for rank, hit in enumerate(hits[:_DEPTH], 1)
    }
    ordered = sorted(hits[:_DEPTH], key=lambda hit: -worth[hit.chunk.id])
    return Looked(
        [
            replace(
                hit,
                ranks={**hit.ranks, "near": rank},
                scores={**hit.scores, "near": seen[hit.chunk.id].together},
            )
            for rank, hit in enumerate(ordered, 1)
        ]
        + list(hits[_DEPTH:]),
        seen,
        *_lacks(together, seen.values()),
        together.asks_unit and not any(one.measured for one in seen.values()),
        sum(weight >= _TELLING for weight in together.weights),
    )


def _lacks(together: Together, seen: Collection[Nearness]) -> tuple[float, float]:
    """What no passage says of the question: the share of all its words, and the most of one that
    the thesaurus knows."""
    said = [one.said for one in seen if one.said]
    best = [max(ways) for ways in zip(*said, strict=True)] or [0.0] * len(together.weights)
    lacks = [weight * (1.0 - one) for weight, one in zip(together.weights, best, strict=True)]
    known = (lack for lack, one in zip(lacks, together.named, strict=True) if one)
    whole = sum(together.weights)
    return (sum(lacks) / whole if whole else 1.0), max(known, default=0.0)


def evidence_of(search: Search, looked: Looked, logit: float | None) -> Evidence:
    """What the verdict is made from."""
    hits = looked.hits
    if not hits:
        return Evidence(rerank=logit)
    best = max((looked.seen[hit.chunk.id] for hit in hits[:_BEST]), key=lambda one: one.together)
    intent = intent_of(search.question, search.language)
    parts = _NO_PARTS
    if intent == "part":
        records = (hit for hit in hits[:_PARTS] if hit.chunk.kind == "parts")
        parts = max((looked.seen[hit.chunk.id].own for hit in records), default=0.0)
    return Evidence(
        together=best.together,
        gap=best.gap,
        unsaid=looked.unsaid,
        lacking=looked.lacking,
        unmeasured=float(looked.unmeasured),
        words=looked.words,
        symptom=float(intent == "symptom"),
        parts=parts,
        rerank=logit,
    )
