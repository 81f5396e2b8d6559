"""BM25 as sparse vectors in the vector store, for libraries too large for memory.

A passage's vector holds the term-frequency part of its BM25 weights, the question's vector the
idf and its own weights, so their product is BM25. A product can only add, while a question's
words count by the best of their alternatives: so the product fetches more candidates than are
wanted, and these are scored again from their vectors by the very code that memory uses.

The weights are stored for passages of a usual average length, not the library's own, and made
exact when they are read: so a new manual changes nothing in the vectors of the others, but for
those with a compound that its words teach to split otherwise.
"""

from __future__ import annotations

import math
import zlib
from array import array
from collections.abc import Collection, Iterable, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rag.retrieve.bm25 import Floats
from rag.retrieve.counts import Counts, Integers
from rag.retrieve.terms import Group
from rag.retrieve.written import Sparse, Writer, hashes_of, rows_of

if TYPE_CHECKING:
    from rag.store.vectors import VectorIndex

CANDIDATES = 300
_USUAL = 120.0  # terms a passage; a library of short ones has half as many, of long ones twice


class SparsePostings:
    """The terms of a library with their idf in memory, the weights in the vector store."""

    def __init__(self, vectors: VectorIndex, terms: dict[str, int], *, k1: float, b: float) -> None:
        """``terms`` numbers the terms; it may grow with each manual that is added."""
        self._vectors = vectors
        self._k1 = k1
        self._b = b
        self.terms = terms
        self._hashed = np.zeros(0, np.int64)
        self._found_in = np.zeros(0, np.int32)
        self._frequencies = array("i")  # the same once all are counted: quicker to look up
        self._parts: list[Integers] = []
        self._lengths = np.zeros(0, np.int32)
        self._average = 1.0

    @property
    def size(self) -> int:
        return len(self._lengths)

    def add(self, manual_id: str, ids: Sequence[bytes], counts: Counts, writer: Writer) -> None:
        """Count a manual's passages, and have those written that are not."""
        more = islice(self.terms, len(self._hashed), None)
        self._hashed = np.append(self._hashed, [hash_of(term) for term in more]).astype(np.int64)
        found_in = np.bincount(counts.terms, minlength=len(self.terms)).astype(np.int32)
        found_in[: len(self._found_in)] += self._found_in
        self._found_in = found_in
        self._parts.append(counts.lengths)
        rows = list(rows_of(counts))

        def vector_of(number: int) -> Sparse:
            span = rows[number]
            often = counts.counts[span].astype(np.float32)
            values = saturated(often, self._norm(counts.lengths[number], _USUAL), self._k1)
            return _unique(self._hashed[counts.terms[span]], values)

        writer.write(manual_id, ids, hashes_of(counts, self._hashed), vector_of)

    def finish(self) -> None:
        """After the last manual."""
        if self._parts:
            self._lengths = np.concatenate(self._parts)
            self._average = int(self._lengths.sum()) / len(self._lengths) or 1.0
        self._frequencies = array("i", self._found_in.tobytes())
        self._found_in = np.zeros(0, np.int32)
        self._parts = []
        self._hashed = np.zeros(0, np.int64)

    def _norm(self, lengths: Any, average: float) -> Any:
        return self._k1 * (1 - self._b + self._b * lengths / average)

    def true_weights(self, values: Floats, places: Integers) -> Floats:
        """What the stored weights of the passages at ``places`` are with the average length that
        the library has now."""
        lengths = self._lengths[places]
        left = np.maximum(self._k1 + 1 - values, 1e-6)
        often = values * self._norm(lengths, _USUAL) / left
        return saturated(often, self._norm(lengths, self._average), self._k1)

    def __contains__(self, term: str) -> bool:
        return term in self.terms

    def frequency(self, term: str) -> int:
        """In how many documents a term stands."""
        number = self.terms.get(term)
        return 0 if number is None else self._frequencies[number]

    def weight(self, term: str) -> float:
        """The term's idf as rank-bm25's BM25Plus has it; 0 for an unknown one."""
        found_in = self.frequency(term)
        return math.log((self.size + 1) / found_in) if found_in else 0.0

    def stands_in(self, term: str, manual_ids: Collection[str]) -> bool:
        """Whether a term occurs in any passage of ``manual_ids``."""
        return term in self.terms and bool(
            self._vectors.search_keywords([hash_of(term)], [1.0], manual_ids, 1)
        )

    def candidates(
        self, groups: Sequence[Group], manual_ids: Collection[str], places: Places
    ) -> tuple[Candidates, Integers]:
        """The passages whose product with the question is largest, in reading order: their
        weights and their places in the library."""
        query: dict[str, float] = {}
        for group in groups:
            best: dict[str, float] = {}
            for alternative in group.alternatives:
                for term, weight in alternative.terms():
                    if term in self.terms:
                        value = weight * alternative.weight * group.weight * self.weight(term)
                        best[term] = max(best.get(term, 0.0), value)
            for term, value in best.items():
                query[term] = query.get(term, 0.0) + value
        indices, values = _unique(
            np.array([hash_of(term) for term in query], np.int64),
            np.array(list(query.values()), np.float32),
        )
        hits = self._vectors.keyword_hits(indices, values, manual_ids, CANDIDATES)
        found = places.of([chunk_id for chunk_id, *_ in hits])
        order = np.argsort(found, kind="stable")
        order = order[found[order] >= 0]
        rows = [hits[number][1:] for number in order.tolist()]
        return Candidates(self, rows, found[order], query), found[order]


class Candidates:
    """BM25 of a question's candidates, in the form that ``scoring`` works on."""

    def __init__(
        self,
        postings: SparsePostings,
        rows: Sequence[Sequence[Any]],
        places: Integers,
        terms: Iterable[str],
    ) -> None:
        """``rows``: indices and values of each candidate, ``places`` theirs in the library."""
        self._postings = postings
        self.size = len(rows)
        self._columns: dict[str, tuple[Integers, Floats]] = {}
        sizes = [len(indices) for indices, _ in rows]
        indices = np.fromiter(chain.from_iterable(one for one, _ in rows), np.int64, sum(sizes))
        values = np.fromiter(chain.from_iterable(one for _, one in rows), np.float32, sum(sizes))
        numbers = np.repeat(np.arange(len(rows), dtype=np.int32), sizes)
        names = {hash_of(term): term for term in terms}
        asked = np.isin(indices, np.fromiter(names, np.int64, len(names)))
        indices, numbers = indices[asked], numbers[asked]
        values = postings.true_weights(values[asked], places[numbers])
        order = np.argsort(indices, kind="stable")
        distinct, begins = np.unique(indices[order], return_index=True)
        for number, span in zip(
            distinct.tolist(), np.split(order, begins[1:]) if len(order) else (), strict=True
        ):
            self._columns[names[number]] = (numbers[span], values[span])

    def knows(self, word: Iterable[tuple[str, float]]) -> bool:
        """Whether any of a word's terms stands in the library."""
        return any(term in self._postings.terms for term, _ in word)

    def weight(self, term: str) -> float:
        return self._postings.weight(term)

    def add(self, scores: Floats, term: str, weight: float) -> None:
        """Add ``weight`` times the term's BM25 score to ``scores`` ((size,) float32)."""
        column = self._columns.get(term)
        if column is not None:
            places, values = column
            scores[places] += np.float32(weight * self._postings.weight(term)) * values


class Places:
    """Chunk ids, as bytes, and their places in the library."""

    def __init__(self, ids: NDArray[np.bytes_]) -> None:
        self._order = np.argsort(ids).astype(np.int32)
        self._sorted = ids[self._order]

    def of(self, chunk_ids: Sequence[str]) -> Integers:
        """The place of each, -1 for one that the library does not have."""
        if not len(self._sorted) or not chunk_ids:
            return np.full(len(chunk_ids), -1, np.int32)
        sought = np.array([chunk_id.encode() for chunk_id in chunk_ids])
        near = np.minimum(np.searchsorted(self._sorted, sought), len(self._sorted) - 1)
        return np.where(self._sorted[near] == sought, self._order[near], -1).astype(np.int32)


def saturated(often: Floats, norm: Any, k1: float) -> Floats:
    """BM25's share of a term that stands ``often`` in a passage."""
    weights: Floats = (often * (k1 + 1) / (often + norm)).astype(np.float32)
    return weights


def hash_of(term: str) -> int:
    """A term's number in the vector store: the same in every process and for every library."""
    return zlib.crc32(term.encode())


def _unique(
    indices: NDArray[np.int64], values: NDArray[np.float32]
) -> tuple[list[int], list[float]]:
    """Indices once each, in order; values of terms whose numbers collide are added."""
    order, inverse = np.unique(indices, return_inverse=True)
    summed = np.bincount(inverse, weights=values, minlength=len(order))
    return order.tolist(), summed.tolist()
