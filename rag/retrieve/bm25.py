"""rank-bm25's statistics and formula, kept as posting lists so that a query costs what it touches.

rank-bm25 keeps one dict per document and walks all of them for every query term; at 20,000
passages that is 109 ms and 65 MB, and 5 s to make. Here it is given the counts, its idf, average
length and parameters are taken over, and each term's contribution to each document is computed
once. ``impact`` sums are rank-bm25's scores (tested against ``get_scores``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from rank_bm25 import BM25Plus

from rag.retrieve.counts import Counts, Integers, counts_of, joined

Floats = NDArray[np.float32]


class Counted(BM25Plus):  # type: ignore[misc]
    """rank-bm25's BM25Plus over passages that are counted already, without its delta, which that
    package adds to every document alike. ``found_in``: in how many passages each term stands;
    ``lengths``: how many terms each passage has.

    Chosen over BM25Okapi for its idf, log((N + 1) / n): Okapi's turns negative for words in more
    than half of the passages and is then replaced by a constant, in a library of one manual for
    words like "Kompressor", which still tell a page about it from one that is not.
    """

    def __init__(self, found_in: Integers, lengths: Integers, *, k1: float, b: float) -> None:
        self._found_in = found_in
        self._lengths = lengths
        super().__init__((), k1=k1, b=b, delta=0)

    def _initialize(self, corpus: object) -> dict[int, int]:
        """What rank-bm25 counts itself, term by term; returns term → passages with it."""
        self.corpus_size = len(self._lengths)
        self.doc_len = self._lengths
        self.avgdl = int(self._lengths.sum()) / self.corpus_size
        return {term: count for term, count in enumerate(self._found_in.tolist()) if count}

    def weights(self) -> Floats:
        """The idf of every term."""
        weights = np.zeros(len(self._found_in), np.float32)
        for term, idf in self.idf.items():
            weights[term] = idf
        return weights


class Postings:
    """Term → documents and BM25 impacts. ``terms`` numbers the terms, ``parts`` are the counts of
    one manual after the other."""

    def __init__(self, terms: dict[str, int], parts: Sequence[Counts], *, k1: float, b: float):
        self.terms = terms
        lengths = joined([part.lengths for part in parts])
        self.size = len(lengths)
        self.idf: Floats = np.zeros(len(terms), np.float32)
        self.starts: Integers = np.zeros(len(terms) + 1, np.int32)
        self.documents: Integers = np.zeros(0, np.int32)
        self.impacts: Floats = np.zeros(0, np.float32)
        if terms:  # rank-bm25 divides by the number of words
            self._weigh(parts, lengths, k1, b)

    @classmethod
    def of(cls, documents: Iterable[Sequence[str]], *, k1: float, b: float) -> Postings:
        """The postings of passages that are lists of terms."""
        terms, counts = counts_of(documents)
        return cls(terms, [counts], k1=k1, b=b)

    def _weigh(self, parts: Sequence[Counts], lengths: Integers, k1: float, b: float) -> None:
        row = joined([part.terms for part in parts])
        found_in = np.bincount(row, minlength=len(self.terms)).astype(np.int32)
        model = Counted(found_in, lengths, k1=k1, b=b)
        self.idf = model.weights()
        self.starts[1:] = np.cumsum(found_in)
        order = np.argsort(row, kind="stable").astype(np.int32)
        row = row[order]
        firsts = np.cumsum([0, *(len(part.lengths) for part in parts)])
        column = joined(
            [part.documents + first for part, first in zip(parts, firsts, strict=False)]
        )[order]
        frequency = joined([part.counts for part in parts])[order].astype(np.float32)
        norm = k1 * (1 - b + b * lengths.astype(np.float32)[column] / model.avgdl)
        impact = self.idf[row] * frequency * (k1 + 1) / (frequency + norm)
        self.documents = column.astype(np.int32)
        self.impacts = impact.astype(np.float32)

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
