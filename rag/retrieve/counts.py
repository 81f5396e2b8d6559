"""Pieces made into terms: how often each term stands in each passage, manual by manual."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.retrieve.analysed import LANGUAGES, Analysed, piece_of
from rag.retrieve.analyzer import Analyzer

Integers = NDArray[np.int32]
_COUNT_BITS = 20
_MOST = (1 << _COUNT_BITS) - 1


@dataclass(frozen=True, slots=True)
class Counts:
    """The terms of some passages, each term of a passage once, passage by passage.

    ``documents`` (from 0), ``terms`` and ``counts`` have one entry each per term of a passage;
    ``lengths`` is how many terms each passage has, with repetition.
    """

    documents: Integers
    terms: Integers
    counts: Integers
    lengths: Integers


class TermCounter:
    """Counts manual after manual; ``terms`` numbers the terms in order of first appearance."""

    def __init__(self, analyzer: Analyzer, *, heading: int) -> None:
        self._analyzer = analyzer
        self._heading = heading
        self.terms: dict[str, int] = {}
        self._known: list[dict[str, tuple[int, ...]]] = [{} for _ in LANGUAGES]

    def count(self, manual: Analysed) -> Counts:
        """The terms of a manual; what stands in a heading counts ``heading`` times."""
        size = len(manual.ids)
        often = manual.in_text.astype(np.int64) + self._heading * manual.in_heading.astype(np.int64)
        rows = np.repeat(np.arange(size, dtype=np.int64), np.diff(manual.starts))
        kept = often > 0
        rows, often = rows[kept], often[kept]
        # One number for a piece in a language, and the numbers in order of first appearance.
        said = manual.columns[kept].astype(np.int64) * len(LANGUAGES) + manual.languages[rows]
        distinct, first, places = np.unique(said, return_index=True, return_inverse=True)
        flat, starts = self._terms_of(manual, distinct, np.argsort(first))
        sizes = np.diff(starts)[places]
        inside = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        terms = flat[np.repeat(starts[places], sizes) + inside]
        return _added(np.repeat(rows, sizes), terms, np.repeat(often, sizes), size)

    def _terms_of(
        self, manual: Analysed, distinct: NDArray[np.int64], order: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The numbers of the terms of each distinct piece, one after the other, and where those
        of each begin; new terms are numbered in ``order``."""
        keys = manual.keys()
        numbers: list[tuple[int, ...]] = [()] * len(distinct)
        for place in order.tolist():
            piece, language = divmod(int(distinct[place]), len(LANGUAGES))
            numbers[place] = self._numbers(keys[piece], language)
        starts = np.zeros(len(distinct) + 1, np.int64)
        np.cumsum([len(one) for one in numbers], out=starts[1:])
        flat = np.fromiter((term for one in numbers for term in one), np.int64, int(starts[-1]))
        return flat, starts

    def _numbers(self, key: str, language: int) -> tuple[int, ...]:
        known = self._known[language].get(key)
        if known is None:
            of = self._analyzer.of(piece_of(key), LANGUAGES[language])
            known = tuple(self.terms.setdefault(term, len(self.terms)) for term in of)
            self._known[language][key] = known
        return known


def _added(
    rows: NDArray[np.int64], terms: NDArray[np.int64], often: NDArray[np.int64], size: int
) -> Counts:
    """Equal terms of a passage added up."""
    lengths = np.bincount(rows, weights=often, minlength=size).astype(np.int32)
    span = int(terms.max(initial=0)) + 1
    # Sorting one number is several times as fast as sorting by two keys.
    packed = (rows * span + terms) << _COUNT_BITS | np.minimum(often, _MOST)
    packed.sort()
    pairs, counts = packed >> _COUNT_BITS, packed & _MOST
    begins = np.flatnonzero(np.diff(pairs, prepend=-1))
    documents, numbers = np.divmod(pairs[begins], span)
    added = np.add.reduceat(counts, begins) if len(begins) else counts
    return Counts(
        documents.astype(np.int32), numbers.astype(np.int32), added.astype(np.int32), lengths
    )


def counts_of(documents: Iterable[Sequence[str]]) -> tuple[dict[str, int], Counts]:
    """The numbered terms of passages that are lists of terms, and their counts."""
    terms: dict[str, int] = {}
    rows: list[int] = []
    numbers: list[int] = []
    size = 0
    for size, document in enumerate(documents, 1):
        rows.extend([size - 1] * len(document))
        numbers.extend(terms.setdefault(term, len(terms)) for term in document)
    ones = np.ones(len(rows), np.int64)
    return terms, _added(np.array(rows, np.int64), np.array(numbers, np.int64), ones, size)


def joined(arrays: Sequence[NDArray[Any]], kind: Any = np.int32) -> NDArray[Any]:
    """One array after the other, as numbers of ``kind``."""
    return np.concatenate(arrays).astype(kind, copy=False) if arrays else np.zeros(0, kind)
