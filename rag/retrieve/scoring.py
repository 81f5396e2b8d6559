"""What a passage is worth for a question's words: per word the best way it is said there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag.retrieve.bm25 import Floats
from rag.retrieve.counts import Integers
from rag.retrieve.terms import Group

_COPIES = 3  # hits with the same words


class Index(Protocol):
    """BM25 of ``size`` passages: all of them, or the candidates of one question."""

    size: int

    def add(self, scores: Floats, term: str, weight: float) -> None: ...
    def knows(self, word: Iterable[tuple[str, float]]) -> bool: ...
    def weight(self, term: str) -> float: ...


def group_scores(index: Index, group: Group, others: float) -> Floats:
    """Per passage, the best of the group's alternatives and a share (``others``) of the rest."""
    best, total = np.zeros(index.size, np.float32), np.zeros(index.size, np.float32)
    for alternative in dict.fromkeys(group.alternatives):
        if not any(index.knows(word) for word in alternative.words):
            continue
        scores = np.zeros(index.size, np.float32)
        matched = np.zeros(index.size, np.float32)
        for word in alternative.words:
            if not index.knows(word):
                continue
            before = scores.copy() if len(alternative.words) > 1 else None
            for term, weight in word:
                index.add(scores, term, weight * alternative.weight)
            if before is not None:
                matched += scores > before
        if len(alternative.words) > 1:  # half of a name is worth less than half
            scores *= (matched / len(alternative.words)) ** 2
        np.maximum(best, scores, out=best)
        total += scores
    result: Floats = (best + others * (total - best)) * np.float32(group.weight)
    return result


def ceiling(index: Index, group: Group) -> float:
    """The idf that the group's best alternative has; 0 when no passage knows any."""
    return group.weight * max(
        (
            index.weight(term) * min(1.0, weight)
            for alternative in group.alternatives
            for term, weight in alternative.terms()
        ),
        default=0.0,
    )


def coverage(
    groups: Sequence[Group], weights: Sequence[float], scores: Sequence[Floats], best: Integers
) -> tuple[tuple[float, ...], float]:
    """Per passage of ``best``, the idf-weighted share of the question's words that stand in it;
    and the share of the weightiest word that none of the first three has. ``weights`` are 0 for
    what is not a word of the question's own."""
    whole = sum(weights) or 1.0
    has = [
        [score[document] > 0.25 * weight for document in best]
        for weight, score in zip(weights, scores, strict=True)
    ]
    for number, name in enumerate(groups):
        if name.says:  # a passage with "Ölwechsel" has "oil" and "change"
            said = [score > 0 for score in scores[number][best]]
            for place, group in enumerate(groups):
                if group.own and group.label in name.says:
                    has[place] = [a or b for a, b in zip(has[place], said, strict=True)]
    shares = tuple(
        sum(weight for weight, row in zip(weights, has, strict=True) if row[place]) / whole
        for place in range(len(best))
    )
    lacking = [weight for weight, row in zip(weights, has, strict=True) if not any(row[:3])]
    return shares, max(lacking, default=0.0) / whole


def largest(scores: Floats, count: int) -> Integers:
    """The places of the ``count`` largest scores, largest first, ties in order of place."""
    places = np.arange(len(scores), dtype=np.int32)
    if 0 < count < len(scores):
        least = np.partition(scores, -count)[-count]
        places = np.flatnonzero(scores >= least).astype(np.int32)
    return places[np.argsort(-scores[places], kind="stable")][:count]


def varied(scores: Floats, shapes: NDArray[np.uint32], count: int) -> Integers:
    """The places of the largest scores, with at most ``_COPIES`` of one text but for its numbers.

    Forty manuals of sister machines have the same sentence forty times: without this the first
    twenty hits would be one passage, and nothing would be left for its neighbours.
    """
    best = largest(scores, count)
    if len(best) < count or np.unique(shapes[best], return_counts=True)[1].max() <= _COPIES:
        return best
    seen: Counter[int] = Counter()
    kept: list[int] = []
    for place in np.argsort(-scores, kind="stable"):
        shape = int(shapes[place])
        seen[shape] += 1
        if seen[shape] <= _COPIES:
            kept.append(int(place))
        if len(kept) == count or scores[place] <= 0:
            break
    return np.array(kept, np.int32)
