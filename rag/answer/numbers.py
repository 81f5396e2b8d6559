"""Check that every value and code of an answer is what the passages say.

A value is found when a passage holds the same number with the same unit, or one that converts
into it. It must moreover stand in the row or sentence that is meant: of those with a value of its
kind, the one that shares most words with the answer's sentence and the question; and in the
column whose header they name.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rag.answer.records import Cell, Record, codes_of, keys_of, records_of, words_of
from rag.answer.values import Value, code_spans, find_values
from rag.codes import fold_code
from rag.retrieve.words import fold, root
from rag.types import Check, Chunk, Language

Status = Literal["found", "converted", "missing"]

_WORD = re.compile(r"[^\W\d_]{2,}")
_SMALL = 12
_QUESTION_WEIGHT = 0.6
_HEADING_WEIGHT = 0.4
_CODE_WEIGHT = 4.0
_KEY_WEIGHT = 1.5
# How much more another row must share with the sentence before a value counts as that row's.
_CLEARLY_BETTER = {True: 1.25, False: 1.6}
# A cited passage that also holds the value keeps its citation from this share of the best on.
_CITED_WILL_DO = 0.4
_THREAD = re.compile(r"^(?:m|g|sw)\d")


@dataclass(frozen=True, slots=True)
class Finding:
    """A value or code in a sentence of the answer, from ``start`` to ``end``."""

    start: int
    end: int
    check: Check


@dataclass(frozen=True, slots=True)
class _Context:
    """What the sentence and the question speak of."""

    words: frozenset[str]
    keys: frozenset[str]
    codes: frozenset[str]
    cited: frozenset[int]


class Checker:
    """Checks sentences of one answer against the passages it was written from.

    ``passages`` are numbered from 1 as in the prompt; ``question`` is the self-contained one.
    """

    def __init__(self, passages: Sequence[Chunk], question: str, language: Language) -> None:
        self._language = language
        self._question = question
        self._question_words = words_of(question, language)
        self._question_keys = keys_of(question)
        self._asked_values = find_values(question, language)
        self._asked_codes = frozenset(codes_of(question))
        self._records = [
            record
            for number, chunk in enumerate(passages, start=1)
            for record in records_of(number, chunk)
        ]
        self._asked_records = {
            code for code in self._asked_codes if any(code in r.keys for r in self._records)
        }
        spread = Counter(word for record in self._records for word in record.words)
        total = len(self._records) + 1
        self._weight = {word: math.log(1 + total / count) for word, count in spread.items()}

    def check(self, sentence: str, cited: frozenset[int] = frozenset()) -> list[Finding]:
        """What the sentence states, in order, each with whether the passages say so."""
        context = _Context(
            words_of(sentence, self._language),
            keys_of(sentence),
            frozenset(codes_of(sentence)) | self._asked_codes,
            cited,
        )
        findings = []
        for value in find_values(sentence, self._language):
            if self._is_checked(value, sentence):
                status, passage = self._look_up(value, context)
                check = Check(value.written, "number", status, passage)
                findings.append(Finding(value.start, value.end, check))
        for start, end in code_spans(sentence):
            status, passage = self._look_up_code(sentence[start:end], context)
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

    def _counts(self, record: Record, counted: str) -> bool:
        """Whether the record says how many of something there are."""
        for value in find_values(record.text, self._language):
            noun = _WORD.match(record.text, value.end + 1)
            if value.unit is None and noun and root(fold(noun[0]), self._language) == counted:
                return True
        return False

    def _look_up(self, value: Value, context: _Context) -> tuple[Status, int | None]:
        candidates: list[tuple[float, bool, Record]] = []
        rivals: list[tuple[float, Record]] = []
        for record in self._records:
            if self._asked_records and record.keys and not record.keys & self._asked_records:
                continue  # the record of another code than the one asked for
            converted = self._match(value, record, context)
            score = self._score(record, context)
            if converted is not None:
                candidates.append((score, not converted, record))
            elif value.unit and any(_rivals(value, other) for other in record.values):
                rivals.append((score, record))
        if not candidates:
            asked = any(equal_values(value, other) is False for other in self._asked_values)
            return ("found" if asked else "missing"), None
        score, direct, record = max(candidates, key=lambda one: one[:2])
        cited = [one for one in candidates if one[2].passage in context.cited]
        if cited and max(cited, key=lambda one: one[:2])[0] >= _CITED_WILL_DO * score:
            score, direct, record = max(cited, key=lambda one: one[:2])
        if any(self._is_meant_instead(rival, (score, record), context) for rival in rivals):
            return "missing", None
        return ("found" if direct else "converted"), record.passage

    def _is_meant_instead(
        self, rival: tuple[float, Record], found: tuple[float, Record], context: _Context
    ) -> bool:
        """Whether the sentence speaks of another row or sentence than the one with its value."""
        rival_score, other = rival
        score, record = found
        if rival_score > score * _CLEARLY_BETTER[record.row] + 0.3:
            return True
        spoken = context.words | context.keys | self._question_words | self._question_keys
        named = bool(other.label) and other.label <= spoken
        return named and bool(record.label - spoken) and rival_score > 0.9 * score

    def _match(self, value: Value, record: Record, context: _Context) -> bool | None:
        """``False``: the record holds the value; ``True``: in another unit; ``None``: not at all,
        or only in a column that is not meant."""
        matches: dict[int, bool] = {}
        for place, cell in enumerate(record.cells):
            foreign = record.language != self._language
            equal = [equal_values(value, other, foreign=foreign) for other in cell.values]
            if False in equal:
                matches[place] = False
            elif True in equal:
                matches[place] = True
        if not matches:
            return None
        if record.row:
            meant = {
                place: self._meant(cell, context)
                for place, cell in enumerate(record.cells)
                if place in matches or any(v.dimension == value.dimension for v in cell.values)
            }
            most = max(meant.values())
            matches = {place: match for place, match in matches.items() if meant[place] >= most}
        return min(matches.values()) if matches else None

    def _meant(self, cell: Cell, context: _Context) -> float:
        """How clearly the sentence, or else the question, names the cell's column."""
        spoken = len(cell.header_keys & context.keys) * 3 + len(cell.header_words & context.words)
        asked = len(cell.header_keys & self._question_keys) * 3 + len(
            cell.header_words & self._question_words
        )
        return spoken + _QUESTION_WEIGHT * asked

    def _look_up_code(self, printed: str, context: _Context) -> tuple[Status, int | None]:
        folded = fold_code(printed)
        matching = [record for record in self._records if folded in record.codes]
        if not matching:
            return ("found" if folded in self._asked_codes else "missing"), None
        others = _Context(context.words, context.keys, context.codes - {folded}, context.cited)
        best = max(matching, key=lambda record: self._score(record, others))
        kind = _code_kind(folded)
        if kind == "fault":
            return "found", best.passage
        competing = max(
            (
                self._score(record, others)
                for record in self._records
                if folded not in record.codes and kind in map(_code_kind, record.codes)
            ),
            default=0.0,
        )
        if competing > self._score(best, others) * _CLEARLY_BETTER[best.row] + 0.3:
            return "missing", None
        return "found", best.passage

    def _score(self, record: Record, context: _Context) -> float:
        """Weighted words shared with the sentence and the question; codes count most."""
        score = _CODE_WEIGHT * len(context.codes & record.codes.keys())
        score += _KEY_WEIGHT * len((context.keys | self._question_keys) & record.keys_in_text)
        for word in context.words | self._question_words:
            share = 1.0 if word in context.words else _QUESTION_WEIGHT
            if word in record.words:
                score += share * self._weight[word]
            elif word in record.heading:
                score += share * _HEADING_WEIGHT
        return score


def _rivals(value: Value, other: Value) -> bool:
    """Another value of the same kind, or the same number in another unit."""
    if other.unit is None or value.unit is None:
        return False
    return other.unit.dimension == value.unit.dimension or other.digits == value.digits


def equal_values(value: Value, other: Value, *, foreign: bool = False) -> bool | None:
    """``False``: the same value; ``True``: the same in another unit; ``None``: another value.

    ``foreign``: the two are written in different languages.
    """
    if value.unit is None:
        return False if _shared(value, other, foreign) else None
    if other.unit is None or value.unit.dimension != other.unit.dimension:
        return None
    if value.unit.name == other.unit.name:
        return False if _shared(value, other, foreign) else None
    # A converted value is rounded: half a unit of its last digit, or one per cent.
    step = abs(value.unit.factor) * 10.0**-value.decimals
    for mine in value.bases():
        for theirs in other.bases():
            if mine == 0 or theirs == 0:
                continue  # nothing is nothing in every unit: no sign of a conversion
            allowed = max(0.51 * step, 0.01 * abs(theirs - value.unit.offset))
            if abs(mine - theirs) <= allowed:
                return True
    return None


def _shared(value: Value, other: Value, foreign: bool) -> bool:
    """Written alike, or read alike; between languages any reading of an open spelling counts."""
    mine, theirs = value.readings, other.readings
    if math.isclose(mine[0], theirs[0], rel_tol=1e-9):
        return True
    if value.digits == other.digits and math.copysign(1, mine[0]) == math.copysign(1, theirs[0]):
        return True
    return foreign and any(
        math.isclose(one, another, rel_tol=1e-9) for one in mine for another in theirs
    )


def _code_kind(folded: str) -> str:
    if _THREAD.match(folded):
        return "thread"
    return "part" if sum(letter.isdigit() for letter in folded) > 4 else "fault"
