"""A question as weighted search terms: the user's own words first, the glossary's below them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from rag.retrieve.analyzer import Analyzer, Piece, normalise, pieces
from rag.retrieve.glossary import Concept, Glossary, Match, is_telling
from rag.retrieve.words import EVERYDAY_WORDS, STOP_WORDS, fold, root, stem
from rag.types import Language

SEPARABLE = frozenset(
    fold(word)
    for word in "an aus ein ab auf zu nach um vor los zurück fest weg heraus raus rein hoch "
    "runter mit durch frei heran hinein zusammen nieder bei hin her weiter voll".split()
)
_CLAUSE_END = re.compile(r"[.,;:!?]|\b(?:und|oder|wenn|damit|bevor|nachdem|weil)\b|$")
_NAME_SPAN = 3  # words that may stand between those of a name of several words
# Words for the machine itself: on every page, and the scope already says which one.
_MACHINE_WORDS = frozenset("maschin anlag gerat aggregat machin unit devic equip".split())

Terms = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each kind of term counts beside the user's own word as it stands (1.0)."""

    stem: float = 0.4  # the rest of 1.0 goes to the word's family
    part: float = 0.4  # a part of a compound that stands whole in the library
    lone_part: float = 0.7  # a part of a compound that does not
    synonym: float = 0.5
    translation: float = 0.8
    part_synonym: float = 0.6  # a name for a part of a compound, times the above
    contained: float = 0.5  # a compound that contains the word but was not split
    similar: float = 0.5  # a word one or two letters away from a misspelt one
    machine: float = 0.25  # what the machine is called, and "Maschine"
    number: float = 0.6
    everyday: float = 0.5  # words of talk
    asked_own: float = 0.5  # words of a name with a question word: "wie schwer" means weight
    imagined: float = 0.15
    others: float = 0.0  # what further alternatives add to the best one


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to say a word: the terms of each of its words. A passage with only some of the
    words counts for less than their share."""

    words: tuple[Terms, ...]
    weight: float = 1.0

    def terms(self) -> Terms:
        return tuple(term for word in self.words for term in word)


@dataclass(slots=True)
class Group:
    """A word of the question and all the ways to say it; a passage counts by the best one."""

    label: str
    alternatives: list[Alternative] = field(default_factory=list)
    own: bool = True
    weight: float = 1.0
    says: tuple[str, ...] = ()  # labels of the own words that a name of several words stands for


class Vocabulary(Protocol):
    """What the question is fitted to: the terms that the library has."""

    def frequency(self, term: str) -> int: ...
    def weight(self, term: str) -> float: ...
    def containing(self, word: str) -> list[str]: ...
    def similar(self, word: str) -> list[str]: ...


@dataclass(slots=True)
class _Word:
    """A word of the question; one without a group is part of names only ("wie", "weg")."""

    piece: Piece
    group: Group | None
    families: dict[Language, str]


class QueryBuilder:
    """Builds the groups of a question for one state of the library."""

    def __init__(
        self,
        analyzer: Analyzer,
        vocabulary: Vocabulary,
        glossary: Glossary | None,
        weights: Weights | None = None,
    ) -> None:
        self._analyzer = analyzer
        self._vocabulary = vocabulary
        self._glossary = glossary
        self._weights = weights or Weights()

    def build(
        self,
        question: str,
        language: Language,
        manuals: Collection[Language],
        quiet: Collection[str] = (),
    ) -> list[Group]:
        """The question's words as groups. ``manuals`` are the languages of the manuals in scope,
        ``quiet`` families of words that name the machine."""
        languages = list(dict.fromkeys((language, *sorted(manuals or {language}))))
        words = [
            self._word(piece, languages)
            for piece in pieces(question)
            if piece.kind != "word" or (len(piece.text) > 1 and is_telling(piece.text, language))
        ]
        if language == "de":
            self._join_separated(question, words)
        groups = [word.group for word in words if word.group]
        for word in words:
            if word.group and set(word.families.values()) & (_MACHINE_WORDS | set(quiet)):
                word.group.weight = self._weights.machine
            elif word.group and word.piece.text in EVERYDAY_WORDS:
                word.group.weight = self._weights.everyday
        if self._glossary:
            groups.extend(self._widen(self._glossary, words, languages))
        return groups

    def imagined(self, text: str, language: Language) -> list[Group]:
        """The words of a hypothetical passage, each counting little: they are guesses."""
        terms = dict.fromkeys(self._analyzer.terms(text, language))
        known = [term for term in terms if self._vocabulary.frequency(term)]
        weight = self._weights.imagined
        return [Group(term, [_single(term, weight)], own=False) for term in known]

    # --- the user's own words --------------------------------------------------------------------

    def _word(self, piece: Piece, languages: Sequence[Language]) -> _Word:
        if piece.kind not in ("word", "hyphenated"):
            share = self._weights.number if piece.kind == "number" else 1.0
            parts = tuple((part, share * self._weights.part) for part in piece.parts)
            group = Group(piece.text, [Alternative((((piece.text, share), *parts),))])
            return _Word(piece, group, dict.fromkeys(languages, piece.text))
        families = {language: root(piece.text, language) for language in languages}
        if piece.text in STOP_WORDS[languages[0]]:
            return _Word(piece, None, families)
        group = Group(piece.text)
        for language in languages:
            terms = self._own_terms(piece, language)
            if terms and (terms,) not in [known.words for known in group.alternatives]:
                group.alternatives.append(Alternative((terms,)))
        if not any(self._is_known(alternative) for alternative in group.alternatives):
            group.alternatives.extend(self._guesses(piece.text, languages[0]))
        return _Word(piece, group, families)

    def _own_terms(self, piece: Piece, language: Language) -> Terms:
        terms = self._terms(piece.text, language)
        known = any(self._vocabulary.frequency(term) for term in terms)
        share = self._weights.part if known else self._weights.lone_part
        for part in piece.parts:
            for term, weight in self._terms(part, language).items():
                terms.setdefault(term, weight * share)
        return tuple(terms.items())

    def _terms(self, word: str, language: Language) -> dict[str, float]:
        weights = self._weights
        found = self._analyzer.word(word, language)
        if not found:
            return {}
        whole, family = stem(word, language), root(word, language)
        known = self._vocabulary.frequency(whole) or self._vocabulary.frequency(family)
        terms = dict.fromkeys(found, weights.part if known else weights.lone_part)
        if whole == family:
            terms[whole] = 1.0
        else:
            terms[whole] = weights.stem
            terms[family] = 1.0 - weights.stem
        return terms

    def _is_known(self, alternative: Alternative) -> bool:
        return any(self._vocabulary.frequency(term) for term, _ in alternative.terms())

    def _guesses(self, word: str, language: Language) -> list[Alternative]:
        """For a word that the library does not have: compounds with it, or a misspelling of it."""
        compounds = self._vocabulary.containing(root(word, language))
        if compounds:
            return [_single(term, self._weights.contained) for term in compounds]
        near = self._vocabulary.similar(stem(word, language))
        return [_single(term, self._weights.similar) for term in near]

    def _join_separated(self, question: str, words: list[_Word]) -> None:
        """ "Wie ziehe ich die Schrauben an?" asks about "anziehen": join particle and verb."""
        for clause in re.split(_CLAUSE_END, normalise(question)):
            tokens = clause.split()
            if len(tokens) < 2 or fold(tokens[-1]) not in SEPARABLE:
                continue
            particle = fold(tokens[-1])
            inside = {fold(token) for token in tokens[:-1]}
            for word in words:
                if word.group is None or word.piece.text not in inside:
                    continue
                joined = root(particle + root(word.piece.text, "de"), "de")
                if self._is_word(joined):
                    word.group.alternatives.insert(0, _single(joined, 1.0))
                    word.families["de"] = joined
                    break

    def _is_word(self, family: str) -> bool:
        if self._vocabulary.frequency(family):
            return True
        return self._glossary is not None and bool(self._glossary.find([family]))

    # --- the glossary ----------------------------------------------------------------------------

    def _widen(
        self, glossary: Glossary, words: list[_Word], languages: Sequence[Language]
    ) -> list[Group]:
        """Add what the glossary knows. A name of several words makes a group of its own, and its
        words are not widened one by one: "emergency stop" is not about switching off."""
        matches = self._matches(glossary, words, languages)
        named = {
            place for match in matches if len(match.positions) > 1 for place in match.positions
        }
        own = {term for word in words for term in word.families.values()}
        added: dict[frozenset[int], Group] = {}
        for match in matches:
            groups = [group for place in match.positions if (group := words[place].group)]
            if len(match.positions) > 1:
                alternatives = self._named(match, groups, languages, own)
                places = frozenset(match.positions)
                if alternatives and places in added:
                    added[places].alternatives.extend(alternatives)
                elif alternatives:
                    labels = tuple(group.label for group in groups)
                    label = " ".join(words[place].piece.text for place in sorted(places))
                    added[places] = Group(label, alternatives, own=False, says=labels)
            elif groups and match.positions[0] not in named:
                if groups[0].weight > self._weights.machine:
                    groups[0].alternatives.extend(self._synonyms(match.concept, languages, groups))
        for place, word in enumerate(words):
            if place not in named:
                self._widen_parts(glossary, word, languages)
        return list(added.values())

    def _named(
        self,
        match: Match,
        groups: Sequence[Group],
        languages: Sequence[Language],
        own: Collection[str],
    ) -> list[Alternative]:
        """What a name of several words stands for. One with a question word is what is meant:
        "wie schwer" asks for the weight, and "schwer" itself says little."""
        alternatives = self._synonyms(match.concept, languages, groups, without=own)
        if len(groups) == len(match.positions):
            return alternatives
        for group in groups:
            group.weight = min(group.weight, self._weights.asked_own)
        synonym = self._weights.synonym
        return [
            Alternative(one.words, one.weight / synonym) if one.weight <= synonym else one
            for one in alternatives
        ]

    def _matches(
        self, glossary: Glossary, words: Sequence[_Word], languages: Sequence[Language]
    ) -> list[Match]:
        """Names in the question's language; in the other one for words that have none there."""
        other: Language = "en" if languages[0] == "de" else "de"
        found: list[Match] = []
        for language in (languages[0], other):
            key = [word.families.get(language) or root(word.piece.text, language) for word in words]
            parts = [self._analyzer.parts(word.piece.text) for word in words]
            taken = {place for match in found for place in match.positions}
            found.extend(
                match
                for match in glossary.find(key, parts if language == "de" else ())
                if taken.isdisjoint(match.positions) and self._is_near(match, words, language)
            )
        return list({(match.concept.id, match.positions): match for match in found}.values())

    @staticmethod
    def _is_near(match: Match, words: Sequence[_Word], language: Language) -> bool:
        """A name's words stand close together. English ones also in order ("pressure switch"),
        but for those with a question word; German verbs stand anywhere."""
        places = match.positions
        span = max(places) - min(places) + 1
        if language == "de" or any(words[place].group is None for place in places):
            return span <= len(places) + _NAME_SPAN
        return span <= len(places) + 1 and list(places) == sorted(places)

    def _widen_parts(self, glossary: Glossary, word: _Word, languages: Sequence[Language]) -> None:
        """A compound that no name covers is widened part by part ("Pressenhydraulik")."""
        if word.group is None or "de" not in word.families:
            return
        parts = self._analyzer.parts(word.piece.text)
        if not parts or glossary.find([word.families["de"]]):
            return
        for part in parts:
            for match in glossary.find([part]):
                for one in self._synonyms(match.concept, languages, [word.group]):
                    weight = one.weight * self._weights.part_synonym
                    word.group.alternatives.append(Alternative(one.words, weight))

    def _synonyms(
        self,
        concept: Concept,
        languages: Sequence[Language],
        own: Sequence[Group],
        without: Collection[str] = (),
    ) -> list[Alternative]:
        limit = max((self._best_idf(group) for group in own), default=0.0)
        found: list[Alternative] = []
        for language in languages:
            translated = language != languages[0]
            weight = self._weights.translation if translated else self._weights.synonym
            for name in concept.terms.get(language, ()):
                words = self._name_words(name, language, without)
                idf = max(
                    (self._vocabulary.weight(t) for word in words for t, _ in word), default=0
                )
                if not idf:
                    continue
                # A rare synonym must not outweigh the common word that the user chose.
                cap = min(1.0, limit / idf) if limit and not translated else 1.0
                found.append(Alternative(words, weight * cap))
        return found

    def _best_idf(self, group: Group) -> float:
        return max(
            (
                self._vocabulary.weight(term)
                for one in group.alternatives
                for term, _ in one.terms()
            ),
            default=0.0,
        )

    def _name_words(
        self, name: str, language: Language, without: Collection[str]
    ) -> tuple[Terms, ...]:
        words: list[Terms] = []
        for piece in _pieces_of_name(name):
            if piece.kind in ("word", "hyphenated"):
                if piece.text in STOP_WORDS[language] or root(piece.text, language) in without:
                    continue
                words.extend(self._name_terms(piece, language))
            else:
                words.append(((piece.text, 1.0),))
        share = 1.0 / max(1, len(words)) ** 0.5
        return tuple(tuple((term, weight * share) for term, weight in word) for word in words)

    def _name_terms(self, piece: Piece, language: Language) -> list[Terms]:
        """A word of a name: as it stands in the library, else by all the parts of the compound.

        "Getriebemotor" is no name for a motor: parts must come together.
        """
        whole, family = stem(piece.text, language), root(piece.text, language)
        if self._vocabulary.frequency(whole) or self._vocabulary.frequency(family):
            if whole == family:
                return [((whole, 1.0),)]
            share = self._weights.stem
            return [((whole, share), (family, 1.0 - share))]
        texts = piece.parts or self._analyzer.parts(piece.text) if language == "de" else piece.parts
        parts = [root(part, language) for part in texts] if piece.parts else list(texts)
        return [((part, 1.0),) for part in parts] or [((whole, 1.0),)]


@lru_cache(maxsize=10_000)
def _pieces_of_name(name: str) -> tuple[Piece, ...]:
    return tuple(pieces(name))


def _single(term: str, weight: float) -> Alternative:
    return Alternative((((term, 1.0),),), weight)
