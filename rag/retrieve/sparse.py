"""BM25 as sparse vectors in the vector store, for libraries too large for memory.

A passage's vector holds the term-frequency part of its BM25 weights, the question's vector the
idf and its own weights, so their product is BM25's sum over the question's terms.

The weights are stored for passages of a usual average length, not the library's own: so a new
manual changes nothing in the vectors of the others, but for those with a compound that its words
teach to split otherwise. What is found is weighed exactly afterwards, see
``rag.retrieve.ranking``.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rag.retrieve.bm25 import Bm25
from rag.retrieve.counts import Counts, Integers
from rag.retrieve.written import Sparse, Writer, hashes_of, rows_of

if TYPE_CHECKING:
    from rag.store.vectors import VectorIndex

_USUAL = 120.0  # terms a passage; a library of short ones has half as many, of long ones twice


class SparseWriter:
    """Has the vectors of manual after manual written, where they are not."""

    def __init__(self, bm25: Bm25, writer: Writer) -> None:
        self._bm25 = bm25
        self._writer = writer
        self._hashed = np.zeros(0, np.int64)

    def add(self, manual_id: str, ids: Sequence[bytes], counts: Counts) -> None:
        more = islice(self._bm25.terms, len(self._hashed), None)
        self._hashed = np.append(self._hashed, [hash_of(term) for term in more]).astype(np.int64)
        rows = list(rows_of(counts))

        def vector_of(number: int) -> Sparse:
            span = rows[number]
            norm = self._bm25.norm(counts.lengths[number], _USUAL)
            values = self._bm25.saturated(counts.counts[span], norm)
            return _unique(self._hashed[counts.terms[span]], values)

        self._writer.write(manual_id, ids, hashes_of(counts, self._hashed), vector_of)

    def close(self) -> None:
        """After the last manual."""
        self._writer.close()


class SparsePostings:
    """Which passages a question's terms stand in, as the vector store knows it."""

    def __init__(self, vectors: VectorIndex, bm25: Bm25, ids: NDArray[np.bytes_]) -> None:
        """``ids``: of the library's chunks, in reading order."""
        self._vectors = vectors
        self._bm25 = bm25
        self._order = np.argsort(ids).astype(np.int32)
        self._sorted = ids[self._order]
        # How much more a passage can be worth than the vector store thinks: the most for the
        # longest, when passages are longer here than usual.
        longest = bm25.lengths.max(initial=0)
        self.error = max(
            1.0, (1 + bm25.norm(longest, _USUAL)) / (1 + bm25.norm(longest, bm25.average))
        )

    def stands_in(self, term: str, manual_ids: Collection[str]) -> bool:
        """Whether a term occurs in any passage of ``manual_ids``."""
        return term in self._bm25 and bool(
            self._vectors.search_keywords([hash_of(term)], [1.0], manual_ids, 1)
        )

    def sums(self, query: Mapping[str, float], manual_ids: Collection[str]) -> SparseSums:
        indices, values = _unique(
            np.array([hash_of(term) for term in query], np.int64),
            np.array([weight * self._bm25.weight(term) for term, weight in query.items()]),
        )
        return SparseSums(self, self._vectors, indices, values, manual_ids)

    def places_of(self, chunk_ids: Sequence[str]) -> Integers:
        """Where in the library the chunks are; those that it does not have are left out."""
        if not len(self._sorted) or not chunk_ids:
            return np.zeros(0, np.int32)
        sought = np.array([chunk_id.encode() for chunk_id in chunk_ids])
        near = np.minimum(np.searchsorted(self._sorted, sought), len(self._sorted) - 1)
        places: Integers = self._order[near[self._sorted[near] == sought]]
        return places


@dataclass(frozen=True, slots=True)
class SparseSums:
    """BM25's sums over the terms of one question, see ``rag.retrieve.ranking.Sums``."""

    postings: SparsePostings
    vectors: VectorIndex
    indices: Sequence[int]
    values: Sequence[float]
    manual_ids: Collection[str]

    def first(self, count: int, least: float) -> tuple[Integers, float]:
        least /= self.postings.error
        hits = self.vectors.search_keywords(
            self.indices, self.values, self.manual_ids, count, least
        )
        rest = hits[-1][1] * self.postings.error if len(hits) == count else 0.0
        return self.postings.places_of([chunk_id for chunk_id, _ in hits]), rest


def hash_of(term: str) -> int:
    """A term's number in the vector store: the same in every process and for every library."""
    return zlib.crc32(term.encode())


def _unique(
    indices: NDArray[np.int64], values: NDArray[np.floating]
) -> tuple[list[int], list[float]]:
    """Indices once each, in order; values of terms whose numbers collide are added."""
    order, inverse = np.unique(indices, return_inverse=True)
    summed = np.bincount(inverse, weights=values, minlength=len(order))
    return order.tolist(), summed.tolist()
