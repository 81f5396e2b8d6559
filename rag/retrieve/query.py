"""A question as weighted search terms: the user's own words first, the glossary's below them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rag.retrieve.analyzer import Analyzer, Piece, normalise, pieces
from rag.retrieve.glossary import Concept, Glossary
from rag.retrieve.words import STOP_WORDS, fold, root, stem
from rag.types import Language

SEPARABLE = frozenset(
    fold(word)
    for word in "an aus ein ab auf zu nach um vor los zurück fest weg heraus raus rein hoch "
    "runter mit durch frei heran hinein zusammen nieder bei hin her weiter voll".split()
)
_CLAUSE_END = re.compile(r"[.,;:!?]|\b(?:und|oder|wenn|damit|bevor|nachdem|weil)\b|$")


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
    number: float = 0.6
    imagined: float = 0.15
    others: float = 0.15  # what further alternatives add to the best one


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to say a word: index terms with their weights."""

    terms: tuple[tuple[str, float], ...]
    weight: float = 1.0


@dataclass(slots=True)
class Group:
    """A word of the question and all the ways to say it; a passage counts by the best one."""

    label: str
    alternatives: list[Alternative] = field(default_factory=list)
    own: bool = True


class Vocabulary(Protocol):
    """What the question is fitted to: the terms that the library has."""

    def frequency(self, term: str) -> int: ...
    def weight(self, term: str) -> float: ...
    def containing(self, word: str) -> list[str]: ...
    def similar(self, word: str) -> list[str]: ...


@dataclass(slots=True)
class _Word:
    piece: Piece
    group: Group
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
        self, question: str, language: Language, manuals: Collection[Language]
    ) -> list[Group]:
        """The question's words as groups. ``manuals`` are the languages of the manuals in scope."""
        languages = list(dict.fromkeys((language, *sorted(manuals or {language}))))
        words = [
            self._word(piece, languages)
            for piece in pieces(question)
            if not (piece.kind == "word" and self._stops(piece.text, language))
        ]
        if language == "de":
            self._join_separated(question, words)
        groups = [word.group for word in words if word.group.alternatives or word.group.own]
        if self._glossary:
            groups.extend(self._widen(self._glossary, words, languages))
        return groups

    def imagined(self, text: str, language: Language) -> list[Group]:
        """The words of a hypothetical passage, each counting little: they are guesses."""
        terms = dict.fromkeys(self._analyzer.terms(text, language))
        known = [term for term in terms if self._vocabulary.frequency(term)]
        return [
            Group(term, [Alternative(((term, 1.0),), self._weights.imagined)], own=False)
            for term in known
        ]

    def _stops(self, word: str, language: Language) -> bool:
        return len(word) < 2 or word in STOP_WORDS[language]

    # --- the user's own words --------------------------------------------------------------------

    def _word(self, piece: Piece, languages: Sequence[Language]) -> _Word:
        group = Group(piece.text)
        families: dict[Language, str] = {}
        weights = self._weights
        if piece.kind in ("word", "hyphenated"):
            for language in languages:
                families[language] = root(piece.text, language)
                terms = self._own_terms(piece, language)
                if terms and terms not in [known.terms for known in group.alternatives]:
                    group.alternatives.append(Alternative(terms))
            if not any(self._known(alternative) for alternative in group.alternatives):
                group.alternatives.extend(self._guesses(piece.text, languages[0]))
        else:
            share = weights.number if piece.kind == "number" else 1.0
            parts = tuple((part, share * weights.part) for part in piece.parts)
            group.alternatives.append(Alternative(((piece.text, share), *parts)))
            families = dict.fromkeys(languages, piece.text)
        return _Word(piece, group, families)

    def _own_terms(self, piece: Piece, language: Language) -> tuple[tuple[str, float], ...]:
        terms = self._terms(piece.text, language)
        for part in piece.parts:
            for term, weight in self._terms(part, language).items():
                terms.setdefault(term, weight * self._weights.part)
        return tuple(terms.items())

    def _terms(self, word: str, language: Language) -> dict[str, float]:
        weights = self._weights
        found = self._analyzer.word(word, language)
        if not found:
            return {}
        whole, family = stem(word, language), root(word, language)
        known = self._vocabulary.frequency(whole) or self._vocabulary.frequency(family)
        terms = {term: weights.part if known else weights.lone_part for term in found}
        if whole == family:
            terms[whole] = 1.0
        else:
            terms[whole] = weights.stem
            terms[family] = 1.0 - weights.stem
        return terms

    def _known(self, alternative: Alternative) -> bool:
        return any(self._vocabulary.frequency(term) for term, _ in alternative.terms)

    def _guesses(self, word: str, language: Language) -> list[Alternative]:
        """For a word that the library does not have: compounds with it, or a misspelling of it."""
        compounds = self._vocabulary.containing(root(word, language))
        if compounds:
            weight = self._weights.contained
            return [Alternative(((term, 1.0),), weight) for term in compounds]
        near = self._vocabulary.similar(stem(word, language))
        return [Alternative(((term, 1.0),), self._weights.similar) for term in near]

    def _join_separated(self, question: str, words: list[_Word]) -> None:
        """ "Wie ziehe ich die Schrauben an?" asks about "anziehen": join particle and verb."""
        text = normalise(question)
        position = 0
        for clause in re.split(_CLAUSE_END, text):
            tokens = clause.split()
            position += 1
            if len(tokens) < 2 or fold(tokens[-1]) not in SEPARABLE:
                continue
            particle = fold(tokens[-1])
            inside = {fold(token) for token in tokens[:-1]}
            for word in words:
                if word.piece.kind != "word" or word.piece.text not in inside:
                    continue
                joined = root(particle + root(word.piece.text, "de"), "de")
                if self._is_word(joined):
                    word.group.alternatives.insert(0, Alternative(((joined, 1.0),)))
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
        """Add what the glossary knows; names of several words make a group of their own."""
        added: list[Group] = []
        seen: set[tuple[str, tuple[int, ...]]] = set()
        for language in dict.fromkeys((*languages, "de", "en")):
            key = [word.families.get(language) or root(word.piece.text, language) for word in words]
            for match in glossary.find(key):
                if (match.concept.id, match.positions) in seen:
                    continue
                seen.add((match.concept.id, match.positions))
                own = [words[position].group for position in match.positions]
                alternatives = self._synonyms(match.concept, languages, own)
                if len(own) == 1:
                    own[0].alternatives.extend(alternatives)
                elif alternatives:
                    added.append(
                        Group(" ".join(group.label for group in own), alternatives, own=False)
                    )
        for word in words:
            self._widen_parts(glossary, word, languages)
        return added

    def _widen_parts(self, glossary: Glossary, word: _Word, languages: Sequence[Language]) -> None:
        """A compound that no name covers is widened part by part ("Pressenhydraulik")."""
        parts = self._analyzer.parts(word.piece.text)
        if not parts or glossary.find([word.families.get("de", "")]):
            return
        share = self._weights.part_synonym
        for part in parts:
            for match in glossary.find([part]):
                for one in self._synonyms(match.concept, languages, [word.group]):
                    word.group.alternatives.append(Alternative(one.terms, one.weight * share))

    def _synonyms(
        self, concept: Concept, languages: Sequence[Language], own: Sequence[Group]
    ) -> list[Alternative]:
        limit = max((self._best_idf(group) for group in own), default=0.0)
        found: list[Alternative] = []
        for language in languages:
            translated = language != languages[0]
            weight = self._weights.translation if translated else self._weights.synonym
            for term in concept.terms.get(language, ()):
                terms = self._name_terms(term, language)
                idf = max((self._vocabulary.weight(name) for name, _ in terms), default=0.0)
                if not idf:
                    continue
                # A rare synonym must not outweigh the common word that the user chose.
                cap = min(1.0, limit / idf) if limit and not translated else 1.0
                found.append(Alternative(terms, weight * cap))
        return found

    def _best_idf(self, group: Group) -> float:
        return max(
            (self._vocabulary.weight(term) for one in group.alternatives for term, _ in one.terms),
            default=0.0,
        )

    def _name_terms(self, name: str, language: Language) -> tuple[tuple[str, float], ...]:
        telling = [piece for piece in pieces(name) if piece.text not in STOP_WORDS[language]]
        share = 1.0 / max(1, len(telling)) ** 0.5
        terms: dict[str, float] = {}
        for piece in telling:
            if piece.kind in ("word", "hyphenated"):
                for term, weight in self._own_terms(piece, language):
                    terms[term] = max(terms.get(term, 0.0), weight * share)
            else:
                terms[piece.text] = share
        return tuple(terms.items())
