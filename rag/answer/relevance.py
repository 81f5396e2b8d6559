"""Which lines of a passage speak of the question, by the same words that found the passage.

The question's words stand in groups with their stems, compounds, synonyms and translations, so an
English "torque" finds the German row "Anzugsdrehmoment".
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property

from rag.answer.records import codes_of
from rag.answer.values import find_values
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
        self.asks_value = asks_value

    def scores(self, lines: Sequence[str], language: Language) -> list[float]:
        """A score for each line; a word that stands in many of them says less."""
        per_line = [self._per_group(line, language) for line in lines]
        spread = [
            sum(scores[place] > 0 for scores in per_line) for place in range(len(self._groups))
        ]
        found = []
        for line, scores in zip(lines, per_line, strict=True):
            total = sum(
                score / count**0.5 for score, count in zip(scores, spread, strict=True) if count
            )
            total += _CODE * len(self._codes & codes_of(line).keys())
            if total and self.asks_value and find_values(line, language):
                total += _VALUE
            found.append(total)
        return found

    def _per_group(self, line: str, language: Language) -> list[float]:
        terms = set(self._snapshot.analyzer.terms(line, language))
        return [self._group_score(place, terms) for place in range(len(self._groups))]

    def _group_score(self, place: int, terms: Collection[str]) -> float:
        ways = []
        for words in self._weighted[place]:
            parts = [sum(value for term, value in word if term in terms) for word in words]
            found = sum(part > 0 for part in parts)
            ways.append(sum(parts) * found / len(parts) if parts else 0.0)
        best = max(ways, default=0.0)
        return best + _OTHER_WAYS * (sum(ways) - best)

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
