"""The best passages for a question's words, without scoring all of them.

What a passage is worth (``rag.retrieve.scoring``) is never more than the plain sum over all its
terms, and the passages with the largest sums are found quickly, in memory or in the vector store.
So those are scored first, and then all that could be better than the last of the best.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag.retrieve.bm25 import Bm25, Candidates, Floats
from rag.retrieve.counts import Integers
from rag.retrieve.scoring import group_scores, weights_of
from rag.retrieve.terms import Group

_COPIES = 3  # hits with the same words
_DEEPER = 4
_ROUNDING = 1.0001


class Sums(Protocol):
    """The plain sums of a question's terms."""

    def first(self, count: int, least: float) -> tuple[Integers, float]:
        """The places of the ``count`` largest sums that are not 0 nor below ``least``, and what
        none of the others exceeds (0 when there are none)."""


class Postings(Protocol):
    """Where the terms stand: in memory, or in the vector store."""

    def stands_in(self, term: str, manual_ids: Collection[str]) -> bool: ...
    def sums(self, query: Mapping[str, float], manual_ids: Collection[str]) -> Sums: ...


@dataclass(frozen=True, slots=True)
class Passages:
    """What is known of each passage of a library, in reading order."""

    pages: Integers  # a number for each page of each manual
    kinds: NDArray[np.int8]
    shapes: NDArray[np.uint32]  # of the texts without their numbers


@dataclass(frozen=True, slots=True)
class Ranked:
    """Passages of the library (``places``) with their scores; ``best`` are places among them."""

    index: Candidates
    places: Integers
    total: Floats
    best: Integers


@dataclass(frozen=True, slots=True)
class Ranking:
    """Ranks the passages of one state of the library. ``page``: what a passage gains from the
    others of its page; ``first``: how many passages are scored first."""

    bm25: Bm25
    postings: Postings
    passages: Passages
    page: float
    first: int

    def best(
        self, groups: Sequence[Group], manual_ids: Collection[str], priors: Floats, limit: int
    ) -> Ranked:
        """The best passages of ``manual_ids``. ``priors``: what each kind of passage counts."""
        query = weights_of(groups)
        sums = self.postings.sums(query, manual_ids)
        gain = (1 + self.page) * _ROUNDING
        kinds = np.flatnonzero(np.bincount(self.passages.kinds))
        most = gain * float(priors[kinds].max(initial=1.0))
        count, least = self.first, 0.0
        while True:
            places, rest = sums.first(count, least / most)
            places = np.sort(places)
            alone = self._scored(groups, query, places, priors, limit)
            least = max(least, _last(alone, limit))
            around = self._on_pages_of(places[alone.total * gain >= least])
            ranked = self._scored(groups, query, around, priors, limit, self.page)
            least = max(least, _last(ranked, limit))
            if rest * most <= least:
                return ranked
            count *= _DEEPER

    def _scored(
        self,
        groups: Sequence[Group],
        terms: Iterable[str],
        places: Integers,
        priors: Floats,
        limit: int,
        page: float = 0.0,
    ) -> Ranked:
        index = Candidates(self.bm25, places, terms)
        total: Floats = np.sum([group_scores(index, group) for group in groups], axis=0)
        total *= priors[self.passages.kinds[places]]
        if page:
            total = _with_pages(total, self.passages.pages[places], page)
        best = varied(total, self.passages.shapes[places], limit)
        return Ranked(index, places, total, best[total[best] > 0])

    def _on_pages_of(self, places: Integers) -> Integers:
        """All passages of the pages that the passages at ``places`` stand on."""
        pages = self.passages.pages
        found = np.zeros(pages.max(initial=0) + 1, np.bool_)
        found[pages[places]] = True
        return np.flatnonzero(found[pages]).astype(np.int32)


def _last(ranked: Ranked, limit: int) -> float:
    """The score of the last of the best; 0 when there are fewer than wanted."""
    return float(ranked.total[ranked.best[-1]]) if len(ranked.best) >= limit else 0.0


def _with_pages(total: Floats, pages: Integers, share: float) -> Floats:
    """A passage gains from what else stands on its page: answers spread over a page."""
    if not len(total):
        return total
    rest = np.bincount(pages, weights=total)[pages].astype(np.float32) - total
    # Bounded by the passage's own score, so that a page of many weak ones does not win.
    gained: Floats = np.where(total > 0, total + share * np.minimum(rest, total), total)
    return gained


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
