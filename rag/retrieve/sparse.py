"""BM25 as sparse vectors in the vector store, for libraries too large for memory.

A passage's vector holds the term-frequency part of its BM25 weights, the question's vector the
idf and its own weights, so their product is BM25. A product can only add, while a question's
words count by the best of their alternatives: so the product fetches more candidates than are
wanted, and these are scored again from their vectors by the very code that memory uses.
"""

from __future__ import annotations

import zlib
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rag.retrieve.bm25 import Floats
from rag.retrieve.terms import Group

if TYPE_CHECKING:
    from rag.store.vectors import VectorIndex

CANDIDATES = 300
_BATCH = 500


class SparsePostings:
    """The terms of a library with their idf in memory, the weights in the vector store."""

    def __init__(self, vectors: VectorIndex, *, k1: float, b: float) -> None:
        self._vectors = vectors
        self._k1 = k1
        self._b = b
        self.size = 0
        self.terms: dict[str, int] = {}
        self._found_in = array("i")

    def build(self, documents: Iterable[tuple[str, Sequence[str]]], *, write: bool) -> None:
        """Count all documents (chunk id, terms); with ``write`` store their vectors as well."""
        ids: list[str] = []
        lengths, sizes = array("i"), array("i")
        terms, counts = array("i"), array("H")
        for chunk_id, document in documents:
            ids.append(chunk_id)
            lengths.append(len(document))
            frequencies = Counter(document)
            sizes.append(len(frequencies))
            for term, count in frequencies.items():
                number = self.terms.setdefault(term, len(self.terms))
                if number == len(self._found_in):
                    self._found_in.append(0)
                self._found_in[number] += 1
                terms.append(number)
                counts.append(min(count, 65535))
        self.size = len(ids)
        if write and ids:
            self._write(ids, lengths, sizes, terms, counts)

    def _write(
        self,
        ids: list[str],
        lengths: array[int],
        sizes: array[int],
        terms: array[int],
        counts: array[int],
    ) -> None:
        hashed = np.fromiter((hash_of(term) for term in self.terms), np.int64, len(self.terms))
        average = sum(lengths) / len(lengths)
        place = 0
        for first in range(0, len(ids), _BATCH):
            batch: list[tuple[list[int], list[float]]] = []
            for number in range(first, min(first + _BATCH, len(ids))):
                span = slice(place, place + sizes[number])
                place += sizes[number]
                count = np.array(counts[span], np.float32)
                norm = self._k1 * (1 - self._b + self._b * lengths[number] / average)
                values = count * (self._k1 + 1) / (count + norm)
                indices = hashed[np.array(terms[span], np.int64)]
                batch.append(_unique(indices, values))
            self._vectors.upsert_keywords(ids[first : first + _BATCH], batch)

    def __contains__(self, term: str) -> bool:
        return term in self.terms

    def frequency(self, term: str) -> int:
        """In how many documents a term stands."""
        number = self.terms.get(term)
        return 0 if number is None else self._found_in[number]

    def weight(self, term: str) -> float:
        """The term's idf as rank-bm25's BM25Plus has it; 0 for an unknown one."""
        found_in = self.frequency(term)
        return float(np.log((self.size + 1) / found_in)) if found_in else 0.0

    def stands_in(self, term: str, manual_ids: Collection[str]) -> bool:
        """Whether a term occurs in any passage of ``manual_ids``."""
        return term in self.terms and bool(
            self._vectors.search_keywords([hash_of(term)], [1.0], manual_ids, 1)
        )

    def candidates(
        self, groups: Sequence[Group], manual_ids: Collection[str], places: Mapping[str, int]
    ) -> tuple[Candidates, list[int]]:
        """The passages whose product with the question is largest, in reading order: their
        weights and their places in the library (``places`` by chunk id)."""
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
        found = self._vectors.search_keywords(indices, values, manual_ids, CANDIDATES)
        known = sorted((places[one], one) for one, _ in found if one in places)
        vectors = self._vectors.keyword_weights([chunk_id for _, chunk_id in known])
        rows = [vectors.get(chunk_id) for _, chunk_id in known]
        return Candidates(self, rows, query), [place for place, _ in known]


class Candidates:
    """BM25 of a question's candidates, in the form that ``scoring`` works on."""

    def __init__(
        self, postings: SparsePostings, rows: Sequence[object], terms: Iterable[str]
    ) -> None:
        self._postings = postings
        self.size = len(rows)
        names = {hash_of(term): term for term in terms}
        columns: dict[str, tuple[list[int], list[float]]] = {}
        for place, vector in enumerate(rows):
            if vector is None:
                continue
            sparse: Any = vector
            for index, value in zip(sparse.indices, sparse.values, strict=True):
                term = names.get(index)
                if term is not None:
                    places, weights = columns.setdefault(term, ([], []))
                    places.append(place)
                    weights.append(value)
        self._columns = {
            term: (np.array(places, np.int32), np.array(weights, np.float32))
            for term, (places, weights) in columns.items()
        }

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
