"""A library's terms as a question is fitted to them: how common, and what is nearly the same."""

from __future__ import annotations

from rag.retrieve.bm25 import Postings
from rag.retrieve.sparse import SparsePostings


class LibraryVocabulary:
    """The index's terms, as the query builder asks for them."""

    def __init__(self, postings: Postings | SparsePostings) -> None:
        self._postings = postings
        self.frequency = postings.frequency
        self.weight = postings.weight

    def containing(self, word: str, most: int = 8) -> list[str]:
        """Terms that begin or, for longer words, end with ``word`` or have it inside."""
        if len(word) < 4:
            return []
        found = [
            term
            for term in self._postings.terms
            if len(term) > len(word)
            and (
                term.startswith(word)
                or (len(word) > 4 and term.endswith(word))
                or (len(word) > 5 and word in term)
            )
        ]
        return sorted(found, key=len)[:most]

    def similar(self, word: str, most: int = 3) -> list[str]:
        """Terms within one typing error of ``word``, two for words of eight letters or more."""
        if len(word) < 5:
            return []
        errors = 2 if len(word) >= 8 else 1
        found = [
            (distance, term)
            for term in self._postings.terms
            if abs(len(term) - len(word)) <= errors
            and term[0] == word[0]
            and term.isalpha()
            and (distance := _distance(word, term, errors)) <= errors
        ]
        return [term for _, term in sorted(found)[:most]]


def _distance(one: str, other: str, limit: int) -> int:
    """Damerau-Levenshtein distance (adjacent swaps count one); ``limit + 1`` when it is more."""
    previous: list[int] = []
    current = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, previous, current = previous, current, [i]
        for j, facing in enumerate(other, 1):
            cost = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (letter != facing))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == facing:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        if min(current) > limit:
            return limit + 1
    return current[-1]
