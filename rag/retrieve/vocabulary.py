"""A library's terms as a question is fitted to them: how common, and what is nearly the same."""

from __future__ import annotations

from functools import cached_property

from rag.retrieve.bm25 import Bm25


class LibraryVocabulary:
    """The index's terms, as the query builder asks for them."""

    def __init__(self, bm25: Bm25) -> None:
        self._bm25 = bm25
        self.frequency = bm25.frequency
        self.weight = bm25.weight

    @cached_property
    def _lines(self) -> str:
        """All terms, each on a line: one search in it is quicker than one in each."""
        return "\n".join(("", *self._bm25.terms, ""))

    @cached_property
    def _by_beginning(self) -> dict[tuple[str, int], list[str]]:
        """The words among the terms by first letter and length."""
        found: dict[tuple[str, int], list[str]] = {}
        for term in self._bm25.terms:
            if term.isalpha():
                found.setdefault((term[0], len(term)), []).append(term)
        return found

    def containing(self, word: str, most: int = 8) -> list[str]:
        """Terms that begin or, for longer words, end with ``word`` or have it inside."""
        if len(word) < 4:
            return []
        lines = self._lines
        found: list[str] = []
        sought = f"\n{word}" if len(word) == 4 else word
        place = lines.find(sought)
        while place >= 0:
            first = lines.rfind("\n", 0, place + 1) + 1
            last = lines.find("\n", place + 1)
            term = lines[first:last]
            if len(term) > len(word) and (
                len(word) > 5 or term.startswith(word) or (len(word) > 4 and term.endswith(word))
            ):
                found.append(term)
            place = lines.find(sought, last)
        return sorted(found, key=len)[:most]

    def similar(self, word: str, most: int = 3) -> list[str]:
        """Terms within one typing error of ``word``, two for words of eight letters or more."""
        if len(word) < 5:
            return []
        errors = 2 if len(word) >= 8 else 1
        letters = set(word)
        found = [
            (distance, term)
            for length in range(len(word) - errors, len(word) + errors + 1)
            for term in self._by_beginning.get((word[0], length), ())
            # An error changes two letters at most: a quick look before the long one.
            if len(letters.symmetric_difference(term)) <= 2 * errors
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
