"""How much of a question stands together in one sentence or one row of a table.

"Frequenz des Umrichters": a page may well have both words, one in a row on the mains supply and
one in a fault, and still say nothing of what was asked. An answer has them in one place, and the
unit that was asked for beside them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from rag.retrieve.analyzer import Analyzer
from rag.retrieve.asked import asked_quantity, has_unit
from rag.retrieve.kept_terms import KeptTerms
from rag.retrieve.terms import Group
from rag.retrieve.words import STOP_WORDS, fold, root, stem
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
_VERB = 0.6  # in German a word without capital is no name of a thing


@dataclass(frozen=True, slots=True)
class Nearness:
    """How near a passage comes to the question. ``together``: the share (0 to 1) of the weight of
    the question's words that its best sentence has, and ``sentence`` is that; ``own``: the same in
    the question's own words; ``gap``: how much the sentence lacks the word that it lacks most, by
    that word's weight. Of the whole passage: ``said``, how far it says each word, and ``measured``,
    whether any sentence has the unit that was asked for."""

    together: float = 0.0
    own: float = 0.0
    gap: float = 1.0
    sentence: str = ""
    said: tuple[float, ...] = ()
    measured: bool = False


@dataclass(frozen=True, slots=True)
class _Said:
    """How a group is said: its own word ``whole`` (nothing for names), the parts of a compound, and
    other ways: the terms for each of their words, and how much of the meaning they have."""

    whole: frozenset[str]
    leaves: tuple[str, ...]
    ways: tuple[tuple[tuple[frozenset[str], ...], float], ...]

    def terms(self) -> Iterator[str]:
        yield from self.whole
        yield from self.leaves
        for words, _ in self.ways:
            for word in words:
                yield from word

    def share(self, terms: frozenset[str], synonym: float) -> float:
        """How far ``terms`` say it, 0 to 1."""
        own = 0.0
        if self.whole:
            if not terms.isdisjoint(self.whole):
                return 1.0
            if self.leaves:
                there = sum(part in terms for part in self.leaves)
                own = _SYNONYM * (there / len(self.leaves)) ** 2
                if own >= synonym:
                    return own
        best = 0.0
        for words, says in self.ways:
            # Squared: half a name is no name.
            there = sum(not terms.isdisjoint(word) for word in words)
            if there:
                best = max(best, says * float((there / len(words)) ** 2))
        return max(own, synonym * best)


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
        kept: KeptTerms | None = None,
    ) -> None:
        self._analyzer = analyzer
        self._kept = kept or KeptTerms(analyzer)
        self._named = named
        self._groups = groups
        self._language = language
        self._asked = asked_quantity(question, language)
        self.asks_unit = bool(self._asked.units)
        nouns = {fold(word).replace("-", "") for word in _CAPITALISED.findall(question)}
        self._small_names = sum(not group.own and not group.says for group in groups)
        self.weights = [
            self._weight(group, weight, nouns)
            for group, weight in zip(groups, weights, strict=True)
        ]
        self._said = [self._said_of(group) for group in groups]
        self._known = frozenset(term for said in self._said for term in said.terms())
        self._seen: dict[tuple[frozenset[str], float], list[float]] = {}
        self.named = [group.named for group in groups]
        self.whole = sum(self.weights) + _UNIT_WEIGHT * self.asks_unit

    def _said_of(self, group: Group) -> _Said:
        return _Said(
            frozenset(self._whole_words(group.label) if group.own else ()),
            tuple(self._leaves(group)),
            tuple(
                (tuple(frozenset(term for term, _ in word) for word in one.words), one.says)
                for one in group.alternatives
                if one.words
            ),
        )

    def _weight(self, group: Group, weight: float, nouns: Collection[str]) -> float:
        if not group.own:  # "geht an und aus": names made of small words only say one thing
            asks = self._asked.units and self._asked.words.issuperset(group.label.split())
            return 0.0 if group.says or asks else 1.0 / self._small_names
        if not weight:
            return 0.0
        if group.label in self._named:
            return 0.0
        asks = self._asked.tells and group.label in self._asked.words
        if asks and len(self._leaves(group)) < 2:
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
        # The terms that any word of the question could mean: of the heading, of each sentence.
        found = self._kept.of((" / ".join(chunk.heading), *texts), language)
        above, *terms = [one & self._known for one in found]
        heading = self._present(above, synonym)
        everywhere = self._present(frozenset().union(*terms), synonym)
        base = [
            max(_HEADING * over, _PASSAGE * beside)
            for over, beside in zip(heading, everywhere, strict=True)
        ]
        best, most, measured = Nearness(), 0.0, False
        for text, mine in zip(texts, terms, strict=True):
            pairs = [
                (weight, max(one, under))
                for weight, one, under in zip(
                    self.weights, self._present(mine, synonym), base, strict=True
                )
            ]
            if self.asks_unit:
                unit = has_unit(text, self._asked.units)
                pairs.append((_UNIT_WEIGHT, float(unit)))
                measured = measured or unit
            together = sum(weight * one for weight, one in pairs) / self.whole
            if together > most:
                most, best = together, self._nearness(text, pairs)
        said = tuple(max(pair) for pair in zip(everywhere, heading, strict=True))
        return replace(best, said=said, measured=measured)

    def _nearness(self, sentence: str, pairs: Sequence[tuple[float, float]]) -> Nearness:
        """``pairs``: what each word weighs and how far the sentence says it."""
        own = sum(weight for weight, one in pairs if one > _HEADING)
        return Nearness(
            together=sum(weight * one for weight, one in pairs) / self.whole,
            own=own / self.whole,
            gap=max(weight * (1.0 - one) for weight, one in pairs),
            sentence=sentence,
        )

    def _present(self, terms: frozenset[str], synonym: float) -> list[float]:
        """Per word of the question how far these terms say it (0 to 1)."""
        kept = self._seen.get((terms, synonym))
        if kept is not None:
            return kept
        found = [
            said.share(terms, synonym) if terms and (weight or group.says) else 0.0
            for said, group, weight in zip(self._said, self._groups, self.weights, strict=True)
        ]
        for number, name in enumerate(self._groups):
            if name.says and found[number]:  # "Ölwechsel" says "oil" and "change"
                for place, group in enumerate(self._groups):
                    if group.own and group.label in name.says:
                        most = _PART if len(self._said[place].leaves) > 1 else 1.0
                        found[place] = max(found[place], min(most, found[number]))
        self._seen[terms, synonym] = found
        return found

    @staticmethod
    def _whole_words(word: str) -> set[str]:
        if not word.isalpha():
            return {word}
        languages: tuple[Language, ...] = ("de", "en")
        return {form(word, one) for form in (stem, root) for one in languages}

    def _leaves(self, group: Group) -> list[str]:
        """The families of a compound's parts, what is left of a half known one among them; none
        for another word."""
        if group.parts:
            telling = (part for part in group.parts if part not in STOP_WORDS[self._language])
            return [root(part, self._language) for part in telling if len(part) > 1]
        splitter = self._analyzer.splitter
        if splitter is None or not group.label.isalpha():
            return []
        folded = fold(group.label)
        parts = splitter.split(folded)
        rest = folded.removesuffix("".join(parts)).removeprefix("".join(parts)) if parts else ""
        return [root(part, "de") for part in (*parts, rest) if part]


@lru_cache(maxsize=2000)
def sentences(text: str) -> tuple[str, ...]:
    """The lines of a passage, longer ones cut into sentences; a row of a table stays whole."""
    return tuple(_sentences(text))


def _sentences(text: str) -> Iterator[str]:
    for line in text.splitlines():
        parts = (line,) if " | " in line else _SENTENCE.split(line)
        yield from (part for part in parts if part.strip())
