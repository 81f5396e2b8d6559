"""What a passage is worth for a question's words: per word the best way it is said there."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rag.retrieve.bm25 import Candidates, Floats
from rag.retrieve.terms import Group


def weights_of(groups: Iterable[Group]) -> dict[str, float]:
    """The question's terms, each with the most that it can add to a passage's score, so that
    their sum is never less than the sum of ``group_scores``."""
    query: dict[str, float] = {}
    for group in groups:
        most: dict[str, float] = {}
        for alternative in group.alternatives:
            added: dict[str, float] = {}
            for term, weight in alternative.terms():
                added[term] = added.get(term, 0.0) + weight * alternative.weight * group.weight
            for term, value in added.items():
                most[term] = max(value, most.get(term, 0.0))
        for term, value in most.items():
            query[term] = query.get(term, 0.0) + value
    return query


def group_scores(index: Candidates, group: Group) -> Floats:
    """Per passage, the best of the group's alternatives."""
    best = np.zeros(index.size, np.float32)
    for alternative in dict.fromkeys(group.alternatives):
        known = [word for word in alternative.words if index.knows(word)]
        if not known:
            continue
        scores = np.zeros(index.size, np.float32)
        matched = np.zeros(index.size, np.float32)
        for word in known:
            before = scores.copy() if len(alternative.words) > 1 else scores
            for term, weight in word:
                index.add(scores, term, weight * alternative.weight)
            matched += scores > before
        if len(alternative.words) > 1:  # half of a name is worth less than half
            scores *= (matched / len(alternative.words)) ** 2
        np.maximum(best, scores, out=best)
    best *= np.float32(group.weight)
    return best


def ceiling(index: Candidates, group: Group) -> float:
    """The idf that the group's best alternative has; 0 when no passage knows any."""
    return group.weight * max(
        (
            index.weight(term) * min(1.0, weight)
            for alternative in group.alternatives
            for term, weight in alternative.terms()
        ),
        default=0.0,
    )
