"""Which lines of a passage speak of the question, by the same words that found the passage.

The question's words stand in groups with their stems, compounds, synonyms and translations, so an
English "torque" finds the German row "Anzugsdrehmoment".
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property

from rag.answer.records import codes_of
from rag.answer.values import has_values
from rag.retrieve.snapshot import Snapshot
from rag.types import Language

_OTHER_WAYS = 0.15
_CODE = 12.0
_VALUE = 1.0


class Relevance:
    """Scores text for one question. ``asks_value``: the answer's first thing is a number."""

    def __init__(
        self,
        snapshot: Snapshot,
        question: str,
        language: Language,
        manual_languages: Collection[Language],
        *,
        asks_value: bool = False,
    ) -> None:
        self._snapshot = snapshot
        self._groups = snapshot.groups(question, language, manual_languages)
        self._codes = frozenset(codes_of(question))
        self._seen: dict[frozenset[str], list[float]] = {}
        self.asks_value = asks_value

    def scores(self, lines: Sequence[str], language: Language) -> list[float]:
        """A score for each line; a word that stands in many of them says less."""
        per_line = self._per_line(lines, language)
        spread = [
            sum(scores[place] > 0 for scores in per_line) for place in range(len(self._groups))
        ]
        return [
            self._score(line, language, scores, spread)
            for line, scores in zip(lines, per_line, strict=True)
        ]

    def best(self, lines: Sequence[str], language: Language) -> float:
        """The highest score that one of the lines has on its own."""
        per_line = self._per_line(lines, language)
        alone = [1] * len(self._groups)
        return max(
            self._score(line, language, scores, alone)
            for line, scores in zip(lines, per_line, strict=True)
        )

    def _score(
        self, line: str, language: Language, scores: Sequence[float], spread: Sequence[int]
    ) -> float:
        total: float = sum(
            score / count**0.5 for score, count in zip(scores, spread, strict=True) if count
        )
        if self._codes:
            total += _CODE * len(self._codes & codes_of(line).keys())
        if total and self.asks_value and has_values(line, language):
            total += _VALUE
        return total

    def _per_line(self, lines: Sequence[str], language: Language) -> list[list[float]]:
        """What each line says of each group."""
        terms = self._snapshot.kept_terms.of(lines, language)
        return [self._per_group(found & self._known) for found in terms]

    def _per_group(self, terms: frozenset[str]) -> list[float]:
        """The same for lines with the same words of the question: most have none."""
        kept = self._seen.get(terms)
        if kept is None:
            kept = [self._group_score(place, terms) for place in range(len(self._groups))]
            self._seen[terms] = kept
        return kept

    def _group_score(self, place: int, terms: Collection[str]) -> float:
        ways = []
        for words in self._weighted[place]:
            parts = [sum(value for term, value in word if term in terms) for word in words]
            found = sum(part > 0 for part in parts)
            ways.append(sum(parts) * found / len(parts) if parts else 0.0)
        best = max(ways, default=0.0)
        return best + _OTHER_WAYS * (sum(ways) - best)

    @cached_property
    def _known(self) -> frozenset[str]:
        """Every term that could speak of the question."""
        return frozenset(
            term for ways in self._weighted for words in ways for word in words for term, _ in word
        )

    @cached_property
    def _weighted(self) -> list[list[list[list[tuple[str, float]]]]]:
        """Group → way to say it → word of that way → terms with their weight."""
        return [
            [
                [
                    [
                        (term, group.weight * way.weight * share * self._snapshot.weight(term))
                        for term, share in word
                    ]
                    for word in way.words
                ]
                for way in group.alternatives
            ]
            for group in self._groups
        ]
