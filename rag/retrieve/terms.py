"""What a question is made of on its way to the index: words, groups, alternatives, weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from rag.retrieve.analyzer import Piece
from rag.types import Language

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


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to say a word: the terms of each of its words. A passage with only some of the
    words counts for less than their share. ``says`` is how much of the word's meaning it has: 0
    for the word itself with its parts, which are looked at one by one."""

    words: tuple[Terms, ...]
    weight: float = 1.0
    says: float = 1.0

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
    named: bool = False  # whether the thesaurus has a name for it
    parts: tuple[str, ...] = ()  # of a hyphenated word


class Vocabulary(Protocol):
    """What the question is fitted to: the terms that the library has."""

    def frequency(self, term: str) -> int: ...
    def weight(self, term: str) -> float: ...
    def containing(self, word: str) -> list[str]: ...
    def similar(self, word: str) -> list[str]: ...


@dataclass(slots=True)
class Word:
    """A word of the question; one without a group is part of names only ("wie", "weg")."""

    piece: Piece
    group: Group | None
    families: dict[Language, str]


def single(term: str, weight: float, says: float = 1.0) -> Alternative:
    """One term as an alternative."""
    return Alternative((((term, 1.0),),), weight, says)
