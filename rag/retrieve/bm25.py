"""rank-bm25's statistics and formula, kept as posting lists so that a query costs what it touches.

rank-bm25 keeps one dict per document and walks all of them for every query term; at 20,000
passages that is 109 ms and 65 MB. Here its idf, lengths and parameters are taken over and each
term's contribution to each document is computed once. ``impact`` sums are rank-bm25's scores
(tested against ``get_scores``).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from rank_bm25 import BM25Plus

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]


def model(documents: Sequence[Sequence[int]], k1: float, b: float) -> BM25Plus:
    """rank-bm25's BM25Plus without its delta, which that package adds to every document alike.

    Chosen over BM25Okapi for its idf, log((N + 1) / n): Okapi's turns negative for words in more
    than half of the passages and is then replaced by a constant, in a library of one manual for
    words like "Kompressor", which still tell a page about it from one that is not.
    """
    return BM25Plus(documents, k1=k1, b=b, delta=0)


class Postings:
    """Term → documents and BM25 impacts. ``size`` documents, numbered as they came."""

    def __init__(self, documents: Iterable[Sequence[str]], *, k1: float, b: float) -> None:
        self.terms: dict[str, int] = {}
        numbered = [self._number(document) for document in documents]
        self.size = len(numbered)
        self.idf: Floats = np.zeros(len(self.terms), np.float32)
        self.starts: Integers = np.zeros(len(self.terms) + 1, np.int32)
        self.documents: Integers = np.zeros(0, np.int32)
        self.impacts: Floats = np.zeros(0, np.float32)
        if self.terms:  # rank-bm25 divides by the number of words
            self._take_over(model(numbered, k1, b))

    def _number(self, document: Sequence[str]) -> array[int]:
        terms = self.terms
        return array("i", [terms.setdefault(term, len(terms)) for term in document])

    def _take_over(self, model: BM25Plus) -> None:
        for term, idf in model.idf.items():
            self.idf[term] = idf
        rows = array("i")
        columns = array("i")
        counts = array("f")
        for document, frequencies in enumerate(model.doc_freqs):
            for term, count in frequencies.items():
                rows.append(term)
                columns.append(document)
                counts.append(count)
        row = np.frombuffer(rows, np.int32)
        column = np.frombuffer(columns, np.int32)
        frequency = np.frombuffer(counts, np.float32)
        order = np.argsort(row, kind="stable")
        lengths = np.array(model.doc_len, np.float32)[column]
        norm = model.k1 * (1 - model.b + model.b * lengths / model.avgdl)
        impact = self.idf[row] * frequency * (model.k1 + 1) / (frequency + norm)
        self.documents = column[order]
        self.impacts = impact[order].astype(np.float32)
        self.starts = np.searchsorted(row[order], np.arange(len(self.terms) + 1)).astype(np.int32)

    def __contains__(self, term: str) -> bool:
        return term in self.terms

    def knows(self, word: Iterable[tuple[str, float]]) -> bool:
        """Whether any of a word's terms stands in a document."""
        return any(term in self.terms for term, _ in word)

    def frequency(self, term: str) -> int:
        """In how many documents a term stands."""
        number = self.terms.get(term)
        return 0 if number is None else int(self.starts[number + 1] - self.starts[number])

    def weight(self, term: str) -> float:
        """The term's idf; 0 for an unknown one."""
        number = self.terms.get(term)
        return 0.0 if number is None else float(self.idf[number])

    def add(self, scores: Floats, term: str, weight: float) -> None:
        """Add ``weight`` times the term's BM25 score to ``scores`` ((size,) float32)."""
        number = self.terms.get(term)
        if number is not None:
            span = slice(self.starts[number], self.starts[number + 1])
            scores[self.documents[span]] += weight * self.impacts[span]

    def scores(self, terms: Iterable[str]) -> Floats:
        """What rank-bm25's ``get_scores`` gives for these terms, shape (size,)."""
        total = np.zeros(self.size, np.float32)
        for term in terms:
            self.add(total, term, 1.0)
        return total
