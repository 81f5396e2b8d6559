"""One analyzer for index and query: what a text is made of, as search terms.

``pieces`` reads a text into words, codes, numbers with units; ``Analyzer.terms`` makes them
terms: a word's stem and family, a compound's parts, a code whole and in parts, "6 bar" as value.
Safe on any Unicode, in time that grows with the text's length; normalising twice changes nothing
(tested).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from rag.retrieve import numbers
from rag.retrieve.compounds import CompoundSplitter
from rag.retrieve.words import STOP_WORDS, fold, root, stem
from rag.types import Language

PieceKind = Literal["word", "hyphenated", "code", "number", "measure", "unit"]

_INVISIBLE = re.compile("[\u00ad\ufffe\u200b-\u200d\u2060\ufeff]")
_LINE_END_HYPHEN = re.compile(r"(?<=[^\W\d_])[-‐‑]\s*\n\s*(?=[a-zäöüß])")
_DASH = re.compile("[‐‑‒–—−]")
_PIECE = re.compile(
    # Most words, found before the costly rest is tried: nothing else is letters up to a blank that
    # no digit follows, but for units that are words.
    r"(?P<plain>(?<!\w)[^\W\d_]++(?=[\s;:!?)]|[.,]?(?:\s|\Z))(?! \d))"
    rf"|(?P<inch>(?<!\w){numbers.FRACTION})"
    rf"|(?P<measure>(?<![\w.,/-]){numbers.MEASURE})"
    rf"|(?P<unit>(?<![\w]){numbers.LONE_UNIT})"
    r"|(?P<code>(?<!\w)(?=[a-z0-9.,/-]*\d)(?=[0-9.,/-]*[a-z]|\d{3,}-)[a-z0-9]++(?:[-./,][a-z0-9]++)*(?!\w))"
    rf"|(?P<spaced>(?<!\w)[a-z]{{1,3}} \d{{2,5}}(?![\w.,]){numbers.NO_UNIT})"
    rf"|(?P<number>(?<!\w){numbers.NUMBER}(?!\w))"
    r"|(?P<hyphenated>[^\W\d_]+(?:-[^\W\d_]+)+)"
    r"|(?P<word>[^\W\d_]+)"
)
_CODE_PART = re.compile(r"m\d+(?=x)|\d+(?:[.,]\d+)?|[a-z]{2,}")
_RARE = re.compile("[\u00ad\ufffe\u200b-\u200d\u2060\ufeff\u00bc-\u00be\u2150-\u215e]")
_VULGAR = re.compile(r"(\d?)([\u00bc-\u00be\u2150-\u215e])")
_NOT_CODES = frozenset("ab max min bis nr typ mal je ca von auf aus mit abb fig bar pos".split())
_SEPARATOR = re.compile(r"[-./,\s]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text: ``text`` is folded for words, canonical for values and codes."""

    kind: PieceKind
    text: str
    parts: tuple[str, ...] = ()


def normalise(text: str) -> str:
    """NFKC, lower case, line-end hyphens joined, invisible characters gone, one kind of dash."""
    if not text.isascii() and _RARE.search(text):
        text = _VULGAR.sub(r"\1 \2", _LINE_END_HYPHEN.sub("", _INVISIBLE.sub("", text)))
    elif "\n" in text:
        text = _LINE_END_HYPHEN.sub("", text)
    for _ in range(4):  # case folding and NFKC may undo each other once or twice
        again = unicodedata.normalize("NFKC", text.casefold())
        if again == text:
            break
        text = again
    return text if text.isascii() else _DASH.sub("-", text)


def pieces(text: str) -> Iterator[Piece]:
    """Words, codes, numbers and measures of a text, in order; stop words included."""
    for match in _PIECE.finditer(normalise(text)):
        kind = match.lastgroup
        found = match[0]
        if kind == "plain":
            yield _plain(found)
        elif match["inch"]:
            value = re.sub(r"\s", "", match["fraction"].replace("⁄", "/"))
            yield Piece("measure", f"{value}in", (value,))
        elif match["measure"]:
            yield _measure(match["amount"], numbers.UNITS[match["of"]])
        elif match["code"]:
            yield _code(found)
        elif match["unit"]:
            yield Piece("unit", numbers.UNITS[match["lone"]])
        elif match["spaced"]:
            yield from _spaced(found)
        elif match["number"]:
            values = numbers.readings(found)
            yield Piece("number", values[0], values[1:])
        elif kind == "hyphenated":
            parts = tuple(fold(part) for part in found.split("-"))
            yield Piece("hyphenated", "".join(parts), parts)
        else:
            yield Piece("word", fold(found))


@lru_cache(maxsize=20_000)
def _plain(found: str) -> Piece:
    unit = numbers.LONE_UNITS.get(found)
    return Piece("word", fold(found)) if unit is None else Piece("unit", unit)


def _measure(amount: str, unit: str) -> Piece:
    values = numbers.readings(amount)
    telling = (unit,) if unit in numbers.TELLING_UNITS else ()
    return Piece(
        "measure", values[0] + unit, (*values, *(value + unit for value in values[1:]), *telling)
    )


def _code(found: str) -> Piece:
    if re.fullmatch(r"m\d+x.*", found):  # a thread: its pitch is a number
        return Piece(
            "code", found.replace(",", "."), tuple(_CODE_PART.findall(found.replace(",", ".")))
        )
    whole = _SEPARATOR.sub("", found)
    parts = tuple(part.replace(",", ".") for part in _CODE_PART.findall(found) if len(part) > 1)
    return Piece("code", whole, tuple(part for part in parts if part != whole))


def _spaced(found: str) -> Iterator[Piece]:
    """ "e 104" is the code "e104"; "ab 10" is a word and a number."""
    letters, digits = found.split()
    if letters in _NOT_CODES or any(letters in words for words in STOP_WORDS.values()):
        yield Piece("word", letters)
        yield Piece("number", numbers.readings(digits)[0])
    else:
        yield Piece("code", letters + digits, (digits,))


class Analyzer:
    """Texts to terms. Without a splitter compounds stay whole (for the first look at a corpus)."""

    def __init__(self, splitter: CompoundSplitter | None = None) -> None:
        self.splitter = splitter
        self._word = lru_cache(maxsize=50_000)(self._word_terms)

    def terms(self, text: str, language: Language) -> list[str]:
        """The terms of a text, with repetition, for the index."""
        found: list[str] = []
        for piece in pieces(text):
            found.extend(self.of(piece, language))
        return found

    def of(self, piece: Piece, language: Language) -> tuple[str, ...]:
        """The terms of one piece of a text."""
        if piece.kind == "word":
            return self.word(piece.text, language)
        if piece.kind != "hyphenated":
            return (piece.text, *piece.parts)
        whole = dict.fromkeys(self.word(piece.text, language))
        for part in piece.parts:
            whole.update(dict.fromkeys(self.word(part, language)))
        return tuple(whole)

    def word(self, word: str, language: Language) -> tuple[str, ...]:
        """Stem, family and compound parts of one folded word; empty for a stop word."""
        return self._word(word, language)

    def _word_terms(self, word: str, language: Language) -> tuple[str, ...]:
        if len(word) < 2 or word in STOP_WORDS[language]:
            return ()
        terms = dict.fromkeys((stem(word, language), root(word, language)))
        if language == "de":
            terms.update(dict.fromkeys(self.parts(word)))
        return tuple(terms)

    def parts(self, word: str) -> tuple[str, ...]:
        """Families of a compound's parts, of their own parts, and of neighbouring parts that
        form a known word."""
        if self.splitter is None:
            return ()
        split = self.splitter.split(word)
        found: list[str] = []
        for part in split:
            if part not in STOP_WORDS["de"]:
                found.append(root(part, "de"))
                found.extend(self.parts(part))
        for first in range(len(split)):
            for last in range(first + 2, len(split) + 1):
                joined = "".join(split[first:last])
                if joined != word and self.splitter.knows(joined):
                    found.append(root(joined, "de"))
        return tuple(dict.fromkeys(found))
