"""BM25 by rank-bm25's statistics and formula, so that a question costs what it touches.

rank-bm25 keeps one dict per document and walks all of them for every query term; at 20,000
passages that is 109 ms and 65 MB, and 5 s to make. Here it is given the counts, and its idf,
average length and parameters are taken over (tested against ``get_scores``).
"""

from __future__ import annotations

import logging
import mmap
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rank_bm25 import BM25Plus

from rag.retrieve.counts import Counts, Integers, counts_of, joined

Floats = NDArray[np.float32]
Often = NDArray[np.uint16]
_MOST = np.iinfo(np.uint16).max  # times that a term is counted in a passage
_log = logging.getLogger(__name__)


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


class Bm25:
    """What any passage of a library is worth for any term. Which terms a passage has, and how
    often, lies in files and is read for the passages that a question asks about."""

    def __init__(
        self, terms: dict[str, int], *, k1: float, b: float, folder: Path | None = None
    ) -> None:
        """``terms`` numbers the terms; it may grow with each manual that is added. The files are
        made in ``folder``; without one all is in memory."""
        self.terms = terms
        self.k1 = k1
        self.b = b
        self._folder = folder
        self._added: list[tuple[Integers, Often, NDArray[np.int64], Integers]] = []
        self.found_in: Integers = np.zeros(0, np.int32)
        self.idf: Floats = np.zeros(0, np.float32)
        self.average = 1.0

    @classmethod
    def of(cls, documents: Iterable[Sequence[str]], *, k1: float, b: float) -> Bm25:
        """BM25 of passages that are lists of terms."""
        terms, counts = counts_of(documents)
        bm25 = cls(terms, k1=k1, b=b)
        bm25.add(counts)
        bm25.finish()
        return bm25

    def add(self, counts: Counts) -> None:
        """Take in a manual's passages."""
        found_in = np.bincount(counts.terms, minlength=len(self.terms)).astype(np.int32)
        found_in[: len(self.found_in)] += self.found_in
        self.found_in = found_in
        often = np.minimum(counts.counts, _MOST).astype(np.uint16)
        distinct = np.bincount(counts.documents, minlength=len(counts.lengths))
        self._added.append((counts.terms, often, distinct, counts.lengths))

    def finish(self) -> None:
        """After the last manual."""
        added, self._added = self._added, []
        self.numbers: Integers = filed([one for one, *_ in added], np.int32, self._folder)
        self.often: Often = filed([one for _, one, *_ in added], np.uint16, self._folder)
        distinct = joined([one for *_, one, _ in added], np.int64)
        self.lengths: Integers = joined([one for *_, one in added])
        self.size = len(self.lengths)
        self.starts = np.zeros(self.size + 1, np.int64)
        np.cumsum(distinct, out=self.starts[1:])
        if self.terms:  # rank-bm25 divides by the number of words
            model = Counted(self.found_in, self.lengths, k1=self.k1, b=self.b)
            self.idf = model.weights()
            self.average = model.avgdl

    def __contains__(self, term: str) -> bool:
        return term in self.terms

    def frequency(self, term: str) -> int:
        """In how many passages a term stands."""
        number = self.terms.get(term)
        return 0 if number is None else int(self.found_in[number])

    def weight(self, term: str) -> float:
        """The term's idf; 0 for an unknown one."""
        number = self.terms.get(term)
        return 0.0 if number is None else float(self.idf[number])

    def norm(self, lengths: Any, average: float) -> Any:
        """What BM25 adds to a term's count in passages of these lengths."""
        return self.k1 * (1 - self.b + self.b * lengths / average)

    def impacts(self, entries: Any, places: Integers) -> Floats:
        """The BM25 scores at ``entries`` of the files, which are of the passages at ``places``."""
        norms = self.norm(self.lengths.astype(np.float32)[places], self.average)
        impacts: Floats = self.saturated(self.often[entries], norms)
        impacts *= self.idf[self.numbers[entries]]
        return impacts

    def saturated(self, often: Any, norms: Any) -> Floats:
        """BM25's share of a term that stands ``often`` in a passage, without its idf."""
        counts = often.astype(np.float32)
        shares: Floats = (counts * (self.k1 + 1) / (counts + norms)).astype(np.float32)
        return shares

    def entries_of(self, places: Integers) -> tuple[NDArray[np.int64], Integers]:
        """Where in the files the passages at ``places`` stand, and which of them it is."""
        begins, sizes = self.starts[places], self.starts[places + 1] - self.starts[places]
        shifts = begins - (np.cumsum(sizes) - sizes)
        entries = np.arange(sizes.sum()) + np.repeat(shifts, sizes)
        return entries, np.repeat(np.arange(len(places), dtype=np.int32), sizes)


class Candidates:
    """BM25 of some passages of a library, the candidates of a question with these ``terms``."""

    def __init__(self, bm25: Bm25, places: Integers, terms: Iterable[str]) -> None:
        self._bm25 = bm25
        self.size = len(places)
        known = [term for term in dict.fromkeys(terms) if term in bm25]
        self._rows = {term: row for row, term in enumerate(known)}
        row_of = np.full(len(bm25.terms), -1, np.int32)
        row_of[np.array([bm25.terms[term] for term in known], np.int32)] = np.arange(len(known))
        entries, columns = bm25.entries_of(places)
        rows = row_of[bm25.numbers[entries]]
        asked = np.flatnonzero(rows >= 0)
        entries, rows, columns = entries[asked], rows[asked], columns[asked]
        self._impacts = np.zeros((len(known), self.size), np.float32)
        self._impacts[rows, columns] = bm25.impacts(entries, places[columns])

    def knows(self, word: Iterable[tuple[str, float]]) -> bool:
        """Whether any of a word's terms stands in the library."""
        return any(term in self._rows for term, _ in word)

    def weight(self, term: str) -> float:
        """The term's idf; 0 for an unknown one."""
        return self._bm25.weight(term)

    def add(self, scores: Floats, term: str, weight: float) -> None:
        """Add ``weight`` times the term's BM25 score to ``scores`` ((size,) float32)."""
        row = self._rows.get(term)
        if row is not None:
            scores += np.float32(weight) * self._impacts[row]


class Postings:
    """Term → passages and BM25 scores, in memory: which passages a question's terms stand in."""

    def __init__(self, bm25: Bm25, manuals: Sequence[str], manual_of: Integers) -> None:
        """``manual_of``: of each passage, a place in ``manuals``."""
        self._bm25 = bm25
        self._manuals = manuals
        self._manual_of = manual_of
        order = np.argsort(bm25.numbers, kind="stable").astype(np.int32)
        places = np.repeat(np.arange(bm25.size, dtype=np.int32), np.diff(bm25.starts))
        self._places = places[order]
        self._impacts = bm25.impacts(order, self._places)
        self._starts = np.concatenate(([0], np.cumsum(bm25.found_in)))

    def stands_in(self, term: str, manual_ids: Collection[str]) -> bool:
        """Whether a term occurs in any passage of ``manual_ids``."""
        return bool(self.sums({term: 1.0}, manual_ids).values.any())

    def sums(self, query: Mapping[str, float], manual_ids: Collection[str]) -> PlainSums:
        wanted = np.array([manual in manual_ids for manual in self._manuals], np.float32)
        return PlainSums(self.scores(query) * wanted[self._manual_of])

    def scores(self, query: Mapping[str, float]) -> Floats:
        """Each term's BM25 score times its weight, added up per passage, shape (size,): what
        rank-bm25's ``get_scores`` gives."""
        scores = np.zeros(self._bm25.size, np.float32)
        for term, weight in query.items():
            number = self._bm25.terms.get(term)
            if number is not None:
                span = slice(self._starts[number], self._starts[number + 1])
                scores[self._places[span]] += np.float32(weight) * self._impacts[span]
        return scores


@dataclass(frozen=True, slots=True)
class PlainSums:
    """BM25's sum over the terms of one question for every passage, see ``ranking.Sums``."""

    values: Floats

    def first(self, count: int, least: float) -> tuple[Integers, float]:
        rest = 0.0
        if count < len(self.values):
            rest = float(np.partition(self.values, -count)[-count])
        least = max(rest, least)
        found = self.values >= least if least else self.values > 0
        return np.flatnonzero(found).astype(np.int32), rest if rest >= least else 0.0


def filed(parts: Sequence[NDArray[Any]], kind: Any, folder: Path | None) -> NDArray[Any]:
    """One array after the other, in a file without a name, of which memory holds what is used;
    in memory when there is no folder, nothing to hold, or no room on the disk."""
    if folder is None or not any(len(part) for part in parts):
        return joined(parts, kind)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            for part in parts:
                file.write(part.astype(kind, copy=False).tobytes())
            file.flush()
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return np.frombuffer(mapped, kind)
    except OSError as error:
        _log.warning("the keyword index is held in memory: %s", error)
        return joined(parts, kind)
