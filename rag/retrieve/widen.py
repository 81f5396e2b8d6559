"""The glossary's share in a question: synonyms, translations, names of several words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache

from rag.retrieve.analyzer import Analyzer, Piece, pieces
from rag.retrieve.glossary import Glossary, Match
from rag.retrieve.terms import Alternative, Group, Terms, Vocabulary, Weights, Word
from rag.retrieve.words import STOP_WORDS, root, stem
from rag.types import Language

_PART_SAYS = 0.5  # of a compound's meaning, a synonym of one of its parts
_RELATED_SAYS = 0.3  # of a word's meaning, a related name: "Kühler" for "Frostschutzmittel"
_NAME_SPAN = 3  # words that may stand between those of a name of several words
# Words of names that mean nothing there, unless they come last: "schaltet zu häufig", "Filter zu".
_EMPTY_WORDS: dict[Language, frozenset[str]] = {
    "de": frozenset(
        "der die das den dem des eine einen einem einer zu zum zur im in am ins vom von und oder "
        "sich ist sind es".split()
    ),
    "en": frozenset("the a an of to in at and or is are be does do it its".split()),
}


class Widener:
    """Widens the groups of a question by what the glossary knows, for one state of the library."""

    def __init__(
        self, glossary: Glossary, analyzer: Analyzer, vocabulary: Vocabulary, weights: Weights
    ) -> None:
        self._glossary = glossary
        self._analyzer = analyzer
        self._vocabulary = vocabulary
        self._weights = weights

    def widen(self, words: Sequence[Word], languages: Sequence[Language]) -> list[Group]:
        """Add what the glossary knows. A name of several words makes a group of its own, and its
        words are not widened one by one: "emergency stop" is not about switching off."""
        matches = self._matches(words, languages)
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
            elif (
                groups
                and match.positions[0] not in named
                and groups[0].weight > self._weights.machine
            ):
                groups[0].alternatives.extend(self._synonyms(match, languages, groups))
        for place, word in enumerate(words):
            if place not in named:
                self._widen_parts(word, languages)
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
        alternatives = self._synonyms(match, languages, groups, without=own)
        if len(groups) == len(match.positions):
            return alternatives
        for group in groups:
            group.weight = min(group.weight, self._weights.asked_own)
        synonym = self._weights.synonym
        return [
            Alternative(one.words, one.weight / synonym, one.says) if one.weight <= synonym else one
            for one in alternatives
        ]

    def _matches(self, words: Sequence[Word], languages: Sequence[Language]) -> list[Match]:
        """Names in the question's language; in the other one for words that have none there."""
        other: Language = "en" if languages[0] == "de" else "de"
        found: list[Match] = []
        for language in (languages[0], other):
            key = [word.families.get(language) or root(word.piece.text, language) for word in words]
            parts = [self._analyzer.parts(word.piece.text) for word in words]
            taken = {place for match in found for place in match.positions}
            found.extend(
                match
                for match in self._glossary.find(key, parts if language == "de" else (), language)
                if taken.isdisjoint(match.positions) and self._is_near(match, words, language)
            )
        return list({(match.concept.id, match.positions): match for match in found}.values())

    @staticmethod
    def _is_near(match: Match, words: Sequence[Word], language: Language) -> bool:
        """A name's words stand close together. English ones also in order ("pressure switch"),
        but for those with a question word; German verbs stand anywhere."""
        places = match.positions
        span = max(places) - min(places) + 1
        if language == "de" or any(words[place].group is None for place in places):
            return span <= len(places) + _NAME_SPAN
        return span <= len(places) + 1 and list(places) == sorted(places)

    def _widen_parts(self, word: Word, languages: Sequence[Language]) -> None:
        """A compound that no name covers is widened part by part ("Pressenhydraulik")."""
        if word.group is None or "de" not in word.families:
            return
        parts = self._analyzer.parts(word.piece.text)
        if not parts or self._glossary.find([word.families["de"]]):
            return
        for part in parts:
            for match in self._glossary.find([part]):
                for one in self._synonyms(match, languages, [word.group]):
                    weight = one.weight * self._weights.part_synonym
                    says = min(_PART_SAYS, one.says)
                    word.group.alternatives.append(Alternative(one.words, weight, says))

    def _synonyms(
        self,
        match: Match,
        languages: Sequence[Language],
        own: Sequence[Group],
        without: Collection[str] = (),
    ) -> list[Alternative]:
        limit = max((self._best_idf(group) for group in own), default=0.0)
        found: list[Alternative] = []
        for language in languages:
            translated = language != languages[0]
            weight = self._weights.translation if translated else self._weights.synonym
            for name in match.concept.terms.get(language, ()):
                words = self._name_words(name, language, without)
                idf = max(
                    (self._vocabulary.weight(t) for word in words for t, _ in word), default=0
                )
                if not idf:
                    continue
                # A rare synonym must not outweigh the common word that the user chose.
                cap = min(1.0, limit / idf) if limit and not translated else 1.0
                # "Luft drin" is only "Luft" here: small words are not searched for.
                says = min(1.0, len(words) / _telling_words(name, language))
                if not match.is_same(name, language):
                    says *= _RELATED_SAYS
                found.append(Alternative(words, weight * cap, says))
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


def _telling_words(name: str, language: Language) -> int:
    """How many words of a name mean something; at least one."""
    words = _pieces_of_name(name)
    empty = sum(piece.text in _EMPTY_WORDS[language] for piece in words[:-1])
    return max(1, len(words) - empty)


@lru_cache(maxsize=10_000)
def _pieces_of_name(name: str) -> tuple[Piece, ...]:
    return tuple(pieces(name))
