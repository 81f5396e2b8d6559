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
from rag.retrieve.verdict import Evidence, thresholds
from rag.types import Hit

_DEPTH = 24
_BEST = 5  # the passages among which the verdict looks for an answer
_PARTS = 10
_NO_UNIT = 0.5
_TELLING = 0.5  # weight from which a word says what is asked for
_NO_PARTS = 0.7  # for questions that ask for no part number
_USUAL_COSINE = 0.45  # of all-MiniLM-L6-v2 for a passage that is about the question


@dataclass(frozen=True, slots=True)
class Looked:
    """The hits in their new order, and what was seen in each of them (by chunk id). ``unsaid`` is
    the share of the question that none of them says, by any name; ``words`` how many words of the
    question carry weight."""

    hits: list[Hit]
    seen: Mapping[str, Nearness]
    unsaid: float = 1.0
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
        _unsaid(together, seen.values()),
        sum(weight >= _TELLING for weight in together.weights),
    )


def _unsaid(together: Together, seen: Collection[Nearness]) -> float:
    best = [max(said) for said in zip(*(one.said for one in seen if one.said), strict=True)]
    if not best:
        return 1.0
    weights = together.weights
    lacks = (weight * (1.0 - one) for weight, one in zip(weights, best, strict=True))
    return float(sum(lacks)) / (sum(weights) or 1.0)


def evidence_of(
    search: Search,
    found: Found,
    looked: Looked,
    logit: float | None,
    fitted_with: str | None = None,
) -> Evidence:
    """What the verdict is made from. Cosines of different models do not compare: they count only
    for the embedding model that the weights were ``fitted_with`` (default: the file's)."""
    hits = looked.hits
    if not hits:
        return Evidence(rerank=logit)
    best = max((looked.seen[hit.chunk.id] for hit in hits[:_BEST]), key=lambda one: one.together)
    asks_unit = best.unit != _NO_UNIT
    embedder = search.services.embedder
    covered = (
        embedder is not None
        and embedder.name == (fitted_with or thresholds()["made_with"]["embedder"])
        and {search.language, *search.manual_languages} <= set(embedder.languages)
    )
    cosine = max((hit.scores.get("dense", 0.0) for hit in hits), default=0.0)
    parts = _NO_PARTS
    if intent_of(search.question, search.language) == "part":
        records = (hit for hit in hits[:_PARTS] if hit.chunk.kind == "parts")
        parts = max((looked.seen[hit.chunk.id].own for hit in records), default=0.0)
    return Evidence(
        together=best.together,
        gap=best.gap,
        unit=best.unit,
        unmeasured=float(asks_unit and not any(one.measured for one in looked.seen.values())),
        unsaid=looked.unsaid,
        missing=found.missing,
        words=looked.words,
        parts=parts,
        cosine=cosine - _USUAL_COSINE if covered and cosine else 0.0,
        rerank=logit,
    )
