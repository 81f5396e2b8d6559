"""How much of a question stands together in one sentence or one row of a table.

"Frequenz des Umrichters": a page may well have both words, one in a row on the mains supply and
one in a fault, and still say nothing of what was asked. An answer has them in one place, and the
unit that was asked for beside them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.retrieve.analyzer import Analyzer
from rag.retrieve.asked import asked_quantity, has_unit
from rag.retrieve.terms import Alternative, Group
from rag.retrieve.words import fold, root, stem
from rag.types import Chunk, Language

_SENTENCE = re.compile(r"(?<=[.!?;])\s+(?=[A-ZÄÖÜ\d•-])")
_CAPITALISED = re.compile(r"\b[A-ZÄÖÜ][\wäöüß-]+")
# How much it counts that a word stands in the heading over a sentence, or elsewhere in its passage.
_HEADING = 0.8
_PASSAGE = 0.4
_SYNONYM = 0.7
_TRANSLATION = 0.9
_UNIT_WEIGHT = 1.0
_PART = 0.5  # "Ölwechsel" names the oil of "Getriebeölwechsel", not that it is a gearbox's
# Words of questions that are rare in manuals and name nothing.
_TALK = frozenset(
    "way round size front along coming stay feel hold place room whole different certain own ever "
    "average max min exactly correct proper properly old new beiden ganze ganzen einzeln richtige "
    "striche genau eigentlich aktuell passende passenden".split()
)
_NOWHERE = 0.1  # in a geometric mean, for a word that is not there
_VERB = 0.6  # in German a word without capital is no name of a thing


@dataclass(frozen=True, slots=True)
class Nearness:
    """Shares (0 to 1) of the weight of the question's words. ``together``: what the best sentence
    has; ``geometric``: the same as a geometric mean, low when one word is not there at all;
    ``lacking``: the heaviest word that it lacks; ``gap``: how much it lacks the worst one, by the
    word's own weight; ``passage``: what the whole passage has; ``own``: what the sentence says in
    the question's own words; ``unit``: 1 when it has the unit that was asked for, 0 when not, 0.5
    when none was."""

    together: float = 0.0
    geometric: float = 0.0
    lacking: float = 1.0
    gap: float = 1.0
    passage: float = 0.0
    own: float = 0.0
    unit: float = 0.5
    sentence: str = ""


class Together:
    """Looks at passages for one question. ``groups`` are its words with all the ways to say each,
    ``weights`` their inverse document frequency with what they count (0: none of its own)."""

    def __init__(
        self,
        question: str,
        language: Language,
        groups: Sequence[Group],
        weights: Sequence[float],
        analyzer: Analyzer,
        named: Collection[str] = (),
    ) -> None:
        self._analyzer = analyzer
        self._named = named
        self._groups = groups
        self._language = language
        self._asked = asked_quantity(question, language)
        nouns = {fold(word) for word in _CAPITALISED.findall(question)}
        self._small_names = sum(not group.own and not group.says for group in groups)
        self.weights = [
            self._weight(group, weight, nouns)
            for group, weight in zip(groups, weights, strict=True)
        ]
        self._known = self._all_terms()
        self._seen: dict[tuple[frozenset[str], float], list[float]] = {}
        self.whole = sum(self.weights) + _UNIT_WEIGHT * bool(self._asked.units)

    def _all_terms(self) -> frozenset[str]:
        known: set[str] = set()
        for group in self._groups:
            known.update(term for one in group.alternatives for term, _ in one.terms())
            known.update(self._whole_words(group.label), self._leaves(group.label))
        return frozenset(known)

    def _weight(self, group: Group, weight: float, nouns: Collection[str]) -> float:
        if not group.own:  # "geht an und aus": names made of small words only say one thing
            asks = self._asked.units and self._asked.words.issuperset(group.label.split())
            return 0.0 if group.says or asks else 1.0 / self._small_names
        if not weight:
            return 0.0
        if group.label in self._named:
            return 0.0
        asks = self._asked.tells and group.label in self._asked.words
        if asks and len(self._leaves(group.label)) < 2:
            return 0.0  # its value in the unit asked for stands for it
        if group.label in _TALK:
            return 0.3
        verb = self._language == "de" and nouns and group.label not in nouns
        return group.weight * (_VERB if verb and group.label.isalpha() else 1.0)

    def look(self, chunk: Chunk, language: Language) -> Nearness:
        """The best sentence of a passage. ``language`` is the passage's."""
        if not self.whole:
            return Nearness()
        synonym = _SYNONYM if language == self._language else _TRANSLATION
        texts = sentences(chunk.text)
        terms = [self._terms(text, language) for text in texts]
        above = self._terms(" / ".join(chunk.heading), language)
        heading = self._present(above, synonym)
        everywhere = self._present(frozenset().union(*terms), synonym)
        passage = sum(
            weight * max(one, _HEADING * over)
            for weight, one, over in zip(self.weights, everywhere, heading, strict=True)
        )
        base = [
            max(_HEADING * over, _PASSAGE * beside)
            for over, beside in zip(heading, everywhere, strict=True)
        ]
        best = Nearness(passage=passage / self.whole)
        for text, mine in zip(texts, terms, strict=True):
            has = [max(pair) for pair in zip(self._present(mine, synonym), base, strict=True)]
            near = self._nearness(text, has, best.passage)
            if near.together > best.together:
                best = near
        return best

    def _nearness(self, sentence: str, has: Sequence[float], passage: float) -> Nearness:
        unit = has_unit(sentence, self._asked.units) if self._asked.units else None
        pairs = list(zip(self.weights, has, strict=True))
        if unit is not None:
            pairs.append((_UNIT_WEIGHT, float(unit)))
        logs = sum(weight * math.log(max(one, _NOWHERE)) for weight, one in pairs)
        worst = max(weight * (1.0 - one) for weight, one in pairs)
        own = sum(weight for weight, one in pairs if one > _HEADING)
        return Nearness(
            together=sum(weight * one for weight, one in pairs) / self.whole,
            geometric=math.exp(logs / self.whole),
            lacking=worst / self.whole,
            gap=worst,
            passage=passage,
            own=own / self.whole,
            unit=0.5 if unit is None else float(unit),
            sentence=sentence,
        )

    def _terms(self, text: str, language: Language) -> frozenset[str]:
        """The terms of a text that any word of the question could mean."""
        return frozenset(self._analyzer.terms(text, language)) & self._known

    def _present(self, terms: frozenset[str], synonym: float) -> list[float]:
        """Per word of the question how far these terms say it (0 to 1)."""
        kept = self._seen.get((terms, synonym))
        if kept is not None:
            return kept
        found = [
            self._said(group, terms, synonym) if terms and (weight or group.says) else 0.0
            for group, weight in zip(self._groups, self.weights, strict=True)
        ]
        for number, name in enumerate(self._groups):
            if name.says and found[number]:  # "Ölwechsel" says "oil" and "change"
                for place, group in enumerate(self._groups):
                    if group.own and group.label in name.says:
                        most = _PART if len(self._leaves(group.label)) > 1 else 1.0
                        found[place] = max(found[place], min(most, found[number]))
        self._seen[terms, synonym] = found
        return found

    def _said(self, group: Group, terms: frozenset[str], synonym: float) -> float:
        own = self._own(group.label, terms) if group.own else 0.0
        if own == 1.0:
            return own
        ways = (_way(alternative, terms) for alternative in group.alternatives)
        return max(own, synonym * max(ways, default=0.0))

    def _own(self, word: str, terms: frozenset[str]) -> float:
        """The word itself, or the share of a compound's parts that are there."""
        if not terms.isdisjoint(self._whole_words(word)):
            return 1.0
        parts = self._leaves(word)
        return (sum(part in terms for part in parts) / len(parts)) ** 2 if parts else 0.0

    @staticmethod
    def _whole_words(word: str) -> set[str]:
        if not word.isalpha():
            return {word}
        languages: tuple[Language, ...] = ("de", "en")
        return {form(word, one) for form in (stem, root) for one in languages}

    def _leaves(self, word: str) -> list[str]:
        """The families of a compound's parts; none for another word."""
        splitter = self._analyzer.splitter
        if splitter is None or not word.isalpha():
            return []
        return [root(part, "de") for part in splitter.split(fold(word))]


def _way(alternative: Alternative, terms: frozenset[str]) -> float:
    """The share of an alternative's words that are there, squared: half a name is no name."""
    if not alternative.words:
        return 0.0
    there = sum(any(term in terms for term, _ in word) for word in alternative.words)
    return alternative.says * float((there / len(alternative.words)) ** 2)


@lru_cache(maxsize=2000)
def sentences(text: str) -> tuple[str, ...]:
    """The lines of a passage, longer ones cut into sentences; a row of a table stays whole."""
    return tuple(_sentences(text))


def _sentences(text: str) -> Iterator[str]:
    for line in text.splitlines():
        parts = (line,) if " | " in line else _SENTENCE.split(line)
        yield from (part for part in parts if part.strip())
