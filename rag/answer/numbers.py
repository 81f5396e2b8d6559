"""Check that every value and code of an answer is what the passages say.

A value is found when a passage holds the same number with the same unit, or one that converts
into it. In tables it must moreover stand in the row that is meant: of the rows with a value of
that kind, the one that shares most words with the sentence and the question.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from rag.answer.values import Value, code_spans, find_values
from rag.codes import fold_code
from rag.retrieve.words import STOP_WORDS, fold, root
from rag.types import Check, Chunk, Language

_WORD = re.compile(r"[^\W\d_]{2,}")
_SMALL = 12
_QUESTION_WEIGHT = 0.6
_HEADING_WEIGHT = 0.5
_CLEARLY_BETTER = 1.3
_TABLE_KINDS = frozenset({"table", "fault", "parts", "maintenance"})
_THREAD = re.compile(r"^(?:m|g|sw)\d")
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+(?=[A-ZÄÖÜ0-9•\-])|\n+")


@dataclass(frozen=True, slots=True)
class Finding:
    """A value or code in a sentence of the answer, from ``start`` to ``end``."""

    start: int
    end: int
    check: Check


@dataclass(slots=True)
class _Record:
    """A table row or a sentence of a passage."""

    passage: int
    text: str
    words: frozenset[str]
    heading: frozenset[str]
    values: list[Value]
    codes: dict[str, str]
    row: bool
    keys: frozenset[str] = field(default_factory=frozenset)


class Checker:
    """Checks sentences of one answer against the passages it was written from.

    ``passages`` are numbered from 1 as in the prompt; ``question`` is the self-contained one.
    """

    def __init__(self, passages: Sequence[Chunk], question: str, language: Language) -> None:
        self._language = language
        self._question = question
        self._question_words = words_of(question, language)
        self._asked_codes = codes_of(question)
        self._records = [
            record
            for number, chunk in enumerate(passages, start=1)
            for record in _records(number, chunk)
        ]
        spread = Counter(word for record in self._records for word in record.words)
        total = len(self._records) + 1
        self._weight = {word: math.log(1 + total / count) for word, count in spread.items()}

    def check(self, sentence: str, cited: frozenset[int] = frozenset()) -> list[Finding]:
        """What the sentence states, in order, each with whether the passages say so."""
        context = words_of(sentence, self._language)
        keys = frozenset(codes_of(sentence)) | frozenset(self._asked_codes)
        findings = []
        for value in find_values(sentence, self._language):
            if self._is_checked(value, sentence):
                status, passage = self._look_up(value, context, keys, cited)
                check = Check(value.written, "number", status, passage)
                findings.append(Finding(value.start, value.end, check))
        for start, end in code_spans(sentence):
            status, passage = self._look_up_code(sentence[start:end], context, keys)
            check = Check(sentence[start:end], "code", status, passage)
            findings.append(Finding(start, end, check))
        return sorted(findings, key=lambda finding: finding.start)

    def _is_checked(self, value: Value, sentence: str) -> bool:
        """Bare small numbers are counts ("in 3 steps"): checked only where a manual counts too."""
        if value.unit is not None or value.decimals or value.readings[0] > _SMALL:
            return True
        noun = _WORD.match(sentence, value.end + 1)
        if noun is None:
            return False
        counted = root(fold(noun[0]), self._language)
        return any(
            self._counts(record, counted) for record in self._records if counted in record.words
        )

    def _counts(self, record: _Record, counted: str) -> bool:
        return any(
            value.unit is None
            and (noun := _WORD.match(record.text, value.end + 1)) is not None
            and root(fold(noun[0]), self._language) == counted
            for value in record.values
        )

    def _look_up(
        self, value: Value, context: frozenset[str], keys: frozenset[str], cited: frozenset[int]
    ) -> tuple[Literal["found", "converted", "missing"], int | None]:
        matching: list[tuple[float, _Record, bool]] = []
        competing = 0.0
        asked = {key for key in self._asked_codes if any(key in r.keys for r in self._records)}
        for record in self._records:
            if asked and record.keys and not record.keys & asked:
                match = None  # the record of another code than the one asked for
                score = 0.0
            else:
                match = _match(value, record)
                score = self._score(record, context, keys)
            if match is not None:
                matching.append((score + (0.01 if record.passage in cited else 0), record, match))
            elif record.row and any(
                other.dimension == value.dimension and value.unit for other in record.values
            ):
                competing = max(competing, score)
        if not matching:
            return self._given_in_question(value)
        best_score, best, converted = max(matching, key=lambda entry: (entry[0], not entry[2]))
        if best.row and competing > best_score * _CLEARLY_BETTER:
            return "missing", None
        return ("converted" if converted else "found"), best.passage

    def _given_in_question(self, value: Value) -> tuple[Literal["found", "missing"], int | None]:
        """A value the user wrote is no claim of the answer."""
        asked = find_values(self._question, self._language)
        same = any(_equal(value, other) is False for other in asked)
        return ("found" if same else "missing"), None

    def _look_up_code(
        self, printed: str, context: frozenset[str], keys: frozenset[str]
    ) -> tuple[Literal["found", "missing"], int | None]:
        folded = fold_code(printed)
        matching = [record for record in self._records if folded in record.codes]
        if not matching:
            return ("found" if folded in self._asked_codes else "missing"), None
        others = keys - {folded}
        best = max(self._score(record, context, others) for record in matching)
        kind = _code_kind(printed)
        competing = max(
            (
                self._score(record, context, others)
                for record in self._records
                if record.row
                and folded not in record.codes
                and kind in map(_code_kind, record.codes.values())
            ),
            default=0.0,
        )
        row = any(record.row for record in matching)
        if kind != "fault" and row and competing > best * _CLEARLY_BETTER:
            return "missing", None
        return "found", matching[0].passage

    def _score(self, record: _Record, context: frozenset[str], keys: frozenset[str]) -> float:
        """Weighted words shared with the sentence and the question; codes count most."""
        score = 4.0 * len(keys & record.codes.keys())
        for word in context | self._question_words:
            share = 1.0 if word in context else _QUESTION_WEIGHT
            if word in record.words:
                score += share * self._weight[word]
            elif word in record.heading:
                score += share * _HEADING_WEIGHT
        return score


def words_of(text: str, language: Language) -> frozenset[str]:
    """The roots of the content words of ``text``."""
    return frozenset(
        root(folded, language)
        for word in _WORD.findall(text)
        if (folded := fold(word)) not in STOP_WORDS[language]
    )


def codes_of(text: str) -> dict[str, str]:
    """Folded code → as printed, for every code in ``text``."""
    return {fold_code(text[start:end]): text[start:end] for start, end in code_spans(text)}


def _records(number: int, chunk: Chunk) -> list[_Record]:
    row = chunk.kind in _TABLE_KINDS
    parts = chunk.text.split("\n") if row else _SENTENCE_END.split(chunk.text)
    heading = words_of(" ".join(chunk.heading), chunk.language)
    keys = frozenset(fold_code(code) for code in chunk.codes)
    return [
        _Record(
            number,
            part,
            words_of(part, chunk.language),
            heading,
            find_values(part, chunk.language),
            codes_of(part),
            row,
            keys,
        )
        for part in parts
        if part.strip()
    ]


def _match(value: Value, record: _Record) -> bool | None:
    """``False``: the record holds the value; ``True``: in another unit; ``None``: not at all."""
    best: bool | None = None
    for other in record.values:
        equal = _equal(value, other)
        if equal is False:
            return False
        if equal:
            best = True
    return best


def _equal(value: Value, other: Value) -> bool | None:
    """As ``_match``, for one value of a passage."""
    if value.unit is None or other.unit is None:
        bare = value.unit is None or _bare_matches(value, other)
        return False if bare and _shared(value.readings, other.readings, 1e-9) else None
    if value.unit.dimension != other.unit.dimension:
        return None
    if value.unit.name == other.unit.name:
        return False if _shared(value.readings, other.readings, 1e-9) else None
    # A converted value is rounded: half a unit of its last digit, or one per cent.
    step = abs(value.unit.factor) * 10.0**-value.decimals
    for mine in value.bases():
        for theirs in other.bases():
            offset = value.unit.offset
            allowed = max(0.51 * step, 0.01 * abs(theirs - offset))
            if abs(mine - theirs) <= allowed:
                return True
    return None


def _bare_matches(value: Value, other: Value) -> bool:
    return False


def _shared(mine: Sequence[float], theirs: Sequence[float], tolerance: float) -> bool:
    """The likelier readings agree, or one spelled openly agrees with one that is not."""
    if abs(mine[0] - theirs[0]) <= tolerance * max(1.0, abs(mine[0])):
        return True
    return any(
        abs(a - b) <= tolerance * max(1.0, abs(a))
        for a in mine
        for b in theirs
        if len(mine) != len(theirs)
    )


def _code_kind(printed: str) -> str:
    folded = fold_code(printed)
    if _THREAD.match(folded):
        return "thread"
    return "part" if sum(letter.isdigit() for letter in folded) > 4 else "fault"
