"""A question as weighted search terms: the user's own words first, the glossary's below them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from rag.retrieve.analyzer import Analyzer, Piece, normalise, pieces
from rag.retrieve.glossary import Glossary, is_telling
from rag.retrieve.terms import Alternative, Group, Terms, Vocabulary, Weights, Word, single
from rag.retrieve.widen import Widener
from rag.retrieve.words import EVERYDAY_WORDS, STOP_WORDS, fold, root, stem
from rag.types import Language

SEPARABLE = frozenset(
    fold(word)
    for word in "an aus ein ab auf zu nach um vor los zurück fest weg heraus raus rein hoch "
    "runter mit durch frei heran hinein zusammen nieder bei hin her weiter voll".split()
)
_GUESS_SAYS = 0.5  # "schräg" may be a slip for "Schlag", or not
_CLAUSE_END = re.compile(r"[.,;:!?]|\b(?:und|oder|wenn|damit|bevor|nachdem|weil)\b|$")
# Words for the machine itself: on every page, and the scope already says which one.
_MACHINE_WORDS = frozenset("maschin anlag gerat aggregat machin unit devic equip".split())


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
        self._widener = Widener(glossary, analyzer, vocabulary, self._weights) if glossary else None

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
        if self._widener:
            groups.extend(self._widener.widen(words, languages))
        return groups

    def imagined(self, text: str, language: Language) -> list[Group]:
        """The words of a hypothetical passage, each counting little: they are guesses."""
        terms = dict.fromkeys(self._analyzer.terms(text, language))
        known = [term for term in terms if self._vocabulary.frequency(term)]
        weight = self._weights.imagined
        return [Group(term, [single(term, weight)], own=False) for term in known]

    # --- the user's own words --------------------------------------------------------------------

    def _word(self, piece: Piece, languages: Sequence[Language]) -> Word:
        if piece.kind not in ("word", "hyphenated"):
            share = self._weights.number if piece.kind == "number" else 1.0
            parts = tuple((part, share * self._weights.part) for part in piece.parts)
            group = Group(piece.text, [Alternative((((piece.text, share), *parts),), says=0.0)])
            return Word(piece, group, dict.fromkeys(languages, piece.text))
        families = {language: root(piece.text, language) for language in languages}
        if piece.text in STOP_WORDS[languages[0]]:
            return Word(piece, None, families)
        group = Group(piece.text, named=self._is_named(families[languages[0]]), parts=piece.parts)
        for language in languages:
            terms = self._own_terms(piece, language)
            if terms and (terms,) not in [known.words for known in group.alternatives]:
                group.alternatives.append(Alternative((terms,), says=0.0))
        if not any(self._is_known(alternative) for alternative in group.alternatives):
            group.alternatives.extend(self._guesses(piece.text, languages[0]))
        return Word(piece, group, families)

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
            return [single(term, self._weights.contained, says=_GUESS_SAYS) for term in compounds]
        near = self._vocabulary.similar(stem(word, language))
        return [single(term, self._weights.similar, says=_GUESS_SAYS) for term in near]

    def _join_separated(self, question: str, words: list[Word]) -> None:
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
                    word.group.alternatives.insert(0, single(joined, 1.0))
                    word.families["de"] = joined
                    break

    def _is_word(self, family: str) -> bool:
        return bool(self._vocabulary.frequency(family)) or self._is_named(family)

    def _is_named(self, family: str) -> bool:
        return self._glossary is not None and bool(self._glossary.find([family]))
