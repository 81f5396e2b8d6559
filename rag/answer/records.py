"""Passages as records: the rows of a table, the sentences of a text, with what each one states."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from rag.answer.values import LINE, Value, code_spans, find_values
from rag.codes import fold_code
from rag.retrieve.words import STOP_WORDS, fold, root
from rag.types import Chunk, Language

ROW_KINDS = frozenset({"table", "fault", "parts", "maintenance"})
_WHOLE_KINDS = frozenset({"fault", "parts", "maintenance"})
_WORD = re.compile(r"[^\W\d_]{2,}")
_KEY = re.compile(r"(?<![\w.,])(?:[A-Z]{1,4}[- ]?\d[\w/-]*|\d+-\d[\w-]*)")
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+(?=[A-ZÄÖÜ0-9•\-])|\n+")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a row: the words and designations ("37-10") of its header, and its values."""

    header_words: frozenset[str]
    header_keys: frozenset[str]
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A row or a sentence of passage number ``passage``.

    ``words`` are the roots of its content words, ``label`` those of a row's first cell; ``codes``
    maps folded codes to their print; ``keys`` are the codes whose record the passage is.
    """

    passage: int
    language: Language
    text: str
    words: frozenset[str]
    label: frozenset[str]
    heading: frozenset[str]
    cells: tuple[Cell, ...]
    codes: dict[str, str] = field(hash=False)
    row: bool
    keys: frozenset[str]
    keys_in_text: frozenset[str]

    @property
    def values(self) -> tuple[Value, ...]:
        return tuple(value for cell in self.cells for value in cell.values)


@lru_cache(maxsize=64)
def records_of(passage: int, chunk: Chunk) -> tuple[Record, ...]:
    """A fault, part or task is one record; other tables have one a line; a text one a sentence.
    Those of the latest passages are kept: they are asked for twice for each answer."""
    row = chunk.kind in ROW_KINDS
    if chunk.kind in _WHOLE_KINDS:
        parts = [chunk.text]
    elif row:
        parts = chunk.text.split("\n")
    else:
        parts = _SENTENCE_END.split(chunk.text)
    title = " ".join(chunk.heading)
    # A row of names and numbers does not show its language: both languages' roots are kept.
    heading = words_of(title, "de") | words_of(title, "en")
    keys = frozenset(fold_code(code) for code in chunk.codes)
    return tuple(
        Record(
            passage=passage,
            language=chunk.language,
            text=part,
            words=words_of(part, "de") | words_of(part, "en"),
            label=_label(part, chunk.language) if chunk.kind == "table" else frozenset(),
            heading=heading,
            cells=_cells(part, chunk.language, row=row),
            codes=codes_of(part),
            row=row,
            keys=keys,
            keys_in_text=keys_of(part),
        )
        for part in parts
        if part.strip()
    )


def words_of(text: str, language: Language) -> frozenset[str]:
    """The roots of the content words of ``text``; those of lines are kept."""
    return (_words_of_line if len(text) <= LINE else _words_of)(text, language)


def _words_of(text: str, language: Language) -> frozenset[str]:
    return frozenset(
        root(folded, language)
        for word in _WORD.findall(text)
        if (folded := fold(word)) not in STOP_WORDS[language]
    )


_words_of_line = lru_cache(maxsize=3_000)(_words_of)


def keys_of(text: str) -> frozenset[str]:
    """Designations with digits: models, sizes, parameters ("SK 37-10", "P01", "M12")."""
    found = _KEY.findall(text)
    bare = [key.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ -") for key in found if "-" in key[1:]]
    return frozenset(fold_code(key) for key in (*found, *bare) if key)


def codes_of(text: str) -> dict[str, str]:
    """Folded code → as printed, for every code in ``text``."""
    return {fold_code(text[start:end]): text[start:end] for start, end in code_spans(text)}


def _cells(part: str, language: Language, *, row: bool) -> tuple[Cell, ...]:
    if not row:
        return (Cell(frozenset(), frozenset(), tuple(find_values(part, language))),)
    cells = []
    for text in re.split(r" \| |\n", part):
        header = text.split(": ", 1)[0] if ": " in text else ""
        values = tuple(value for value in find_values(text, language) if value.start >= len(header))
        words = words_of(header, "de") | words_of(header, "en")
        cells.append(Cell(words, keys_of(header), values))
    return tuple(cells)


def _label(part: str, language: Language) -> frozenset[str]:
    """Words and designations of the first cell: what the row is about."""
    first = part.split(" | ")[0].split(": ", 1)[-1]
    return words_of(first, language) | keys_of(first)
