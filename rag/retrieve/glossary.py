"""The workshop's thesaurus: what people say and what manuals print, in German and English.

``glossary.csv`` beside this file holds one concept per line: ``id;de;en`` with synonyms separated
by ``|``. A plant's own words come as a CSV of the same form and are merged over it.

A name with ``~`` is only *related* ("Kühlwasser|~Kühler"): it widens a search like the others, but
who says it has not said what was asked for. Related names that mean the same as each other share
two tildes, others of the concept three and so on: "Ölstand|~~Peilstab|~~Ölmessstab|~~~Schauglas".
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path

from rag.errors import BadFile
from rag.retrieve.analyzer import pieces
from rag.retrieve.words import QUIET_WORDS, STOP_WORDS, root
from rag.types import Language

_FILE = Path(__file__).with_name("glossary.csv")
_LONGEST_TERM = 80
_MOST_CONCEPTS = 5000


@dataclass(frozen=True, slots=True)
class Concept:
    """One thing and its names. ``terms`` are as printed, per language; ``related`` has the tildes
    (1 or more) of those that are not the same thing."""

    id: str
    terms: dict[Language, tuple[str, ...]]
    related: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """A concept's name found in a question: where in its key the name's words stand, in the
    name's order; the name's own key, and its tildes (0: none)."""

    concept: Concept
    positions: tuple[int, ...]
    key: tuple[str, ...] = ()
    tildes: int = 0

    def is_same(self, name: str, language: Language) -> bool:
        """Whether another name of the concept means the same as this one."""
        if self.tildes != 1 and self.concept.related.get(name, 0) == self.tildes:
            return True
        return self.tildes > 0 and _unique_key(name, language) == self.key


class Glossary:
    """Finds concepts in questions. Names are compared by word families.

    Of a name of several words all must stand in the question, in whatever order: "wie fest muss
    ich die Schrauben anziehen" has the name "fest anziehen".
    """

    def __init__(self, concepts: Sequence[Concept]) -> None:
        self.concepts = tuple(concepts)
        self._single: dict[str, list[Concept]] = defaultdict(list)
        self._several: dict[str, dict[tuple[str, ...], list[Concept]]] = defaultdict(dict)
        self._tildes: dict[tuple[str, Language, tuple[str, ...]], int] = {}
        self._vocabulary: dict[Language, set[str]] = {"de": set(), "en": set()}
        for concept in self.concepts:
            for language, terms in concept.terms.items():
                for term in terms:
                    key = _unique_key(term, language)
                    if key:
                        self._add(concept, key)
                    place, tildes = (concept.id, language, key), concept.related.get(term, 0)
                    self._tildes[place] = min(self._tildes.get(place, tildes), tildes)
                    self._vocabulary[language].update(key)

    def _add(self, concept: Concept, key: tuple[str, ...]) -> None:
        single = len(key) == 1
        known = self._single[key[0]] if single else self._several[key[0]].setdefault(key, [])
        if concept not in known:
            known.append(concept)

    def find(
        self,
        key: Sequence[str],
        parts: Sequence[Sequence[str]] = (),
        language: Language = "de",
    ) -> list[Match]:
        """Concepts named in a question whose ``name_key`` is ``key``. In names of several words a
        compound may stand for its part: ``parts`` are the families of each word's parts. A name of
        the other language ("ventilator" for "Ventil") is only related."""
        where: dict[str, int] = {}
        for position, families in [*enumerate([one] for one in key), *enumerate(parts)]:
            for family in families:
                where.setdefault(family, position)
        whole = set(key)
        found: list[tuple[Concept, tuple[int, ...], tuple[str, ...]]] = []
        for family, position in where.items():
            if family in whole:
                found.extend((one, (position,), (family,)) for one in self._single.get(family, ()))
            for name, concepts in self._several.get(family, {}).items():
                if all(word in where for word in name):
                    places = tuple(where[word] for word in name)
                    if len(set(places)) == len(places):
                        found.extend((concept, places, name) for concept in concepts)
        return [
            Match(concept, places, name, self._tildes.get((concept.id, language, name), 1))
            for concept, places, name in found
        ]

    def knows(self, word: str, language: Language) -> bool:
        """Whether a folded word stands in a name of this language."""
        return root(word, language) in self._vocabulary[language]

    def kinds(self, families: Iterable[str]) -> list[Concept]:
        """Concepts of kinds of machines (id "machine_…") that have one of these names."""
        return [
            concept
            for family in families
            for concept in self._single.get(family, ())
            if concept.id.startswith("machine_")
        ]

    def words(self) -> set[str]:
        """Every folded German word of the glossary: parts that compounds may be made of."""
        return {
            piece.text
            for concept in self.concepts
            for term in concept.terms.get("de", ())
            for piece in pieces(term)
            if piece.kind == "word"
        }


def name_key(text: str, language: Language) -> list[str]:
    """The families of a text's words, without stop words unless there is nothing else."""
    words = list(pieces(text))
    telling = [piece for piece in words if is_telling(piece.text, language)] or words
    return [
        root(piece.text, language) if piece.kind in ("word", "hyphenated") else piece.text
        for piece in telling
    ]


@lru_cache(maxsize=2000)
def _unique_key(name: str, language: Language) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name_key(name, language)))


def is_telling(word: str, language: Language) -> bool:
    """Whether a folded word may be part of a name; "wie" and "weg" are, "der" is not."""
    return word in QUIET_WORDS or word not in STOP_WORDS[language]


@cache
def _shipped() -> tuple[Concept, ...]:
    return tuple(_read(shipped_csv(), _raise))


def shipped_csv() -> str:
    """The words that Millwright brings, as a CSV of the form that a plant's own have."""
    return _FILE.read_text(encoding="utf-8")


def load_glossary(extra_csv: str | bytes | None = None) -> Glossary:
    """The shipped glossary, with a plant's own words merged over it.

    ``extra_csv`` is the content of a CSV file with the header ``id;de;en`` (or commas), UTF-8.
    A line with a known id adds its words to that concept, and says anew of those that it repeats
    whether they are only related. Raises ``BadFile`` with the line.
    """
    concepts = {concept.id: concept for concept in _shipped()}
    if extra_csv:
        for concept in _read(_decoded(extra_csv), _raise):
            known = concepts.get(concept.id)
            concepts[concept.id] = _merged(known, concept) if known else concept
    return Glossary(tuple(concepts.values()))


def check_words(content: bytes) -> tuple[list[Concept], list[BadFile]]:
    """The concepts of a plant's CSV, and all that is wrong with it, line by line.

    A word that stands alone under an id of its own is wrong too: it would change nothing.
    """
    wrong: list[BadFile] = []
    concepts: list[Concept] = []
    try:
        known = {concept.id for concept in _shipped()}
        concepts = list(_read(_decoded(content), wrong.append, known))
    except BadFile as error:
        return [], [*wrong, error]
    if not concepts and not wrong:
        wrong.append(BadFile("error.glossary_no_words"))
    return concepts, wrong


def _raise(error: BadFile) -> None:
    raise error


def _merged(one: Concept, other: Concept) -> Concept:
    languages: tuple[Language, ...] = ("de", "en")
    told = {name for terms in other.terms.values() for name in terms}
    related = {name: tildes for name, tildes in one.related.items() if name not in told}
    return Concept(
        one.id,
        {
            language: tuple(
                dict.fromkeys((*one.terms.get(language, ()), *other.terms.get(language, ())))
            )
            for language in languages
        },
        related | other.related,
    )


def _decoded(content: str | bytes) -> str:
    if isinstance(content, str):
        return content
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile("error.glossary_not_utf8") from error


def _read(
    text: str, report: Callable[[BadFile], None], known: Collection[str] | None = None
) -> Iterator[Concept]:
    """The concepts line by line; ``report`` is told of each bad line, which is left out. With
    ``known`` ids, a line of one word is bad unless it adds that to a known one.

    Raises ``BadFile`` when the file as a whole is none.
    """
    lines = text.splitlines()
    header = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    delimiter = ";" if header.count(";") >= header.count(",") else ","
    if [cell.strip() for cell in header.split(delimiter)] != ["id", "de", "en"]:
        raise BadFile("error.glossary_header", found=header[:60])
    seen: set[str] = set()
    for number, row in _rows(text, delimiter):
        try:
            concept = _concept(row, number)
            if concept.id in seen:
                raise BadFile("error.glossary_twice", line=str(number), id=concept.id)
            is_alone = sum(len(terms) for terms in concept.terms.values()) < 2
            if known is not None and is_alone and concept.id not in known:
                raise BadFile("error.glossary_alone", line=str(number), id=concept.id)
        except BadFile as error:
            report(error)
            continue
        seen.add(concept.id)
        if len(seen) > _MOST_CONCEPTS:
            raise BadFile("error.glossary_too_long", limit=str(_MOST_CONCEPTS))
        yield concept


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows after the header with the numbers of their lines; comments are left out."""
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    started = False
    try:
        for row in reader:
            if not "".join(row).strip() or row[0].startswith("#"):
                continue
            if started:
                yield reader.line_num, row
            started = True
    except csv.Error as error:
        raise BadFile("error.glossary_line", line=str(reader.line_num)) from error


def _concept(row: list[str], number: int) -> Concept:
    if len(row) != 3:
        raise BadFile("error.glossary_columns", line=str(number), found=str(len(row)))
    identifier, german, english = (" ".join(cell.split()) for cell in row)
    related: dict[str, int] = {}
    terms: dict[Language, tuple[str, ...]] = {
        "de": tuple(_names(german, related)),
        "en": tuple(_names(english, related)),
    }
    if not identifier or not (terms["de"] or terms["en"]):
        raise BadFile("error.glossary_empty", line=str(number))
    for term in (*terms["de"], *terms["en"]):
        if len(term) > _LONGEST_TERM:
            raise BadFile("error.glossary_term", line=str(number), term=term[:40])
    return Concept(identifier, terms, related)


def _names(cell: str, related: dict[str, int]) -> Iterator[str]:
    """The names of a cell without their tildes, which are counted in ``related``."""
    for part in map(str.strip, cell.split("|")):
        name = part.lstrip("~ ")
        if name:
            if part != name:
                related[name] = part.count("~")
            yield name
